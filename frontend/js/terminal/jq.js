// The part of jq that people use with kubectl: paths, `[]`, pipes, `,`, comparisons, `and`/`or`/`//`, objects and lists,
// and the functions below. What it does not know it refuses by name.

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?)|(==|!=|<=|>=|\/\/|\.\.|[.[\]{}()|,:<>+\-*?])|([A-Za-z_][\w]*))/y;

const truthy = (value) => value !== null && value !== false;
const rank = (value) => [null, false, true].indexOf(value) + 1 || { number: 4, string: 5 }[typeof value] || (Array.isArray(value) ? 6 : 7);
function compare(a, b) {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (rank(a) < 4) return 0;
  const [x, y] = rank(a) < 6 ? [a, b] : [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : Number(x > y);
}
const add = (a, b) => {
  if (a === null) return b;
  if (b === null) return a;
  if (Array.isArray(a)) return [...a, ...b];
  return typeof a === "object" ? { ...a, ...b } : a + b;
};

/** A program: a function from a value to a list of values. `fail(why)` makes the error that is thrown. */
export function jq(source, fail) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (source.slice(TOKEN.lastIndex).trim()) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(source);
    if (!found) throw fail(`syntax error near ${JSON.stringify(source.slice(at).trim())}`);
    tokens.push({ text: found[0].trim(), string: found[1], number: found[2], word: found[4] });
  }
  let at = 0;
  const peek = () => tokens[at]?.text;
  const take = (text) => (peek() === text ? (at++, true) : false);
  const need = (text) => {
    if (!take(text)) throw fail(`syntax error: ${text} expected${peek() ? `, not ${peek()}` : ""}`);
  };
  const type = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

  const field = (value, key) => {
    if (value === null) return null;
    if (typeof key === "number" && Array.isArray(value)) return value.at(key) ?? null;
    if (typeof key === "string" && type(value) === "object") return (Object.hasOwn(value, key) ? value[key] : null) ?? null;
    throw fail(`Cannot index ${type(value)} with ${JSON.stringify(key)}`);
  };
  const each = (value) => {
    if (value === null || typeof value !== "object") throw fail(`Cannot iterate over ${type(value)}`);
    return Object.values(value);
  };
  const sortedBy = (list, key) => [...list].sort((a, b) => compare(key(a)[0], key(b)[0]));
  const FUNCTIONS = {
    length: (value) => [value === null ? 0 : typeof value === "object" ? Object.keys(value).length : typeof value === "string" ? Array.from(value).length : Math.abs(value)],
    keys: (value) => [Array.isArray(value) ? [...value.keys()] : Object.keys(value).sort()],
    select: (value, [test]) => test(value).flatMap((verdict) => (truthy(verdict) ? [value] : [])),
    map: (value, [make]) => [each(value).flatMap(make)],
    has: (value, [key]) => key(value).map((name) => Object.hasOwn(value, name)),
    not: (value) => [!truthy(value)],
    empty: () => [],
    add: (value) => [each(value).reduce(add, null)],
    first: (value) => [field(value, 0)],
    last: (value) => [field(value, -1)],
    sort: (value) => [[...value].sort(compare)],
    sort_by: (value, [key]) => [sortedBy(value, key)],
    group_by: (value, [key]) => [sortedBy(value, key).reduce((groups, item) => {
      if (groups.length && compare(key(groups.at(-1)[0])[0], key(item)[0]) === 0) groups.at(-1).push(item);
      else groups.push([item]);
      return groups;
    }, [])],
    unique: (value) => [[...value].sort(compare).filter((item, index, all) => !index || compare(item, all[index - 1]))],
    max: (value) => [[...value].sort(compare).at(-1) ?? null],
    min: (value) => [[...value].sort(compare)[0] ?? null],
    reverse: (value) => [[...value].reverse()],
    type: (value) => [type(value)],
    tostring: (value) => [typeof value === "string" ? value : JSON.stringify(value)],
    tonumber: (value) => [Number(value)],
    to_entries: (value) => [Object.entries(value).map(([key, item]) => ({ key, value: item }))],
    from_entries: (value) => [Object.fromEntries(value.map((entry) => [entry.key ?? entry.name, entry.value]))],
    join: (value, [by]) => by(value).map((text) => value.map((item) => item ?? "").join(text)),
    split: (value, [by]) => by(value).map((text) => value.split(text)),
    startswith: (value, [start]) => start(value).map((text) => value.startsWith(text)),
    endswith: (value, [end]) => end(value).map((text) => value.endsWith(text)),
    contains: (value, [part]) => part(value).map((text) => value.includes(text)),
    test: (value, [pattern]) => pattern(value).map((text) => new RegExp(text).test(value)),
    any: (value, [test]) => [each(value).some((item) => truthy(test ? test(item)[0] : item))],
    all: (value, [test]) => [each(value).every((item) => truthy(test ? test(item)[0] : item))],
  };

  const pipe = () => {
    const left = comma();
    if (!take("|")) return left;
    const right = pipe();
    return (value) => left(value).flatMap(right);
  };
  const comma = () => {
    let left = binary(0);
    while (take(",")) {
      const [one, other] = [left, binary(0)];
      left = (value) => [...one(value), ...other(value)];
    }
    return left;
  };
  const LEVELS = [
    { "//": null }, { or: (a, b) => truthy(a) || truthy(b) }, { and: (a, b) => truthy(a) && truthy(b) },
    { "==": (a, b) => compare(a, b) === 0, "!=": (a, b) => compare(a, b) !== 0, "<": (a, b) => compare(a, b) < 0,
      ">": (a, b) => compare(a, b) > 0, "<=": (a, b) => compare(a, b) <= 0, ">=": (a, b) => compare(a, b) >= 0 },
    { "+": add, "-": (a, b) => a - b }, { "*": (a, b) => a * b },
  ];
  const binary = (level) => {
    if (level === LEVELS.length) return postfix();
    let left = binary(level + 1);
    while (peek() && Object.hasOwn(LEVELS[level], peek())) {
      const act = LEVELS[level][tokens[at++].text];
      const [one, other] = [left, binary(level + 1)];
      left = act ? (value) => other(value).flatMap((b) => one(value).map((a) => act(a, b))) : (value) => {
        const good = one(value).filter(truthy);
        return good.length ? good : other(value);
      };
    }
    return left;
  };
  const postfix = () => {
    let run = primary();
    for (;;) {
      const before = run;
      if (take("[")) run = index(before);
      else if (peek() === "." && (tokens[at + 1]?.word || tokens[at + 1]?.string)) {
        at++;
        const { word, string } = tokens[at++];
        const key = word ?? JSON.parse(string);
        run = (value) => before(value).map((item) => field(item, key));
      } else if (take("?")) run = (value) => {
        try {
          return before(value);
        } catch {
          return [];
        }
      };
      else return run;
    }
  };
  const index = (before) => {
    if (take("]")) return (value) => before(value).flatMap(each);
    const from = take(":") ? null : pipe();
    if (from && take("]")) return (value) => before(value).flatMap((item) => from(value).map((key) => field(item, key)));
    if (from) need(":");
    const to = peek() === "]" ? null : pipe();
    need("]");
    return (value) => before(value).map((item) => item.slice(from?.(value)[0] ?? 0, to?.(value)[0]));
  };
  const primary = () => {
    const token = tokens[at++];
    if (!token) throw fail("syntax error: the program ends too early");
    if (token.string) return literal(token.string);
    if (token.number) return () => [Number(token.number)];
    if (token.text === "(") {
      const inner = pipe();
      need(")");
      return inner;
    }
    if (token.text === "-") {
      const inner = postfix();
      return (value) => inner(value).map((number) => -number);
    }
    if (token.text === ".") {
      const next = tokens[at];
      if (!next?.word && !next?.string) return (value) => [value];
      at++;
      const key = next.word ?? JSON.parse(next.string);
      return (value) => [field(value, key)];
    }
    if (token.text === "..") {
      const down = (value) => [value, ...(value && typeof value === "object" ? Object.values(value).flatMap(down) : [])];
      return down;
    }
    if (token.text === "[") {
      if (take("]")) return () => [[]];
      const inner = pipe();
      need("]");
      return (value) => [inner(value)];
    }
    if (token.text === "{") return object();
    if (token.word in { null: 1, true: 1, false: 1 }) return () => [JSON.parse(token.word)];
    if (token.word && Object.hasOwn(FUNCTIONS, token.word)) {
      const args = [];
      if (take("(")) {
        do args.push(pipe()); while (take(";"));
        need(")");
      }
      return (value) => FUNCTIONS[token.word](value, args);
    }
    throw fail(`${token.text} is not known to this small jq`);
  };
  /** Text with `\(…)` in it. */
  const literal = (text) => {
    const parts = text.slice(1, -1).split(/\\\(([^()]*)\)/);
    const made = parts.map((part, place) => (place % 2 ? jq(part, fail) : JSON.parse(`"${part}"`)));
    return (value) => [made.map((part) => {
      if (typeof part === "string") return part;
      const [item] = part(value);
      return typeof item === "string" ? item : JSON.stringify(item);
    }).join("")];
  };
  const object = () => {
    const entries = [];
    while (!take("}")) {
      const { word, string } = tokens[at++] ?? {};
      const key = word ?? (string && JSON.parse(string));
      if (!key) throw fail("syntax error: a key expected");
      entries.push([key, take(":") ? binary(0) : (value) => [field(value, key)]]);
      if (peek() !== "}") need(",");
    }
    return (value) => entries.reduce((made, [key, run]) => made.flatMap((item) => run(value).map((found) => ({ ...item, [key]: found }))), [{}]);
  };

  const program = pipe();
  if (at < tokens.length) throw fail(`syntax error near ${peek()}`);
  return program;
}

// What people write for awk behind kubectl: patterns and actions, fields, sums by name. A reader that descends by precedence makes
// a function of each expression; nothing of a program reaches JavaScript as code.

const TOKEN = /\s*(?:(\d+\.?\d*)|"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*)|(\+\+|--|&&|\|\||[-+*/%=!<>]=|!~|[-+*/%=!<>~${}()[\],;?:\n]))/y;
const ESCAPES = { n: "\n", t: "\t", '"': '"', "\\": "\\", "/": "/" };
const FUNCTIONS = {
  length: (text) => text.length,
  substr: (text, from, many = Infinity) => text.slice(Math.max(0, from - 1), Math.max(0, from - 1 + Number(many))),
  toupper: (text) => text.toUpperCase(),
  tolower: (text) => text.toLowerCase(),
  int: (text) => Math.trunc(number(text)),
  index: (text, part) => text.indexOf(part) + 1,
  fflush: () => 0,
  sprintf: (form, ...values) => printf(form, values),
};
/** What else awk has, and this one has not: said, before something else is made of it. */
const UNKNOWN = new Set(["function", "func", "while", "do", "getline", "delete", "exit", "match", "close", "system", "nextfile", "rand", "srand"]);

const number = (value) => (typeof value === "number" ? value : Number.parseFloat(value) || 0);
const isNumber = (value) => typeof value === "number" || (value !== "" && value.trim() !== "" && Number.isFinite(Number(value)));
const text = (value) => (typeof value === "number" ? String(Number.isInteger(value) ? value : Number(value.toPrecision(6))) : value);
const truth = (value) => (isNumber(value) ? number(value) !== 0 : value !== "");
const compare = (a, b) => (isNumber(a) && isNumber(b) ? number(a) - number(b) : text(a) < text(b) ? -1 : Number(text(a) > text(b)));

/** The fields of a line: apart by any white space where that is one space, or by a sign or a pattern. */
function fieldsOf(line, by) {
  if (by === " ") return line.trim().split(/\s+/).filter(Boolean);
  if (line === "") return [];
  return line.split(typeof by === "string" && by.length > 1 ? new RegExp(by) : by);
}

/** The text of `printf`: `%s`, `%d`, `%f`, with width and precision. */
export function printf(form, values) {
  let at = 0;
  return form.replace(/%(-?)(0?)(\d*)(?:\.(\d+))?([sdif%])/g, (_, left, zero, width, precision, kind) => {
    if (kind === "%") return "%";
    const value = values[at++] ?? "";
    const shown = kind === "s" ? text(value).slice(0, precision === undefined ? undefined : Number(precision))
      : kind === "f" ? number(value).toFixed(Number(precision ?? 6)) : String(Math.trunc(number(value)));
    return left ? shown.padEnd(Number(width)) : shown.padStart(Number(width), zero && kind !== "s" ? "0" : " ");
  });
}

class Reader {
  constructor(source, wrong) {
    this.source = source;
    this.at = 0;
    this.lacks = (what) => wrong(`${what} is not known to this terminal's awk`);
    this.wrong = () => wrong(`syntax error at: ${source.slice(this.from).trim() || "the end"}`);
    this.next();
  }

  next() {
    this.from = this.at;
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.source);
    if (!found) {
      if (this.source.slice(this.at).trim()) throw this.wrong();
      this.token = {};
      return;
    }
    this.at = TOKEN.lastIndex;
    const [, digits, quoted, name, sign] = found;
    this.token = digits !== undefined ? { number: Number(digits) }
      : quoted !== undefined ? { string: quoted.replace(/\\(.)/g, (all, letter) => ESCAPES[letter] ?? all) }
        : name !== undefined ? { name } : { sign };
  }

  is = (sign) => this.token.sign === sign;
  takes(sign) {
    if (!this.is(sign)) return false;
    this.next();
    return true;
  }
  expect(sign) {
    if (!this.takes(sign)) throw this.wrong();
  }
  list(end) {
    const all = [];
    while (!this.is(end)) {
      all.push(this.whole());
      if (!this.takes(",")) break;
    }
    this.expect(end);
    return all;
  }

  /** `a ? b : c` */
  whole = () => {
    const condition = this.or();
    if (!this.takes("?")) return condition;
    const then = this.whole();
    this.expect(":");
    const otherwise = this.whole();
    return (run) => (truth(condition(run)) ? then(run) : otherwise(run));
  };
  binary(lower, signs, make) {
    let left = lower();
    while (signs.includes(this.token.sign)) {
      const { sign } = this.token;
      this.next();
      left = make(sign, left, lower());
    }
    return left;
  }
  or = () => this.binary(this.and, ["||"], (_, a, b) => (run) => Number(truth(a(run)) || truth(b(run))));
  and = () => this.binary(this.match, ["&&"], (_, a, b) => (run) => Number(truth(a(run)) && truth(b(run))));
  match = () => this.binary(this.relation, ["~", "!~"], (sign, a, b) => (run) =>
    Number((b.pattern ?? new RegExp(text(b(run)))).test(text(a(run))) === (sign === "~")));
  relation = () => this.binary(this.joined, this.printing ? ["<", "<=", ">=", "==", "!="] : ["<", "<=", ">", ">=", "==", "!="], (sign, a, b) => (run) => {
    const order = compare(a(run), b(run));
    return Number({ "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "==": order === 0, "!=": order !== 0 }[sign]);
  });
  /** What stands beside each other is put together. */
  joined = () => {
    let left = this.sum();
    while (this.token.number !== undefined || this.token.string !== undefined || this.token.name || this.is("$") || this.is("(")) {
      const [a, b] = [left, this.sum()];
      left = (run) => text(a(run)) + text(b(run));
    }
    return left;
  };
  sum = () => this.binary(this.product, ["+", "-"], (sign, a, b) => (run) => number(a(run)) + (sign === "+" ? 1 : -1) * number(b(run)));
  product = () => this.binary(this.unary, ["*", "/", "%"], (sign, a, b) => (run) => {
    const [x, y] = [number(a(run)), number(b(run))];
    return sign === "*" ? x * y : sign === "/" ? x / y : x % y;
  });
  unary = () => {
    if (this.takes("!")) {
      const of = this.unary();
      return (run) => Number(!truth(of(run)));
    }
    if (this.takes("-")) {
      const of = this.unary();
      return (run) => -number(of(run));
    }
    return this.changed(this.primary());
  };
  /** A place that is set, added to or counted up. */
  changed(place) {
    if (!place.set) return place;
    const { sign } = this.token;
    if (sign === "++" || sign === "--") {
      this.next();
      return (run) => {
        const before = number(place(run));
        place.set(run, before + (sign === "++" ? 1 : -1));
        return before;
      };
    }
    if (!["=", "+=", "-=", "*=", "/="].includes(sign)) return place;
    this.next();
    const value = this.whole();
    return (run) => {
      const [old, other] = [number(place(run)), value(run)];
      const by = number(other);
      return place.set(run, { "=": other, "+=": old + by, "-=": old - by, "*=": old * by, "/=": old / by }[sign]);
    };
  }
  primary() {
    const { number: digits, string, name, sign } = this.token;
    if (sign === "/") return this.regex();
    if (UNKNOWN.has(name)) throw this.lacks(name);
    if (digits === undefined && string === undefined && !name && sign !== "$" && sign !== "(") throw this.wrong();
    this.next();
    if (digits !== undefined) return () => digits;
    if (string !== undefined) return () => string;
    if (sign === "(") {
      const inner = this.whole();
      this.expect(")");
      return (run) => inner(run);
    }
    if (name === "sub" || name === "gsub" || name === "split") return this.changing(name);
    if (sign === "$") {
      const which = this.primary();
      return Object.assign((run) => run.field(number(which(run))), { set: (run, value) => run.setField(number(which(run)), value) });
    }
    if (Object.hasOwn(FUNCTIONS, name)) {
      const args = this.takes("(") ? this.list(")") : [];
      return (run) => FUNCTIONS[name](...(args.length ? args.map((arg) => text(arg(run))) : [run.line]));
    }
    if (this.takes("[")) {
      const key = this.or();
      this.expect("]");
      return Object.assign((run) => run.array(name).get(text(key(run))) ?? "", {
        set: (run, value) => (run.array(name).set(text(key(run)), value), value),
      });
    }
    return Object.assign((run) => run.names.get(name) ?? "", { called: name, set: (run, value) => run.setName(name, value) });
  }
  /** `sub(/a/, "b")`, `gsub(/a/, "b", $2)`, `split($1, parts, "-")` */
  changing(name) {
    this.expect("(");
    const args = this.list(")");
    if (name === "split") {
      const [of, into, by] = args;
      if (!into?.called) throw this.wrong();
      return (run) => {
        const parts = fieldsOf(text(of(run)), by?.pattern ?? text(by ? by(run) : run.names.get("FS")));
        const array = run.array(into.called);
        array.clear();
        parts.forEach((part, at) => array.set(String(at + 1), part));
        return parts.length;
      };
    }
    const [what, put, place] = args;
    if (!put || (place && !place.set)) throw this.wrong();
    return (run) => {
      const { source } = what.pattern ?? new RegExp(text(what(run)));
      const words = text(put(run)).replace(/\\\\&|&/g, (found) => (found === "&" ? "$&" : "&"));
      const old = text(place ? place(run) : run.line);
      let count = 0;
      const changed = old.replace(new RegExp(source, name === "gsub" ? "g" : ""), (all) => (count++, words.replace("$&", () => all)));
      if (count) place ? place.set(run, changed) : run.setField(0, changed);
      return count;
    };
  }
  regex() {
    const found = /^\/((?:[^/\\]|\\.)+)\//.exec(this.source.slice(this.at - 1));
    if (!found) throw this.wrong();
    this.at += found[0].length - 1;
    this.next();
    let pattern;
    try {
      pattern = new RegExp(found[1].replace(/\[\[:space:\]\]/g, "\\s").replace(/\[\[:digit:\]\]/g, "\\d"));
    } catch {
      throw this.wrong();
    }
    return Object.assign((run) => Number(pattern.test(run.line)), { pattern });
  }

  block() {
    if (!this.takes("{")) return this.statement();
    const all = [];
    while (!this.takes("}")) {
      if (this.takes(";") || this.takes("\n")) continue;
      all.push(this.statement());
    }
    return (run) => all.forEach((one) => one(run));
  }
  statement() {
    const { name } = this.token;
    if (name === "print" || name === "printf") {
      this.next();
      const values = [];
      // With parentheses around all of it, too; behind a sign that would write to a file here nothing is compared.
      const enclosed = this.is("(") && /^\((?:[^()]|\([^()]*\))*\)\s*(?:[;}\n]|$)/.test(this.source.slice(this.at - 1));
      if (enclosed) this.next();
      while (!this.is("}") && !this.is(";") && !this.is("\n") && !this.is(")") && Object.keys(this.token).length) {
        this.printing = !enclosed;
        values.push(this.whole());
        this.printing = false;
        if (!this.takes(",")) break;
      }
      if (enclosed) this.expect(")");
      if (this.is(">")) throw this.lacks("> FILE");
      if (name === "printf") return (run) => run.out(printf(text(values[0]?.(run) ?? ""), values.slice(1).map((value) => value(run))), false);
      return (run) => run.out(values.length ? values.map((value) => text(value(run))).join(text(run.names.get("OFS"))) : run.line, true);
    }
    if (name === "next") {
      this.next();
      return (run) => { throw run.skip; };
    }
    if (name === "if") {
      this.next();
      this.expect("(");
      const condition = this.whole();
      this.expect(")");
      const then = this.block();
      this.takes(";");
      const otherwise = this.token.name === "else" && (this.next(), this.block());
      return (run) => (truth(condition(run)) ? then(run) : otherwise && otherwise(run));
    }
    if (name === "for") {
      this.next();
      this.expect("(");
      const key = this.token.name;
      this.next();
      if (this.token.name !== "in" || !key) throw this.lacks("for (;;)");
      this.next();
      const array = this.token.name;
      this.next();
      this.expect(")");
      const body = this.block();
      return (run) => {
        for (const name of [...run.array(array).keys()]) {
          run.names.set(key, name);
          body(run);
        }
      };
    }
    return this.whole();
  }

  /** Rules: when each is for, and what it does. */
  rules() {
    const rules = [];
    while (Object.keys(this.token).length) {
      if (this.takes("\n") || this.takes(";")) continue;
      const when = this.token.name === "BEGIN" || this.token.name === "END" ? this.token.name : undefined;
      if (when) this.next();
      const pattern = when || this.is("{") ? undefined : this.whole();
      if (this.is(",")) throw this.lacks("/from/,/to/");
      const act = this.is("{") ? this.block() : (run) => run.out(run.line, true);
      rules.push({ when, pattern, act });
    }
    return rules;
  }
}

/** The highest number of a field: a slip of the finger in one is not to fill the page's memory. */
const MOST_FIELDS = 32_767;

/** Does `work`; what is nested or padded beyond what the page can hold, or no pattern after all, is the program's error. */
function within(work, wrong) {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof SyntaxError) throw wrong(thrown.message);
    throw thrown;
  }
}

/** A program as a filter: it gives lines for a line, and more at the end. `wrong(why)` makes an error. */
export function awk(source, { separator, set = [] }, wrong) {
  const rules = within(() => new Reader(source, wrong).rules(), wrong);
  const names = new Map([["NR", 0], ["NF", 0], ["OFS", " "], ["FS", separator ?? " "], ...set]);
  const arrays = new Map();
  let fields = [];
  let [lines, open] = [[], ""];
  const run = {
    line: "", names, skip: {},
    array: (name) => arrays.get(name) ?? (arrays.set(name, new Map()), arrays.get(name)),
    field: (which) => (which === 0 ? run.line : fields[which - 1] ?? ""),
    setField(which, value) {
      if (which === 0) run.read(text(value));
      else if (!(which > 0 && which <= MOST_FIELDS)) throw wrong(`trying to access out of range field ${text(which)}`);
      else run.resize(Math.max(which, fields.length), () => (fields[which - 1] = text(value)));
      return value;
    },
    /** Whoever sets how many fields there are shortens the line, or makes it longer. */
    setName(name, value) {
      names.set(name, value);
      if (name === "NF") {
        const wanted = Math.trunc(number(value));
        if (!(wanted >= 0 && wanted <= MOST_FIELDS)) throw wrong(`NF set to ${wanted < 0 ? "negative" : "too large a"} value`);
        run.resize(wanted);
      }
      return value;
    },
    resize(wanted, put) {
      while (fields.length < wanted) fields.push("");
      fields.length = wanted;
      put?.();
      names.set("NF", wanted);
      run.line = fields.join(text(names.get("OFS")));
    },
    read(line) {
      run.line = line;
      fields = fieldsOf(line, text(names.get("FS")));
      names.set("NF", fields.length);
    },
    out(what, whole) {
      const all = `${open}${what}${whole ? "\n" : ""}`.split("\n");
      open = all.pop();
      lines.push(...all);
    },
  };
  const play = (when) => {
    lines = [];
    try {
      within(() => {
        for (const rule of rules) if (rule.when === when && (!rule.pattern || truth(rule.pattern(run)))) rule.act(run);
      }, wrong);
    } catch (thrown) {
      if (thrown !== run.skip) throw thrown;
    }
    return lines;
  };
  const first = play("BEGIN");
  return {
    line(line) {
      run.read(line);
      names.set("NR", names.get("NR") + 1);
      return [...first.splice(0), ...play()];
    },
    end() {
      const lines = [...first.splice(0), ...play("END")];
      this.open = open !== "";
      return open ? [...lines, open] : lines;
    },
  };
}

// What stands for something else in the words of a command: patterns, sums, `${NAME#…}`, `{1..5}`.

import { Abort, Wrong } from "./filters.js";

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** The source of a regular expression for `*`, `?` and `[…]`; what was in quotes means itself. */
const sourceOf = (pieces) => pieces.map(({ text, how }) => (how === "quoted" ? literal(text)
  : text.replace(/\[!?[^\]]+\]|\*|\?|[.+^${}()|[\]\\]/g, (sign) =>
    (sign === "*" ? "[^]*" : sign === "?" ? "[^]" : /^\[[^]/.test(sign) ? sign.replace(/^\[!/, "[^").replace(/\\/g, "\\\\") : `\\${sign}`)))).join("");
const expression = (source) => {
  try {
    return new RegExp(source);
  } catch {
    throw new Wrong(`invalid pattern: ${source.slice(1, -1)}`);
  }
};

/** A pattern of `case`, `[[ … ]]` and file names, from the pieces of its word (`{text, how}`). */
export const pattern = (pieces) => expression(`^${sourceOf(pieces)}$`);

/** `value` without what `#`, `##`, `%` or `%%` takes off it. */
function cut(value, op, pieces) {
  const wanted = expression(`^${sourceOf(pieces)}$`);
  const ends = Array.from({ length: value.length + 1 }, (_, length) => length);
  const length = (op.length > 1 ? ends.reverse() : ends).find((length) => wanted.test(op[0] === "#" ? value.slice(0, length) : value.slice(value.length - length)));
  if (length === undefined) return value;
  return op[0] === "#" ? value.slice(length) : value.slice(0, value.length - length);
}

/** `${NAME…}` with what stands behind the name: an operator and its word, in pieces. */
export function changed(value, name, op, pieces) {
  const word = pieces.map(({ text }) => text).join("");
  const [, colon, kind] = op.match(/^(:?)([-+?=])$/) ?? [];
  const isSet = value !== undefined && (!colon || value !== "");
  if (kind === "+") return isSet ? word : "";
  if (kind && isSet) return value;
  if (kind === "?") throw new Abort(`${name}: ${word || "parameter not set"}`);
  if (kind) return word;
  if (op[0] !== "/") return cut(value ?? "", op, pieces);
  // The first `/` that was typed parts what is looked for from what comes in its place.
  const at = pieces.findIndex(({ text, how }) => how === "bare" && text.includes("/"));
  const [wanted, other] = at < 0 ? [pieces, ""] : [
    [...pieces.slice(0, at), { ...pieces[at], text: pieces[at].text.split("/")[0] }],
    [pieces[at].text.slice(pieces[at].text.indexOf("/") + 1), ...pieces.slice(at + 1).map(({ text }) => text)].join(""),
  ];
  return (value ?? "").replace(new RegExp(expression(sourceOf(wanted)), op.length > 1 ? "g" : ""), () => other);
}

/** `1 + 2 * $i`, with what `valueOf` says of names: whole numbers, as in `$((…))`. */
export function sum(text, valueOf) {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|[<>=!]=|\S/g) ?? [];
  const wrong = () => new Wrong(`arithmetic syntax error: ${text.trim()}`);
  const LEVELS = [
    { "==": (a, b) => +(a === b), "!=": (a, b) => +(a !== b), "<": (a, b) => +(a < b), "<=": (a, b) => +(a <= b), ">": (a, b) => +(a > b), ">=": (a, b) => +(a >= b) },
    { "+": (a, b) => a + b, "-": (a, b) => a - b },
    { "*": (a, b) => a * b, "/": (a, b) => Math.trunc(a / b), "%": (a, b) => a % b },
  ];
  const level = (at) => {
    if (at === LEVELS.length) return one();
    let left = level(at + 1);
    while (Object.hasOwn(LEVELS[at], tokens[0] ?? "")) {
      const act = LEVELS[at][tokens.shift()];
      left = act(left, level(at + 1));
      if (!Number.isSafeInteger(left)) throw wrong();
    }
    return left;
  };
  const one = () => {
    const token = tokens.shift();
    if (token === "-") return -one();
    if (token === "$") return named(tokens.shift() ?? "");
    if (token === "(") {
      const inner = level(0);
      if (tokens.shift() !== ")") throw wrong();
      return inner;
    }
    return /^\d+$/.test(token ?? "") ? Number(token) : named(token ?? "");
  };
  const named = (name) => {
    if (!/^\w+$/.test(name)) throw wrong();
    return Number.parseInt(valueOf(name) ?? "0", 10) || 0;
  };
  const result = level(0);
  if (tokens.length) throw wrong();
  return result;
}

/** `{1..5}` as the numbers it stands for. */
export function counted(word) {
  const [, before, from, to, behind] = word.match(/^(.*)\{(-?\d+)\.\.(-?\d+)\}(.*)$/) ?? [];
  if (from === undefined || Math.abs(to - from) > 10_000) return [word];
  const step = Number(from) <= Number(to) ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, at) => `${before}${Number(from) + at * step}${behind}`);
}

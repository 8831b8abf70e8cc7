// What stands for something else in the words of a command: patterns, `${NAME#…}`, `{1..5}`.

import { Abort, Wrong } from "./filters.js";

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const CLASSES = { alpha: "A-Za-z", digit: "\\d", alnum: "A-Za-z\\d", space: "\\s", upper: "A-Z", lower: "a-z", punct: "!-\\/:-@\\[-`{-~", blank: " \\t" };
const among = (sign) => sign.replace(/\\/g, "\\\\").replace(/^\[!/, "[^").replace(/\[:(\w+):\]/g, (all, name) => CLASSES[name] ?? all);
/** The source of a regular expression for `*`, `?` and `[…]`; what was in quotes means itself. */
const sourceOf = (pieces) => pieces.map(({ text, how }) => (how === "quoted" ? literal(text)
  : text.replace(/\[!?(?:\[:\w+:\]|[^\]])+\]|\*|\?|[.+^${}()|[\]\\]/g, (sign) =>
    (sign === "*" ? "[^]*" : sign === "?" ? "[^]" : /^\[[^]/.test(sign) ? among(sign) : `\\${sign}`)))).join("");
const expression = (source, flags) => {
  try {
    return new RegExp(source, flags);
  } catch {
    throw new Wrong(`invalid pattern: ${source}`);
  }
};

/** A pattern of `case`, `[[ … ]]` and file names, from the pieces of its word (`{text, how}`). */
export const pattern = (pieces) => expression(`^${sourceOf(pieces)}$`);
/** What stands right of `=~`: what was in quotes means itself. */
export const regular = (pieces) => expression(pieces.map(({ text, how }) => (how === "quoted" ? literal(text) : text)).join("").replace(/\[:(\w+):\]/g, (all, name) => CLASSES[name] ?? all));

/** `value` without what `#`, `##`, `%` or `%%` takes off it. */
function cut(value, op, pieces) {
  const source = sourceOf(pieces);
  // The shortest begins with the fewest letters; from behind, the first place from which the rest fits is the longest.
  if (op === "##") return value.replace(expression(`^${source}`), "");
  if (op === "#") return value.replace(expression(`^${source.replaceAll("[^]*", "[^]*?")}`), "");
  if (op === "%%") return value.replace(expression(`${source}$`), "");
  const [, left] = value.match(expression(`^([^]*)${source}$`)) ?? [];
  return left ?? value;
}

const CASES = { "^": (text) => text.toUpperCase(), ",": (text) => text.toLowerCase() };

/** `${NAME…}` with what stands behind the name: an operator and its word, in pieces. */
export function changed(value, name, op, pieces) {
  const word = pieces.map(({ text }) => text).join("");
  const [, colon, kind] = op.match(/^(:?)([-+?=])$/) ?? [];
  const isSet = value !== undefined && (!colon || value !== "");
  if (kind === "+") return isSet ? word : "";
  if (kind && isSet) return value;
  if (kind === "?") throw new Abort(`${name}: ${word || "parameter not set"}`);
  if (kind) return word;
  if (CASES[op[0]]) return op.length > 1 ? CASES[op[0]](value ?? "") : CASES[op[0]]((value ?? "").slice(0, 1)) + (value ?? "").slice(1);
  if (op[0] !== "/") return cut(value ?? "", op, pieces);
  // The first `/` that was typed parts what is looked for from what comes in its place.
  const at = pieces.findIndex(({ text, how }) => how === "bare" && text.includes("/"));
  const [wanted, other] = at < 0 ? [pieces, ""] : [
    [...pieces.slice(0, at), { ...pieces[at], text: pieces[at].text.split("/")[0] }],
    [pieces[at].text.slice(pieces[at].text.indexOf("/") + 1), ...pieces.slice(at + 1).map(({ text }) => text)].join(""),
  ];
  const source = sourceOf(wanted);
  if (!source) return value ?? "";
  return (value ?? "").replace(expression(op === "/#" ? `^${source}` : op === "/%" ? `${source}$` : source, op === "//" ? "g" : ""), () => other);
}

/** So many words may come of one pair of braces. */
const MOST = 100_000;

/** What `{…}` stands for, without the braces: `1..5`, `a..e`, `01..10..3`, `a,b`; nothing where it is a word like others. */
function choices(inside) {
  const [, from, to, step] = inside.match(/^(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.-?(\d+))?$/) ?? [];
  if (from === undefined || /\d/.test(from) !== /\d/.test(to)) return parts(inside);
  const letters = !/\d/.test(from);
  const [first, last] = letters ? [from.charCodeAt(0), to.charCodeAt(0)] : [Number(from), Number(to)];
  const by = Math.max(Number(step ?? 1), 1);
  if (Math.abs(last - first) / by > MOST) throw new Wrong(`{${inside}}: too many words`);
  const digits = [from, to].some((end) => /^-?0\d/.test(end)) ? Math.max(from.length, to.length) : 0;
  const shown = (value) => (letters ? String.fromCharCode(value) : `${value < 0 ? "-" : ""}${String(Math.abs(value)).padStart(digits - (value < 0 ? 1 : 0), "0")}`);
  return Array.from({ length: Math.floor(Math.abs(last - first) / by) + 1 }, (_, at) => shown(first + (first <= last ? at : -at) * by));
}

/** What commas part, outside of braces within. */
function parts(inside) {
  const found = [""];
  let depth = 0;
  for (const sign of inside) {
    if (sign === "," && !depth) found.push("");
    else found[found.length - 1] += sign;
    depth += (sign === "{") - (sign === "}");
  }
  return found.length > 1 ? found : undefined;
}

/** The words that braces make of a word: `web-{1..3}`, `{a,b}.yaml`. */
export function braced(word, left = { words: MOST }) {
  for (const [index, { text, how }] of word.entries()) {
    if (how !== "bare") continue;
    for (let from = text.indexOf("{"); from >= 0; from = text.indexOf("{", from + 1)) {
      let [to, depth] = [from, 0];
      do depth += (text[to] === "{") - (text[to] === "}"); while (depth && ++to < text.length);
      const found = depth ? undefined : choices(text.slice(from + 1, to));
      if (!found) continue;
      return found.flatMap((choice) => braced([
        ...word.slice(0, index), { how, text: text.slice(0, from) + choice + text.slice(to + 1) }, ...word.slice(index + 1),
      ], left));
    }
  }
  if (--left.words < 0) throw new Wrong("{…}: too many words");
  return [word];
}

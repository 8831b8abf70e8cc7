// `!!`, `!$` and their kind: what a line takes from those before it, as bash reads them.

import { Wrong } from "./filters.js";
import { inWords } from "./help.js";

/** The words of a line, and the signs between its commands; a quote without an end is a letter. */
const WORDS = /(?:\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"|`[^`]*`|\$\([^)]*\)|[^\s|;&<>()])+|[|;&<>]+|[()]/g;
/** Which line, and which of its words: `!!`, `!-2`, `!7`, `!kubectl`, `!?web?`, each with `:2`, `:$`, `$` … behind it, and `!$`. */
const ASKED = /!(?:(!)|(-?\d+)|\?([^?\s]+)\??|([^\s=("'!$^*:;&|<>)-][^\s("'$^*:;&|<>)]*)|(?=:?[$^*]))(?::?([$^*])|:(\d+))?(:\S)?/y;
/** Behind these the sign is one of the shell's own: `$!`, `[!a]`, `${!name}`. */
const OWN = /[$[{]/;
/** So many letters may a line come to: each sign may bring a long one. */
const MOST = 100_000;
const MENDS = /^\^([^^]+)\^([^^]*)(?:\^(.*))?$/s;

/** The line that is asked for; the newest stands last. */
function lineOf(history, [whole, , number, part, start]) {
  const at = number !== undefined ? (number < 0 ? history.length + Number(number) : number - 1)
    : part ?? start ? history.findLastIndex((line) => (part ? line.includes(part) : line.startsWith(start))) : history.length - 1;
  if (history[at] === undefined) throw new Wrong(`${whole}: event not found`);
  return history[at];
}

function asked(history, found) {
  const [whole, , , , , sign, number, modifier] = found;
  if (modifier) throw new Wrong(`${modifier}: unrecognized history modifier`);
  const line = lineOf(history, found);
  if (sign === undefined && number === undefined) return line;
  const words = line.match(WORDS) ?? [];
  const [first, last] = { "^": [1, 2], "*": [1, Infinity], $: [words.length - 1, Infinity] }[sign] ?? [Number(number), Number(number) + 1];
  if (sign !== "*" && words[first] === undefined) throw new Wrong(`${whole}: bad word specifier`);
  return words.slice(first, last).join(" ");
}

/** A line with all that it takes from `history`; what that has not is an error. */
export function recalled(text, history) {
  const [, old, new_, rest = ""] = text.match(MENDS) ?? [];
  if (old !== undefined) {
    const line = history.at(-1) ?? "";
    if (!line.includes(old)) throw new Wrong(`${text}: substitution failed`);
    return line.replace(old, () => new_) + rest;
  }
  let made = "";
  let quoted = false;
  for (let at = 0; at < text.length;) {
    ASKED.lastIndex = at;
    const found = text[at] === "!" && !OWN.test(text[at - 1] ?? "") && ASKED.exec(text);
    let end = at + 1;
    if (text[at] === "\\") end++;
    else if (text[at] === "#" && !quoted && !/\S/.test(text[at - 1] ?? "")) end = text.length;
    else if (text[at] === "'" && !quoted) end = (text.indexOf("'", end) + 1) || text.length;
    else if (text[at] === '"') quoted = !quoted;
    made += found ? asked(history, found) : text.slice(at, end);
    at = found ? ASKED.lastIndex : end;
    if (found && made.length > MOST) throw new Wrong(inWords().too_long);
  }
  return made;
}

// What a shell waits for at a line's end: the rest of a quote, of a pipeline, or of a text for standard input (`<<EOF`).

import { HERE, unfinished } from "./syntax.js";

/** Reads a text of one or more lines: `{quote, ends, documents}`. */
function scan(text) {
  const documents = [];
  let quote = "";
  let word = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (quote) {
      if (sign === quote) quote = "";
      else if (sign === "\\" && quote === '"') at++;
      continue;
    }
    if (sign === "#" && !word) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
      continue;
    }
    const here = sign === "<" && text[at - 1] !== "<" && text.slice(at, at + 300).match(/^<<(-?)[ \t]*(['"]?)([A-Za-z_][\w.-]*)\2/);
    if (here) {
      documents.push({ from: at, to: at + here[0].length, tabs: here[1] === "-", literal: here[2] !== "", end: here[3] });
      at += here[0].length - 1;
    } else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === "\\") at++;
    word = !/[\s|;&]/.test(sign);
  }
  return { quote, documents };
}

const escapesItsEnd = (text) => /(^|[^\\])(\\\\)*\\$/.test(text);

/** What a line needs more of before it can be run, in zsh's words; `undefined` when it is whole. */
export function open(text) {
  const { quote } = scan(text);
  if (quote) return quote === "'" ? "quote" : "dquote";
  return escapesItsEnd(text) ? "" : unfinished(text);
}

/** Whether a text that waits for `of` does so still behind this line. */
export const goesOn = (of, line) => (of === "quote" ? !line.includes("'") : of === "dquote" && !/["\\$`]/.test(line));

/** A line with the one that goes on with it: after a backslash as if there was no end. */
export const joined = (text, more) => (scan(text).quote !== "'" && escapesItsEnd(text) ? text.slice(0, -1) + more : `${text}\n${more}`);

/** The same for the history, where a command is one line; `of` is what it waited for. */
export function inOneLine(text, more, of) {
  if (of === "" && escapesItsEnd(text)) return text.slice(0, -1) + more;
  const goesOn = /quote$|^pipe|^cmd(and|or)$/.test(of) || /(^|[\s;])(do|then|else|elif|if|while|until|in|[{(]|;;)\s*$/.test(text);
  return `${text}${goesOn || !more.trim() ? " " : "; "}${more.trim()}`;
}

/** The text that a line wants on a standard input: how it ends, and the line with a sign and its number where it is asked for. */
export function wanted(text, number) {
  const [first] = scan(text).documents;
  return first && { ...first, line: `${text.slice(0, first.from)} ${HERE}${number} ${text.slice(first.to)}` };
}

// Cuts the text of a command into words and the signs between them, with the values that it asks for.

import { HERE, after } from "./syntax.js";

const OPERATOR = /(?:(?<!\S)\d)?(?:>>|>\||>&|<<<|<&|>|<)|&>>?/y;
/** What stands for itself, at one go: in no quotes, in double ones, and in a text that is given to a program. */
const [BARE, QUOTED, GIVEN] = [/[A-Za-z_.,\/:=@%+{}[\]*?!~^-][\w.,\/:=@%+{}[\]*?!~^-]*/y, /[^$`"\\]+/y, /[^$`\\]+/y];
const ESCAPES = { n: "\n", t: "\t", r: "\r", e: "\x1b", 0: "\0" };
const ended = (text, at) => (text[at] === "\\" ? at + 2 : at + 1);

/** `$'…'`, from its first quote to its last. */
const escaped = (text) => text.slice(1, -1).replace(/\\(x[\da-fA-F]{1,2}|[^])/g, (_, sign) =>
  (sign.length > 1 ? String.fromCharCode(Number.parseInt(sign.slice(1), 16)) : ESCAPES[sign] ?? sign));

/**
 * Resolves to words, each a list of pieces `{text, how}`, and `{op}` and `{here}` between them. A piece is `bare` as it was typed, `quoted`, or
 * a `value`. `valueAt(text, at)` resolves to `{value, end}` of what begins with `$`, `<(` or a backquote there, or to nothing where that
 * sign stands for itself; a value that is a list is one word each in quotes.
 * With `plain` all is words, and in quotes: of a text that is given to a program.
 */
export async function words(text, valueAt, plain = false) {
  const out = [];
  let word = plain ? [] : undefined;
  let quoted = false;
  const add = (piece, how) => {
    word ??= [];
    if (word.length && word.at(-1).how === how && how !== "value") word.at(-1).text += piece;
    else word.push({ text: piece, how });
  };
  /** Whether the word holds nothing but a list in quotes that is empty: that is no word. */
  let none = false;
  const end = () => {
    if (word && !(none && word.every(({ text }) => text === ""))) out.push(word);
    word = undefined;
    none = false;
  };
  const put = ({ value }) => {
    const how = quoted || plain ? "quoted" : "value";
    if (!Array.isArray(value)) return add(String(value), how);
    if (how === "value") return add(value.join(" "), how);
    if (value.by !== undefined) return add(value.join(value.by), how);
    none = !value.length;
    value.forEach((one, index) => {
      if (index) end();
      add(one, how);
    });
  };
  for (let at = 0; at < text.length;) {
    const sign = text[at];
    const found = sign === "$" || sign === "`" || (!quoted && !plain && text.startsWith("<(", at)) ? await valueAt(text, at) : undefined;
    if (found) {
      put(found);
      at = found.end;
      continue;
    }
    const ordinary = plain ? GIVEN : quoted ? QUOTED : BARE;
    ordinary.lastIndex = at;
    const [run] = ordinary.exec(text) ?? [];
    if (run) {
      add(run, plain || quoted ? "quoted" : "bare");
      at += run.length;
      continue;
    }
    OPERATOR.lastIndex = at;
    if (sign === "\\" && (quoted || plain)) {
      const stands = plain ? /[$`\\\n]/ : /["$`\\\n]/;
      add(stands.test(text[at + 1] ?? "") ? text[at + 1].replace("\n", "") : text.slice(at, at + 2), "quoted");
      at += 2;
    } else if (plain) add(text[at++], "quoted");
    else if (sign === '"') {
      quoted = !quoted;
      add("", "quoted");
      at++;
    } else if (quoted) add(text[at++], "quoted");
    else if (sign === "\\") {
      if (text[at + 1] !== "\n") add(text[at + 1] ?? "", "quoted");
      at = ended(text, at);
    } else if (sign === "'" || text.startsWith("$'", at)) {
      const to = after(text, at);
      add(sign === "'" ? text.slice(at + 1, to - 1) : escaped(text.slice(at + 1, to)), "quoted");
      at = to;
    } else if (/\s/.test(sign)) {
      end();
      at++;
    } else if (sign === HERE) {
      end();
      out.push({ here: Number.parseInt(text.slice(++at, at + 9), 10) });
      while (/\d/.test(text[at] ?? "")) at++;
    } else if (OPERATOR.test(text)) {
      end();
      out.push({ op: text.slice(at, OPERATOR.lastIndex) });
      at = OPERATOR.lastIndex;
    } else add(text[at++], "bare");
  }
  end();
  return out;
}

/** The words that a word comes to: values that stood in no quotes come apart at white space, or at the signs of `between` (`IFS`). */
export function fields(word, between) {
  const parts = between === undefined ? /(\s+)|\S+/g : new RegExp(between ? `(\\s*[${between.replace(/[\]\\^-]/g, "\\$&")}]\\s*)|[^${between.replace(/[\]\\^-]/g, "\\$&")}]+` : "[^]+", "g");
  const out = [];
  let field;
  for (const { text, how } of word) {
    if (how !== "value") {
      field = (field ?? "") + text;
      continue;
    }
    for (const [piece, space] of text.matchAll(parts)) {
      if (!space) field = (field ?? "") + piece;
      else if (field !== undefined) {
        out.push(field);
        field = undefined;
      }
    }
  }
  return field === undefined ? out : [...out, field];
}

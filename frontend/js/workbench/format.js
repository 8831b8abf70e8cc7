// Puts a text in order as kubectl would print it. What is written stays as it is: comments, the order of keys, the way in which
// a value is written.

import { diff } from "@codemirror/merge";
import { isCollection, isScalar, visit } from "yaml";
import { documentsOf } from "./reading.js";

/** The text in order, or what is wrong with it: `{text}` or `{message}`. */
export function format(text) {
  const source = text.replace(/\r\n?/g, "\n");
  // Nothing is a number or a truth here: `0644` and `yes` are printed as they are written.
  const documents = documentsOf(source, { keepSourceTokens: true, uniqueKeys: false, schema: "failsafe" });
  if (!documents) return { message: "lists and mappings are nested too deeply" };
  if (!documents.length) return { text };
  const broken = documents.find(({ errors }) => errors.length);
  if (broken) return { message: broken.errors[0].message.split("\n")[0].replace(/:$/, "") };
  if (documents.some(isTemplate)) return { message: "a mapping is a key: templates have to be rendered first" };
  try {
    return { text: documents.map((document) => printed(document, source)).join("---\n") };
  } catch (error) {
    // An alias of nothing.
    return { message: error.message };
  }
}

/** `{{ .Values.name }}` is YAML, too: a mapping whose key is a mapping. */
function isTemplate(document) {
  let found = false;
  visit(document, { Pair: (_, { key }) => (isCollection(key) ? ((found = true), visit.BREAK) : undefined) });
  return found;
}

function printed(document, source) {
  const [start, end, rest] = document.range;
  if (isScalar(document.contents) && !document.contents.source) {
    return `${source.slice(start, rest).replace(/^---[ \t]*\n?|^\n+|\.\.\.\s*$/g, "").replace(/\s*$/, "")}\n`;
  }
  const kept = keep(document);
  let text = document.toString({ indent: 2, indentSeq: false, lineWidth: 0, flowCollectionPadding: false }).replace(/^---\n/, "").replace(/\n*$/, "\n");
  for (const [mark, lines] of kept) {
    const at = text.indexOf(mark);
    const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
    // What belongs to a key in a list's item stands deeper than that key.
    const before = line.match(/^ *(- +)*/)[0].length;
    const indent = before + (before < line.length ? 2 : 0);
    text = text.slice(0, at) + lines.map((one, index) => (index && one ? " ".repeat(indent) + one : one)).join("\n") + text.slice(at + mark.length);
  }
  // A last comment is printed apart from what is above it, however it was written.
  const last = document.comment?.split("\n").map((line) => (line ? `#${line}` : "")).join("\n");
  const apart = /\n[ \t]*\n[ \t]*$/.test(source.slice(start, source.indexOf("#", end)));
  return last && !apart && text.endsWith(`\n\n${last}\n`) ? `${text.slice(0, -last.length - 2)}${last}\n` : text;
}

/**
 * Puts marks in place of values that would be printed in another way, folded paragraphs and texts with escapes: `[mark, lines]`
 * of each.
 */
function keep(document) {
  const kept = [];
  const mark = (node, lines) => {
    kept.push([`kept-${kept.length}-as-it-is`, lines]);
    [node.value] = kept.at(-1);
    node.type = "PLAIN";
  };
  visit(document, {
    Scalar(_, node) {
      const token = node.srcToken;
      if (node.type === "QUOTE_DOUBLE" && token.source.includes("\\") && !token.source.includes("\n")) mark(node, [token.source]);
      if (node.type !== "BLOCK_FOLDED") return;
      const head = token.props.find(({ type }) => type === "block-scalar-header").source;
      const lines = token.source.replace(/\n$/, "").split("\n");
      const indent = Math.min(...lines.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length));
      if (/\d/.test(head) || node.comment || !Number.isFinite(indent)) return;
      mark(node, [head, ...lines.map((line) => line.slice(indent))]);
    },
  });
  return kept;
}

const isSpace = (character) => character === " " || character === "\n" || character === "\t";
/** What more than spaces differ in is compared for so many milliseconds, and with so much patience, at most. */
const COMPARED = { scanLimit: 500, timeout: 200 };

/**
 * What leads from one text to the other, as an editor's changes, as few as there are: with them go the cursor, selections and
 * folds. Mostly nothing but space is another, which is found at one go in a text of any size.
 */
export function changesBetween(before, after) {
  const changes = [];
  let [from, to] = [0, 0];
  while (from < before.length || to < after.length) {
    let [end, other] = [from, to];
    while (isSpace(before[end])) end++;
    while (isSpace(after[other])) other++;
    if (before[end] !== after[other]) {
      const rest = diff(before.slice(from), after.slice(to), COMPARED);
      return [...changes, ...rest.map(({ fromA, toA, fromB, toB }) => ({ from: from + fromA, to: from + toA, insert: after.slice(to + fromB, to + toB) }))];
    }
    // Who stands before a word stays there: what it is moved by comes at the line's beginning.
    let [last, lastOther] = [end, other];
    while (last > from && lastOther > to && before[last - 1] === after[lastOther - 1]) [last, lastOther] = [last - 1, lastOther - 1];
    while (from < last && to < lastOther && before[from] === after[to]) [from, to] = [from + 1, to + 1];
    if (from < last || to < lastOther) changes.push({ from, to: last, insert: after.slice(to, lastOther) });
    [from, to] = [end + 1, other + 1];
  }
  return changes;
}

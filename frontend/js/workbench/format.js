// Puts a text in order as kubectl would print it, and keeps every comment and the order of keys.

import { documentsOf } from "./reading.js";

/** The text in order, or what is wrong with it: `{text}` or `{message}`. */
export function format(text) {
  const source = text.replace(/\r\n?/g, "\n");
  const documents = documentsOf(source, { keepSourceTokens: false, uniqueKeys: false });
  if (!documents) return { message: "lists and mappings are nested too deeply" };
  if (!documents.length) return { text };
  const broken = documents.find(({ errors }) => errors.length);
  if (broken) return { message: broken.errors[0].message.split("\n")[0] };
  return { text: documents.map((document) => printed(document, source)).join("---\n") };
}

function printed(document, source) {
  const text = document.toString({ indent: 2, indentSeq: false, lineWidth: 0, flowCollectionPadding: false }).replace(/^---\n/, "").replace(/\n*$/, "\n");
  // A last comment is printed apart from what is above it, however it was written.
  const last = document.comment?.split("\n").map((line) => (line ? `#${line}` : "")).join("\n");
  const [start, end] = document.range;
  const apart = /\n[ \t]*\n[ \t]*$/.test(source.slice(start, source.indexOf("#", end)));
  return last && !apart && text.endsWith(`\n\n${last}\n`) ? `${text.slice(0, -last.length - 2)}${last}\n` : text;
}

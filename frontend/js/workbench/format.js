// Puts a text in order as kubectl would print it, and keeps every comment and the order of keys.

import { parseAllDocuments } from "yaml";

/** The text in order, or what is wrong with it: `{text}` or `{message}`. */
export function format(text) {
  const documents = parseAllDocuments(text.replace(/\r\n?/g, "\n"), { keepSourceTokens: false, logLevel: "silent", uniqueKeys: false });
  const broken = documents.find(({ errors }) => errors.length);
  if (broken) return { message: broken.errors[0].message.split("\n")[0] };
  const printed = documents.map((document) => document.toString({ indent: 2, indentSeq: false, lineWidth: 0, flowCollectionPadding: false }));
  const joined = printed.map((one) => one.replace(/^---\n/, "").replace(/\n*$/, "\n"));
  return { text: joined.join("---\n") };
}

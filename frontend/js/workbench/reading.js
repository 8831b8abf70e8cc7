// Texts as YAML documents, for what needs their objects or their comments.

import { parseAllDocuments, stringify } from "yaml";

/** Far more than any API server reads (shared/src/manifest/reader.rs), and few enough for every parser here. */
const MAX_DEPTH = 500;

/** Whether brackets are open within brackets so often that a parser of YAML would run out of memory. */
export function isTooDeep(text) {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if ((sign === "[" || sign === "{") && ++depth > MAX_DEPTH) return true;
    if ((sign === "]" || sign === "}") && depth > 0) depth--;
  }
  return false;
}

/** The documents of a text, each with its `errors`; `undefined` when it is nested too deeply to be read. */
export const documentsOf = (text, options) => (isTooDeep(text) ? undefined : parseAllDocuments(text, { logLevel: "silent", ...options }));

/** What the documents say; `undefined` when the text is no YAML, or its aliases multiply into more than a memory holds. */
export function valuesOf(text) {
  const documents = documentsOf(text);
  if (!documents || documents.some(({ errors }) => errors.length)) return undefined;
  try {
    return documents.map((one) => one.toJS({ maxAliasCount: 100 }));
  } catch {
    return undefined;
  }
}

/** An object as YAML that kubectl prints and reads: to it `yes`, `on` and `0b1` without quotes are no texts. */
export const print = (object) => stringify(object, { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" });

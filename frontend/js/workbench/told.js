// What readers of YAML and scenarios, the engine and the server complain of, in the reader's language. What an API server says stays
// as it is: one meets it elsewhere, too.

import said from "../../../public/locales/editor/said-ja.json";
import yaml from "../../../public/locales/editor/yaml-ja.json";

/** `$` stands for any words, which `$1`, `$2` … repeat. */
const patterns = Object.entries({ ...said, ...yaml }).map(([english, words]) => [
  new RegExp(`^${english.split("$").map((part) => part.replace(/[\\^.*+?()[\]{}|]/g, "\\$&")).join("(.+?)")}$`), words,
]);

/** The message as this page's reader is told it. */
export function told(message) {
  if (!document.documentElement.lang.startsWith("ja")) return message;
  const [pattern, words] = patterns.find(([one]) => one.test(message)) ?? [];
  return pattern ? message.replace(pattern, words) : message;
}

/** The same of one that may begin with a place in a text: `line 5, column 3: spec.cluster: …`. */
export function inWords(message) {
  const [, line, field = "", what] = message.match(/^(?:line (\d+), column \d+: )?((?:[\w.[\]-]+: )?)([^]*)$/);
  const words = told(what);
  return words === what ? message : `${line ? `${line}行目: ` : ""}${field}${words}`;
}

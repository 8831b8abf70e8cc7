// What readers of YAML complain of, in the reader's language. What an API server says stays as it is: one meets it elsewhere, too.

import japanese from "../../../public/locales/editor/yaml-ja.json";

/** `$` stands for any words, which `$1`, `$2` … repeat. */
const patterns = Object.entries(japanese).map(([english, words]) => [
  new RegExp(`^${english.split("$").map((part) => part.replace(/[\\^.*+?()[\]{}|]/g, "\\$&")).join("(.+?)")}$`), words,
]);

/** The message as this page's reader is told it. */
export function told(message) {
  if (!document.documentElement.lang.startsWith("ja")) return message;
  const [pattern, words] = patterns.find(([one]) => one.test(message)) ?? [];
  return pattern ? message.replace(pattern, words) : message;
}

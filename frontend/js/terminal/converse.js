// `kubectl exec -it`: lines that are typed go to the program in the container, which asks for them with prompts of its own.

import { width } from "./line.js";

/**
 * Reads lines with `line` for a `program` that runs until `program.over()`, and shows what it writes (`program.out`, `program.err`);
 * `keys(what)` brings it what was typed.
 */
export async function converse(line, program, keys, harmless) {
  const { history, complete } = line;
  const prompt = (text) => ({ text, width: width(text) });
  let tail = "";
  let over = false;
  program.out = program.err = (text) => {
    const all = tail + harmless(text).replace(/\r?\n/g, "\r\n");
    const end = all.lastIndexOf("\n") + 1;
    tail = all.slice(end);
    line.above(all.slice(0, end), prompt(tail));
  };
  program.over = () => {
    over = true;
    Object.assign(line, { history, complete });
    line.leave();
  };
  Object.assign(line, { history: [], complete: async () => ({ from: 0, words: [] }) });
  for (;;) {
    const typed = await line.read(prompt(tail));
    if (over) return;
    tail = "";
    if (typed?.trim() && line.history.at(-1) !== typed) line.history.push(typed);
    keys(typed === null ? "interrupt" : typed === undefined ? "end" : { line: `${typed}\n` });
  }
}

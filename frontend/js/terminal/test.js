// `[ … ]`, `test …` and `[[ … ]]`.

import { Wrong } from "./filters.js";

const whole = (text) => {
  if (!/^\s*-?\d+\s*$/.test(text)) throw new Wrong(`[: ${text}: integer expression expected`);
  return Number(text);
};

/**
 * What `[ … ]` and `[[ … ]]` hold: 0 where it is so. A pattern or a regular expression may stand right of an `=`. `exists(name)` tells of files,
 * `isSet(name)` of variables, `matched(parts)` hears what a regular expression found.
 */
export function check(words, knows) {
  if (words[0] === "!") return 1 - check(words.slice(1), knows);
  for (const [word, of] of [["-o", (a, b) => a && b], ["-a", (a, b) => a || b]]) {
    const at = words.findIndex((one, index) => one === word && index > 0 && !open(words.slice(0, index)));
    if (at > 0) return of(check(words.slice(0, at), knows), check(words.slice(at + 1), knows));
  }
  if (words.length > 2 && words[0] === "(" && words.at(-1) === ")") return check(words.slice(1, -1), knows);
  const [a, op, b] = words;
  const fits = () => {
    const found = a.match(b);
    if (op === "=~" && found) knows.matched?.(found);
    return Boolean(found);
  };
  const same = () => (b instanceof RegExp ? fits() : a === b);
  const TWO = { "=": same, "==": same, "=~": same, "!=": () => !same(), "<": () => a < b, ">": () => a > b, "-eq": () => whole(a) === whole(b), "-ne": () => whole(a) !== whole(b),
    "-lt": () => whole(a) < whole(b), "-le": () => whole(a) <= whole(b), "-gt": () => whole(a) > whole(b), "-ge": () => whole(a) >= whole(b) };
  const exists = () => knows.exists(op);
  const ONE = { "-z": () => op === "", "-n": () => op !== "", "-f": exists, "-e": exists, "-s": exists, "-r": exists, "-w": exists, "-x": () => false, "-d": () => op === "." || op === "/root",
    "-v": () => knows.isSet(op), "-t": () => true };
  if (words.length === 3 && Object.hasOwn(TWO, op)) return +!TWO[op]();
  if (words.length === 2 && Object.hasOwn(ONE, a)) return +!ONE[a]();
  if (words.length > 1) throw new Wrong(`[: ${op}: binary operator expected`);
  return +!a;
}

const open = (words) => words.filter((word) => word === "(").length > words.filter((word) => word === ")").length;

// Commands that print nothing, and succeed or not.

import { Wrong } from "./filters.js";

/** What `[ … ]` and `[[ … ]]` hold: 0 where it is so. A pattern or a regular expression may stand right of an `=`. */
export function check(words, exists) {
  if (words[0] === "!") return 1 - check(words.slice(1), exists);
  for (const [word, of] of [["-o", (a, b) => a && b], ["-a", (a, b) => a || b]]) {
    const at = words.indexOf(word);
    if (at > 0) return of(check(words.slice(0, at), exists), check(words.slice(at + 1), exists));
  }
  const [a, op, b] = words;
  const whole = (text) => {
    if (!/^\s*-?\d+\s*$/.test(text)) throw new Wrong(`[: ${text}: integer expression expected`);
    return Number(text);
  };
  const same = () => (b instanceof RegExp ? b.test(a) : a === b);
  const TWO = { "=": same, "==": same, "=~": same, "!=": () => !same(), "-eq": () => whole(a) === whole(b), "-ne": () => whole(a) !== whole(b),
    "-lt": () => whole(a) < whole(b), "-le": () => whole(a) <= whole(b), "-gt": () => whole(a) > whole(b), "-ge": () => whole(a) >= whole(b) };
  const ONE = { "-z": () => op === "", "-n": () => op !== "", "-f": () => exists(op), "-e": () => exists(op), "-s": () => exists(op) };
  if (words.length === 3 && Object.hasOwn(TWO, op)) return +!TWO[op]();
  if (words.length === 2 && Object.hasOwn(ONE, a)) return +!ONE[a]();
  if (words.length > 1) throw new Wrong(`[: ${op}: binary operator expected`);
  return +!a;
}

export const controls = ({ exists, rest, interrupted }) => ({
  true: () => 0,
  false: () => 1,
  ":": () => 0,
  test: (args) => check(args, exists),
  "[": (args) => {
    if (args.at(-1) !== "]") throw new Wrong("[: missing ]");
    return check(args.slice(0, -1), exists);
  },
  sleep: async (args) => {
    const [, number, unit] = args.join(" ").match(/^(\d*\.?\d+)([smh]?)$/) ?? [];
    if (!number) throw new Wrong("sleep: SECONDS");
    await rest(Number(number) * { s: 1, m: 60, h: 3600 }[unit || "s"]);
    return interrupted() ? 130 : 0;
  },
});

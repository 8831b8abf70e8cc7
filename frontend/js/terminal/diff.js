// `diff`: which lines tell two texts apart.

import { Wrong } from "./filters.js";

/** So many lines are taken and left at most to find what is equal between; where it takes more, all of it is another. */
const MOST_STEPS = 2000;

/** The places `[of one, of the other]` of equal lines, in order (Myers' way); `undefined` where there are few. */
function equals(one, other) {
  const reached = [];
  const left = (step, k) => k === -step || (k !== step && reached[step - 1][k + step - 2] < reached[step - 1][k + step]);
  for (let step = 0; step <= Math.min(one.length + other.length, MOST_STEPS); step++) {
    const row = new Int32Array(2 * step + 1);
    reached.push(row);
    for (let k = -step; k <= step; k += 2) {
      let x = step === 0 ? 0 : left(step, k) ? reached[step - 1][k + step] : reached[step - 1][k + step - 2] + 1;
      while (x < one.length && x - k < other.length && one[x] === other[x - k]) x++;
      row[k + step] = x;
      if (x >= one.length && x - k >= other.length) return traced(reached, step, x, x - k, left);
    }
  }
  return undefined;
}

function traced(reached, steps, endX, endY, left) {
  const pairs = [];
  let [x, y] = [endX, endY];
  const back = (toX, toY) => {
    while (x > toX && y > toY) pairs.push([--x, --y]);
  };
  for (let step = steps; step > 0; step--) {
    const k = x - y;
    const from = left(step, k) ? k + 1 : k - 1;
    const before = reached[step - 1][from + step - 1];
    back(before, before - from);
    [x, y] = [before, before - from];
  }
  back(0, 0);
  return pairs.reverse();
}

/** What is to be changed: lines `from` to `to` of one are `since` to `until` of the other. */
function changes(one, other) {
  let begin = 0;
  while (begin < one.length && begin < other.length && one[begin] === other[begin]) begin++;
  let end = 0;
  while (end < Math.min(one.length, other.length) - begin && one.at(-1 - end) === other.at(-1 - end)) end++;
  const parts = [one, other].map((lines) => lines.slice(begin, lines.length - end));
  const found = [];
  let [x, y] = [begin, begin];
  for (const [a, b] of [...(equals(...parts) ?? []), parts.map(({ length }) => length)]) {
    const [to, until] = [a + begin, b + begin];
    if (to > x || until > y) found.push({ from: x, to, since: y, until });
    [x, y] = [to + 1, until + 1];
  }
  return found;
}

const linesOf = (text) => text.split(/(?<=\n)/);
const shown = (sign, lines) => lines.map((line) => `${sign}${line.endsWith("\n") ? line : `${line}\n\\ No newline at end of file\n`}`).join("");

function normal(one, other) {
  const range = (from, to) => (to - from > 1 ? `${from + 1},${to}` : `${to}`);
  return ({ from, to, since, until }) => {
    const kind = from === to ? "a" : since === until ? "d" : "c";
    return `${range(from, to)}${kind}${range(since, until)}\n${shown("< ", one.slice(from, to))}${kind === "c" ? "---\n" : ""}${shown("> ", other.slice(since, until))}`;
  };
}

/** Changes with so many lines around them; those that are near each other together. */
function unified(one, other, all, around) {
  const groups = [];
  for (const change of all) {
    const last = groups.at(-1);
    if (last && change.from - last.at(-1).to <= 2 * around) last.push(change);
    else groups.push([change]);
  }
  const range = (from, to) => `${to > from ? from + 1 : from}${to - from === 1 ? "" : `,${to - from}`}`;
  return groups.map((group) => {
    const [first, last] = [group[0], group.at(-1)];
    const start = Math.max(first.from - around, 0);
    const end = Math.min(last.to + around, one.length);
    let text = `@@ -${range(start, end)} +${range(first.since - (first.from - start), last.until + end - last.to)} @@\n`;
    let at = start;
    for (const { from, to, since, until } of group) {
      text += shown(" ", one.slice(at, from)) + shown("-", one.slice(from, to)) + shown("+", other.slice(since, until));
      at = to;
    }
    return text + shown(" ", one.slice(at, end));
  }).join("");
}

function told(args) {
  const found = { names: [], around: undefined, flags: "" };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    const number = arg.match(/^(?:-U|--unified=)(\d*)$/)?.[1] ?? arg.match(/^-(\d+)$/)?.[1];
    if (number !== undefined) found.around = Number(number || args[++at]);
    else if (/^(-u|--unified)$/.test(arg)) found.around ??= 3;
    else if (/^--(brief|ignore-case|ignore-all-space|ignore-space-change|report-identical-files)$/.test(arg)) found.flags += { b: "q", "ignore-c": "i", "ignore-a": "w", "ignore-s": "b", r: "s" }[arg.match(/--(b|r|ignore-.)/)[1]];
    else if (/^--(color.*|new-file|text|recursive|label=.*)$/.test(arg)) continue;
    else if (/^-[uqiwbsNar]+$/.test(arg)) {
      found.flags += arg.slice(1);
      if (arg.includes("u")) found.around ??= 3;
    } else if (arg !== "-" && arg.startsWith("-")) throw new Wrong(`diff: unrecognized option '${arg}'`);
    else found.names.push(arg);
  }
  if (found.names.length < 2) throw new Wrong(`diff: missing operand after '${found.names[0] ?? "diff"}'`);
  if (found.names.length > 2) throw new Wrong(`diff: extra operand '${found.names[2]}'`);
  return found;
}

/** `read(name)` gives the texts; `0` where they are equal. */
export async function diff(args, { io }, read) {
  const { names, around, flags } = told(args);
  const [one, other] = [linesOf(await read(names[0])), linesOf(await read(names[1]))].map((lines) => lines.filter(Boolean));
  const key = (line) => {
    const text = flags.includes("w") ? line.replace(/\s/g, "") : flags.includes("b") ? line.replace(/\s+/g, " ") : line;
    return flags.includes("i") ? text.toLowerCase() : text;
  };
  const all = changes(one.map(key), other.map(key));
  if (!all.length) {
    if (flags.includes("s")) io.out.write(`Files ${names.join(" and ")} are identical\n`);
    return 0;
  }
  if (flags.includes("q")) io.out.write(`Files ${names.join(" and ")} differ\n`);
  else if (around === undefined) all.map(normal(one, other)).forEach((text) => io.out.write(text));
  else io.out.write(`--- ${names[0]}\n+++ ${names[1]}\n${unified(one, other, all, around)}`);
  return 1;
}

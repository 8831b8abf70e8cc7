// What stands behind a pipe. A filter takes lines as they come and gives lines; `end` gives what it kept back.

import { awk } from "./awk.js";
import { jq } from "./jq.js";
import { sed } from "./sed.js";

export class Wrong extends Error {}
/** Ends the whole script, not only a command of it. */
export class Abort extends Wrong {}

/** Long names of flags, as the letters that mean the same; those without one change nothing that is seen here. */
const LONG = {
  "ignore-case": "i", "invert-match": "v", "word-regexp": "w", "line-regexp": "x", count: "c", "line-number": "n", "only-matching": "o", quiet: "q",
  "extended-regexp": "E", "fixed-strings": "F", "after-context": "A", "before-context": "B", context: "C", "max-count": "m", regexp: "e", lines: "n",
  reverse: "r", "numeric-sort": "n", unique: "u", key: "k", "field-separator": "t", repeated: "d", fields: "f", delimiter: "d", characters: "c",
  "only-delimited": "s", delete: "d", "squeeze-repeats": "s", "raw-output": "r", "compact-output": "c", words: "w", bytes: "c", expression: "e",
  decode: "d", wrap: "w", table: "t", separator: "s", "line-buffered": "", color: "", colour: "", "no-filename": "",
};

/** The same with letters for long names: `--lines=3` as `-n 3`. */
function shortened(name, args) {
  return args.flatMap((arg, index) => {
    if (!/^--./.test(arg) || args.slice(0, index).includes("--")) return [arg];
    const [long, value] = arg.slice(2).split(/=(.*)/s);
    const letter = Object.hasOwn(LONG, long) ? LONG[long] : undefined;
    if (letter === undefined) throw new Wrong(`${name}: unrecognized option '${arg}'`);
    return letter ? [`-${letter}`, ...(value === undefined ? [] : [value])] : [];
  });
}

/** Flags and words: `takes` are the letters of flags with a value. `-5` counts as `-n 5`. */
function read(name, given, flags, takes = "") {
  const args = shortened(name, given);
  const found = { words: [] };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (/^-\d+$/.test(arg) && takes.includes("n")) found.n = arg.slice(1);
    else if (arg === "--") return { ...found, words: [...found.words, ...args.slice(index + 1)] };
    else if (!/^-[a-zA-Z]/.test(arg)) found.words.push(arg);
    else for (let at = 1; at < arg.length; at++) {
      const letter = arg[at];
      if (takes.includes(letter)) {
        found[letter] = arg.slice(at + 1) || args[++index];
        if (found[letter] === undefined) throw new Wrong(`${name}: option requires an argument -- '${letter}'`);
        break;
      }
      if (!flags.includes(letter)) throw new Wrong(`${name}: invalid option -- '${letter}'`);
      found[letter] = true;
    }
  }
  return found;
}

const count = (name, text) => {
  if (!/^[+-]?\d+$/.test(text)) throw new Wrong(`${name}: invalid number: '${text}'`);
  return Number(text);
};

/** A pattern of grep's; without -E the signs of alternation and repetition are letters unless a backslash stands before. */
function pattern(name, text, { E, F, i, w, x }) {
  let source = text;
  if (F) source = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  else if (!E) source = text.replace(/\\?[+?|(){}]/g, (sign) => (sign.length > 1 ? sign[1] : `\\${sign}`));
  source = source.replace(/\[\[:space:\]\]/g, "\\s").replace(/\[\[:digit:\]\]/g, "\\d");
  if (w) source = `\\b(?:${source})\\b`;
  if (x) source = `^(?:${source})$`;
  try {
    return new RegExp(source, i ? "gi" : "g");
  } catch {
    throw new Wrong(`${name}: invalid pattern: ${text}`);
  }
}

/** A filter that waits for the last line, and is told whether that had an end. */
const whole = (make) => (args) => {
  const lines = [];
  const finish = make(args);
  return { line: (line) => (lines.push(line), []), end: (hasEnd = true) => finish(lines, hasEnd) };
};
const together = (lines, hasEnd) => lines.join("\n") + (hasEnd && lines.length ? "\n" : "");

export const FILTERS = {
  grep(args) {
    const flags = read("grep", args, "EFivwxcnoqhH", "eABCm");
    const text = flags.e ?? flags.words[0];
    if (text === undefined) throw new Wrong("usage: grep [-EFivwxcnoq] [-A n] [-B n] [-m n] PATTERN");
    const wanted = pattern("grep", text, flags);
    const [after, before] = ["A", "B"].map((letter) => count("grep", flags[letter] ?? flags.C ?? "0"));
    let [number, hits, left, kept] = [0, 0, 0, []];
    const most = flags.m === undefined ? Infinity : count("grep", flags.m);
    const shown = (line) => (flags.n ? `${number}:${line}` : line);
    return {
      line(line) {
        number++;
        const found = [...line.matchAll(wanted)].filter(([match]) => match !== "" || text === "" || /^\^?\$?$/.test(text));
        const hit = (wanted.test(line) || found.length > 0) !== Boolean(flags.v) && hits < most;
        wanted.lastIndex = 0;
        if (!hit) {
          if (left-- > 0) return [shown(line)];
          kept = before ? [...kept, line].slice(-before) : [];
          return [];
        }
        hits++;
        left = after;
        if (flags.c || flags.q) return [];
        if (flags.o) return found.map(([match]) => shown(match));
        const out = [...kept, shown(flags.v ? line : line.replace(wanted, (match) => (match ? `\x1b[1;31m${match}\x1b[22;39m` : "")))];
        kept = [];
        return out;
      },
      end: () => (flags.c ? [String(hits)] : []),
      code: () => (hits ? 0 : 1),
      colours: true,
    };
  },
  head(args) {
    let left = count("head", read("head", args, "", "n").n ?? "10");
    return { line: (line) => (left-- > 0 ? [line] : []), end: () => [], full: () => left <= 0 };
  },
  tail: whole((args) => {
    const n = read("tail", args, "", "n").n ?? "10";
    const many = count("tail", n);
    return (lines) => (n.startsWith("+") ? lines.slice(many - 1) : many ? lines.slice(-Math.abs(many)) : []);
  }),
  wc: whole((args) => {
    const flags = read("wc", args, "lwc");
    const all = !flags.l && !flags.w && !flags.c;
    return (lines, hasEnd) => {
      const text = together(lines, hasEnd);
      const numbers = [
        (all || flags.l) && lines.length - (hasEnd ? 0 : 1),
        (all || flags.w) && (text.match(/\S+/g) ?? []).length,
        (all || flags.c) && new TextEncoder().encode(text).length,
      ].filter((number) => typeof number === "number");
      return [numbers.length > 1 ? numbers.map((number) => String(number).padStart(7)).join(" ") : String(numbers[0])];
    };
  }),
  sort: whole((args) => {
    const flags = read("sort", args, "rnuhb", "kt");
    const field = flags.k ? count("sort", flags.k.split(/[,.]/)[0].replace(/[a-z]+$/, "")) - 1 : null;
    const key = (line) => (field === null ? line : (flags.t ? line.split(flags.t) : line.trim().split(/\s+/)).slice(field).join(" "));
    const number = (line) => Number.parseFloat(key(line)) || 0;
    const order = flags.n || flags.h || /n/.test(flags.k ?? "")
      ? (a, b) => number(a) - number(b) : (a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b)));
    return (lines) => {
      const sorted = [...lines].sort(order);
      if (flags.r) sorted.reverse();
      return flags.u ? sorted.filter((line, index) => index === 0 || order(line, sorted[index - 1]) !== 0) : sorted;
    };
  }),
  uniq: whole((args) => {
    const flags = read("uniq", args, "cdu");
    return (lines) => {
      const runs = [];
      for (const line of lines) {
        if (runs.at(-1)?.line === line) runs.at(-1).times++;
        else runs.push({ line, times: 1 });
      }
      return runs.filter(({ times }) => (!flags.d || times > 1) && (!flags.u || times === 1))
        .map(({ line, times }) => (flags.c ? `${String(times).padStart(7)} ${line}` : line));
    };
  }),
  cut(args) {
    const flags = read("cut", args, "s", "dfc");
    const list = flags.f ?? flags.c;
    if (list === undefined) throw new Wrong("cut: you must specify a list of bytes, characters, or fields");
    const wanted = list.split(",").map((part) => {
      const [from, to] = part.includes("-") ? part.split("-") : [part, part];
      return [Number(from || 1), Number(to || Infinity)];
    });
    const by = flags.f ? flags.d ?? "\t" : "";
    return {
      line(line) {
        if (flags.f && !line.includes(by)) return flags.s ? [] : [line];
        const parts = flags.f ? line.split(by) : Array.from(line);
        return [parts.filter((_, index) => wanted.some(([from, to]) => index + 1 >= from && index + 1 <= to)).join(by)];
      },
      end: () => [],
    };
  },
  tr(args) {
    const flags = read("tr", args, "ds");
    const expand = (text = "") => Array.from(text.replace(/\\n/g, "\n").replace(/\\t/g, "\t").replace(/(.)-(.)/g, (_, a, b) =>
      Array.from({ length: b.charCodeAt(0) - a.charCodeAt(0) + 1 }, (_, step) => String.fromCharCode(a.charCodeAt(0) + step)).join("")));
    const [from, to] = flags.words.map(expand);
    if (!from || (!to && !flags.d && !flags.s)) throw new Wrong("tr: missing operand");
    return whole(() => (lines) => {
      let letters = Array.from(lines.map((line) => `${line}\n`).join(""));
      if (flags.d) letters = letters.filter((letter) => !from.includes(letter));
      else if (to) letters = letters.map((letter) => (from.includes(letter) ? to[Math.min(from.indexOf(letter), to.length - 1)] : letter));
      if (flags.s) letters = letters.filter((letter, index) => letter !== letters[index - 1] || !(to ?? from).includes(letter));
      return letters.join("").replace(/\n$/, "").split("\n");
    })([]);
  },
  awk(args) {
    // Each `-v` sets another variable.
    const set = [];
    const rest = args.filter((arg, index) => {
      const own = arg === "-v" ? args[index + 1] : args[index - 1] === "-v" ? "" : /^-v./.test(arg) ? arg.slice(2) : undefined;
      if (own) set.push(own.split(/=(.*)/s));
      return own === undefined;
    });
    const flags = read("awk", rest, "", "F");
    if (flags.words[0] === undefined) throw new Wrong("usage: awk [-F fs] [-v var=value] 'program'");
    return awk(flags.words[0], { separator: flags.F === "\\t" ? "\t" : flags.F, set }, (why) => new Wrong(`awk: ${why}`));
  },
  sed: whole((args) => {
    const flags = read("sed", args, "nEr", "e");
    const script = flags.e ?? flags.words[0];
    if (script === undefined) throw new Wrong("usage: sed [-nEr] 'script'");
    const regex = (text, how) => {
      const { source } = pattern("sed", text, { E: flags.E || flags.r });
      return new RegExp(source, how);
    };
    return sed(script, flags.n, regex, (why) => new Wrong(`sed: -e expression #1: ${why}`));
  }),
  base64: whole((args) => {
    const flags = read("base64", args, "dD", "w");
    return (lines, hasEnd) => {
      if (!flags.d && !flags.D) {
        const bytes = new TextEncoder().encode(together(lines, hasEnd));
        const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        const width = count("base64", flags.w ?? "76") || Infinity;
        return text.match(new RegExp(`.{1,${width === Infinity ? "" : width}}`, "g")) ?? [];
      }
      try {
        const bytes = Uint8Array.from(atob(lines.join("")), (sign) => sign.charCodeAt(0));
        return new TextDecoder().decode(bytes).replace(/\n$/, "").split("\n");
      } catch {
        throw new Wrong("base64: invalid input");
      }
    };
  }),
  tac: whole(() => (lines) => [...lines].reverse()),
  column: whole((args) => {
    const flags = read("column", args, "t", "s");
    return (lines) => {
      const rows = lines.map((line) => (flags.s ? line.split(flags.s) : line.trim().split(/\s+/)));
      const widths = rows.reduce((most, row) => row.map((cell, at) => Math.max(cell.length, most[at] ?? 0)).concat(most.slice(row.length)), []);
      return rows.map((row) => row.map((cell, at) => (at < row.length - 1 ? cell.padEnd(widths[at] + 2) : cell)).join(""));
    };
  }),
  less: () => ({ line: (line) => [line], end: () => [] }),
  more: () => ({ line: (line) => [line], end: () => [] }),
  cat: () => ({ line: (line) => [line], end: () => [] }),
  jq: whole((args) => {
    const flags = read("jq", args, "rcesM");
    const run = jq(flags.words[0] ?? ".", (why) => new Wrong(`jq: error: ${why}`));
    return (lines) => {
      let input;
      try {
        input = JSON.parse(lines.join("\n"));
      } catch {
        throw new Wrong("jq: error: the input is not JSON: add -o json to kubectl");
      }
      return run(input).flatMap((value) =>
        (flags.r && typeof value === "string" ? value : JSON.stringify(value, null, flags.c ? 0 : 2)).split("\n"));
    };
  }),
};

// What stands behind a pipe. A filter takes lines as they come and gives lines: `line(line, hasEnd)`, where only the very last may have no end;
// `end(hasEnd)` gives what it kept back. `open` is whether the last line that it gave has no end, `full()` whether it wants no more.

import { awk } from "./awk.js";
import { inWords } from "./help.js";
import { jq } from "./jq.js";
import { harmless } from "./paint.js";
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
  decode: "d", wrap: "w", table: "t", separator: "s", follow: "f", "line-buffered": "", color: "", colour: "", "no-filename": "",
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
function pattern(name, text, { E, F, P, i, w, x }) {
  let source = text;
  if (F) source = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  else if (!E && !P) source = text.replace(/\\?[+?|(){}]/g, (sign) => (sign.length > 1 ? sign[1] : `\\${sign}`));
  source = source.replace(/\[\[:space:\]\]/g, "\\s").replace(/\[\[:digit:\]\]/g, "\\d");
  if (w) source = `\\b(?:${source})\\b`;
  if (x) source = `^(?:${source})$`;
  try {
    return new RegExp(source, i ? "gi" : "g");
  } catch {
    throw new Wrong(`${name}: invalid pattern: ${text}`);
  }
}

/** So much waits for its end, in letters. */
const MOST_HELD = 1 << 27;
/** A filter that waits for the last line, and is told whether that had an end; what has none comes of one that is `open`. */
const whole = (make) => (args) => {
  const lines = [];
  const finish = make(args);
  let length = 0;
  return {
    line(line) {
      lines.push(line);
      length += line.length + 1;
      if (length > MOST_HELD) throw new Wrong("too much text to wait for its end");
      return [];
    },
    end(hasEnd) {
      return finish(lines, hasEnd, (open) => (this.open = open));
    },
  };
};
const together = (lines, hasEnd) => lines.join("\n") + (hasEnd && lines.length ? "\n" : "");
/** Text as lines, when the last is known to have an end or not. */
const apart = (text, tell) => {
  const lines = text.split("\n");
  tell(lines.at(-1) !== "");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
};
const passed = () => ({
  line(line, hasEnd) {
    this.open = !hasEnd;
    return [line];
  },
  end: () => [],
});

export const FILTERS = {
  grep(args, screen) {
    const flags = read("grep", args, "EFPivwxcnoqhHs", "eABCm");
    const text = flags.e ?? flags.words[0];
    if (text === undefined) throw new Wrong("usage: grep [-EFPivwxcnoq] [-A n] [-B n] [-m n] PATTERN");
    const wanted = pattern("grep", text, flags);
    const [after, before] = ["A", "B"].map((letter) => count("grep", flags[letter] ?? flags.C ?? "0"));
    let [number, hits, left, kept] = [0, 0, 0, []];
    const most = flags.m === undefined ? Infinity : count("grep", flags.m);
    const shown = (line) => (flags.n ? `${number}:${line}` : line);
    /** On a screen what was found has a colour. */
    const lit = (line) => {
      let [out, at] = ["", 0];
      for (const { 0: match, index } of line.matchAll(wanted)) {
        out += harmless(line.slice(at, index)) + (match && `\x1b[1;31m${harmless(match)}\x1b[22;39m`);
        at = index + match.length;
      }
      return out + harmless(line.slice(at));
    };
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
        const out = [...kept, shown(flags.v || !screen ? line : lit(line))];
        kept = [];
        return out;
      },
      end: () => (flags.c ? [String(hits)] : []),
      full: () => flags.q && hits > 0,
      colours: screen,
      code: () => (hits ? 0 : 1),
    };
  },
  head(args) {
    const flags = read("head", args, "q", "nc");
    const text = flags.c ?? flags.n ?? "10";
    let left = count("head", text.replace(/^\+/, ""));
    if (flags.c) {
      return {
        line(line, hasEnd) {
          const part = (hasEnd ? `${line}\n` : line).slice(0, Math.max(left, 0));
          left -= part.length;
          return part ? apart(part, (open) => (this.open = open)) : [];
        },
        end: () => [],
        full: () => left <= 0,
      };
    }
    // `head -n -2`: all but the last two.
    const held = [];
    const all = text.startsWith("-");
    return {
      line(line, hasEnd) {
        this.open = !all && !hasEnd;
        if (!all) return left-- > 0 ? [line] : [];
        held.push(line);
        return held.length > -left ? [held.shift()] : [];
      },
      end: () => [],
      full: () => !all && left <= 0,
    };
  },
  tail: whole((args) => {
    const flags = read("tail", args, "qfF", "nc");
    const n = flags.c ?? flags.n ?? "10";
    const many = count("tail", n);
    const cut = (all) => (n.startsWith("+") ? all.slice(Math.max(many - 1, 0)) : many ? all.slice(-Math.abs(many)) : all.slice(0, 0));
    return (lines, hasEnd, tell) => {
      if (flags.c) return apart(cut(together(lines, hasEnd)), tell);
      tell(!hasEnd);
      return cut(lines);
    };
  }),
  wc: whole((args) => {
    const flags = read("wc", args, "lwcm");
    const all = !flags.l && !flags.w && !flags.c && !flags.m;
    return (lines, hasEnd) => {
      const text = together(lines, hasEnd);
      const numbers = [
        (all || flags.l) && lines.length - (hasEnd ? 0 : 1),
        (all || flags.w) && (text.match(/\S+/g) ?? []).length,
        flags.m && Array.from(text).length,
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
  uniq(args) {
    const flags = read("uniq", args, "cdui");
    let run;
    const same = (a, b) => (flags.i ? a.toLowerCase() === b.toLowerCase() : a === b);
    const given = () => (!run || (flags.d && run.times < 2) || (flags.u && run.times > 1) ? []
      : [flags.c ? `${String(run.times).padStart(7)} ${run.line}` : run.line]);
    return {
      line(line) {
        if (run && same(run.line, line)) {
          run.times++;
          return [];
        }
        const out = given();
        run = { line, times: 1 };
        return out;
      },
      end: () => given(),
    };
  },
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
    const flags = read("tr", args, "dscC", "");
    const CLASSES = { lower: "a-z", upper: "A-Z", digit: "0-9", alpha: "A-Za-z", alnum: "A-Za-z0-9", space: " \t\n\r\v\f", blank: " \t", punct: "!-/:-@[-`{-~" };
    const expand = (text = "") => Array.from(text.replace(/\[:(\w+):\]/g, (all, name) => CLASSES[name] ?? all)
      .replace(/\\([ntr\\])/g, (_, sign) => ({ n: "\n", t: "\t", r: "\r", "\\": "\\" })[sign]).replace(/([^])-([^])/g, (_, a, b) =>
        Array.from({ length: Math.max(b.charCodeAt(0) - a.charCodeAt(0) + 1, 0) }, (_, step) => String.fromCharCode(a.charCodeAt(0) + step)).join("")));
    const [from, to] = flags.words.map(expand);
    const other = flags.c || flags.C;
    if (!from || (!to && !flags.d && !flags.s)) throw new Wrong("tr: missing operand");
    const isFrom = (letter) => from.includes(letter) !== Boolean(other);
    const squeezed = (letter) => (to && !flags.d ? to.includes(letter) : flags.d ? to?.includes(letter) : isFrom(letter));
    let [left, last] = ["", undefined];
    return {
      line(line, hasEnd) {
        for (const letter of hasEnd ? `${line}\n` : line) {
          if (flags.d && isFrom(letter)) continue;
          const put = !flags.d && to && isFrom(letter) ? to[other ? to.length - 1 : Math.min(from.indexOf(letter), to.length - 1)] : letter;
          if (flags.s && put === last && squeezed(put)) continue;
          last = put;
          left += put;
        }
        const lines = left.split("\n");
        left = lines.pop();
        return lines;
      },
      end() {
        this.open = left !== "";
        return left ? [left] : [];
      },
    };
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
  sed(args) {
    // Each `-e` is a line of the script.
    const [scripts, rest] = [[], []];
    for (let at = 0; at < args.length; at++) {
      if (args[at] === "-e" || args[at] === "--expression") scripts.push(args[++at] ?? "");
      else rest.push(args[at]);
    }
    const flags = read("sed", rest, "nErsu");
    const script = scripts.length ? scripts.join("\n") : flags.words[0];
    if (script === undefined) throw new Wrong("usage: sed [-nEr] 'script'");
    const regex = (text, how) => {
      const { source } = pattern("sed", text, { E: flags.E || flags.r });
      return new RegExp(source, how);
    };
    return sed(script, flags.n, regex, (why) => new Wrong(`sed: -e expression #1: ${why}`));
  },
  base64: whole((args) => {
    const flags = read("base64", args, "dDi", "w");
    return (lines, hasEnd, tell) => {
      if (!flags.d && !flags.D) {
        const bytes = new TextEncoder().encode(together(lines, hasEnd));
        let signs = "";
        for (let at = 0; at < bytes.length; at += 8192) signs += String.fromCharCode(...bytes.subarray(at, at + 8192));
        const width = count("base64", flags.w ?? "76");
        tell(!width);
        return btoa(signs).match(new RegExp(`.{1,${width || ""}}`, "g")) ?? [];
      }
      let bytes;
      try {
        bytes = Uint8Array.from(atob(lines.join("")), (sign) => sign.charCodeAt(0));
      } catch {
        throw new Wrong("base64: invalid input");
      }
      try {
        return apart(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), tell);
      } catch {
        throw new Wrong(`base64: ${inWords().no_text}`);
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
  less: passed, more: passed,
  cat(args) {
    const flags = read("cat", args, "nu");
    let number = 0;
    return {
      line(line, hasEnd) {
        this.open = !hasEnd;
        return [flags.n ? `${String(++number).padStart(6)}\t${line}` : line];
      },
      end: () => [],
    };
  },
  rev: () => ({ line: (line) => [Array.from(line).reverse().join("")], end: () => [] }),
  nl: () => FILTERS.cat(["-n"]),
  jq(args) {
    const flags = read("jq", args, "rcesMnjS");
    const run = jq(flags.words[0] ?? ".", (why) => new Wrong(`jq: error: ${why}`));
    const take = documents(() => new Wrong("jq: error: the input is not JSON: add -o json to kubectl"));
    const all = [];
    let last;
    const shown = (value) => (flags.r || flags.j) && typeof value === "string" ? value : JSON.stringify(flags.S ? sorted(value) : value, null, flags.c ? 0 : 2);
    const out = (inputs) => inputs.flatMap((input) => run(input)).flatMap((value) => {
      last = value;
      return shown(value).split("\n");
    });
    return {
      line(line) {
        const found = take(line);
        if (flags.s) all.push(...found);
        return flags.s || flags.n ? [] : this.given(out(found));
      },
      end() {
        const found = take();
        if (flags.s) all.push(...found);
        return this.given(out(flags.n ? [null] : flags.s ? [all] : found));
      },
      given(lines) {
        this.open = Boolean(flags.j);
        return flags.j && lines.length ? [lines.join("")] : lines;
      },
      code: () => (flags.e && (last === undefined || last === null || last === false) ? 1 : 0),
    };
  },
};

const sorted = (value) => {
  if (value === null || typeof value !== "object") return value;
  return Array.isArray(value) ? value.map(sorted) : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
};

/** Reads one JSON text after the other: what is given a line answers those that are whole by then, and without one the last. */
function documents(wrong) {
  let [held, depth, quoted] = [[], 0, false];
  const parsed = () => {
    const text = held.join("\n");
    held = [];
    if (!text.trim()) return [];
    try {
      return [JSON.parse(text)];
    } catch { /* There may be several on a line. */ }
    try {
      return JSON.parse(`[${text.trim().replace(/(?<=[}\]"\d\w])\s+(?=[{["\d\w-])/g, ",")}]`);
    } catch {
      throw wrong();
    }
  };
  return (line) => {
    if (line === undefined) return parsed();
    held.push(line);
    for (let at = 0; at < line.length; at++) {
      const sign = line[at];
      if (quoted) {
        if (sign === "\\") at++;
        else if (sign === '"') quoted = false;
      } else if (sign === '"') quoted = true;
      else if (sign === "{" || sign === "[") depth++;
      else if (sign === "}" || sign === "]") depth--;
    }
    return depth === 0 && !quoted ? parsed() : [];
  };
}

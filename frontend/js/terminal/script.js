// What a shell does around commands: variables, `$(…)`, loops and conditions. A text is read into a tree once; values are put into
// words when a command runs.

import { Wrong } from "./filters.js";

/** A text that goes on in the next line; the message says with what, as zsh's prompt does. */
class Unfinished extends Error {}
/** `break` and `continue` on their way to their loop. */
class Jump extends Error {}

/** Where a value was put into a text that is yet to be cut into words: outside of quotes, inside of them, and its end. */
const [PLAIN, QUOTED, END] = ["\ue001", "\ue002", "\ue003"];
const RESERVED = /^(for|while|until|if|then|elif|else|fi|do|done|case|function|select|\{)(?=\s|$)/;
const ASSIGNED = /^([A-Za-z_]\w*)=/;
/** A line that ends so goes on in the next one. */
const PIPES = /(^|[^\\|])\|[ \t]*$/;
/** So many parts of a script may be inside of each other. */
const DEEPEST = 50;
/** A variable holds so many letters: one that doubles itself in a loop would fill the page's memory. */
const LONGEST = 1 << 20;

const closed = (at, what) => {
  if (at < 0) throw new Unfinished(what);
  return at + 1;
};

/** The place after what begins at `at`: a sign, a text in quotes, a `$(…)`. */
function after(text, at) {
  const sign = text[at];
  if (sign === "\\") return at + 2;
  if (sign === "'" || sign === "`") return closed(text.indexOf(sign, at + 1), "quote");
  if (sign === '"') return until(text, at + 1, '"');
  return text.startsWith("$(", at) ? until(text, at + 2, ")") : at + 1;
}

function until(text, at, end) {
  while (at < text.length && text[at] !== end) {
    if (end === ")" && text[at] === "(") at = until(text, at + 1, ")");
    else at = end === '"' && text[at] === "'" ? at + 1 : after(text, at);
  }
  return closed(at < text.length ? at : -1, end === ")" ? "cmdsubst" : "dquote");
}

/** The commands of a text, each with what stands before it: `;`, `&&`, `||`. */
function commands(text) {
  const parts = [];
  let [from, op, word] = [0, ";", false];
  const cut = (to, next, length) => {
    const part = text.slice(from, to).trim();
    // An empty line after `&&` is none.
    if (part) parts.push({ op, text: part });
    op = part || next !== ";" ? next : op;
    from = to + length;
    word = false;
  };
  for (let at = 0; at < text.length;) {
    const sign = text[at];
    const two = text.slice(at, at + 2);
    if (sign === "#" && !word) {
      const end = text.indexOf("\n", at);
      text = text.slice(0, at) + (end < 0 ? "" : text.slice(end));
    } else if (two === "&&" || two === "||") {
      cut(at, two, 2);
      at += 2;
    } else if (sign === ";" || sign === "\n" && !PIPES.test(text.slice(from, at))) cut(at++, ";", 1);
    else {
      word = !/[\s|]/.test(sign);
      at = after(text, at);
    }
  }
  cut(text.length, ";", 0);
  return parts;
}

/** Reads commands into a tree: `{op, run}`, `{op, loop, words, test, wanted, body}`, `{op, branches}`. */
class Reader {
  constructor(text) {
    this.parts = commands(text);
    this.depth = 0;
  }
  get word() {
    return this.parts[0]?.text.match(RESERVED)?.[1];
  }
  take(word, of) {
    if (!this.parts.length) throw new Unfinished(of);
    if (this.word !== word) throw this.unexpected();
    const [part] = this.parts;
    const rest = part.text.slice(word.length).trim();
    if (rest) Object.assign(part, { text: rest, op: ";" });
    else this.parts.shift();
  }
  unexpected = () => new Wrong(`syntax error near unexpected token \`${this.word ?? this.parts[0].text.split(/\s/)[0]}'`);
  /** Commands up to one of some words. */
  list(ends, of) {
    if (++this.depth > DEEPEST) throw new Wrong("syntax error: too much inside of each other");
    const nodes = [];
    for (;;) {
      if (!this.parts.length && ends.length) throw new Unfinished(of);
      if (!this.parts.length || ends.includes(this.word)) break;
      nodes.push(this.one());
    }
    this.depth--;
    if (ends.length && !nodes.length) throw this.unexpected();
    return nodes;
  }
  one() {
    const { word } = this;
    const { op } = this.parts[0];
    if (!word) return { op, run: this.parts.shift().text };
    if (word === "for") return { op, ...this.each() };
    if (word === "while" || word === "until") {
      this.take(word, word);
      const test = this.list(["do"], word);
      return { op, test, wanted: word === "while", body: this.body(word) };
    }
    if (word === "if") return { op, ...this.branches() };
    throw this.unexpected();
  }
  each() {
    const [, loop, words] = this.parts.shift().text.match(/^for\s+([A-Za-z_]\w*)\s+in\s+([^]*)$/) ?? [];
    if (!loop) throw new Wrong("syntax error: for NAME in WORDS; do …; done");
    return { loop, words, body: this.body("for") };
  }
  body(of) {
    this.take("do", of);
    const body = this.list(["done"], of);
    this.take("done", of);
    this.ends();
    return body;
  }
  branches() {
    const branches = [];
    let otherwise = [];
    for (let word = "if"; word !== "fi"; word = this.word) {
      this.take(word, "if");
      if (word === "else") otherwise = this.list(["fi"], "else");
      else {
        const test = this.list(["then"], "if");
        this.take("then", "then");
        branches.push({ test, body: this.list(["elif", "else", "fi"], "then") });
      }
    }
    this.take("fi", "if");
    this.ends();
    return { branches, otherwise };
  }
  /** What is done in a loop goes to the screen: it is not led elsewhere. */
  ends() {
    if (/^[|<>&]/.test(this.parts[0]?.text ?? "")) throw new Wrong(`syntax error near unexpected token \`${this.parts[0].text[0]}'`);
  }
}

/** What a text still lacks before it can be run, or `undefined`. */
export function unfinished(text) {
  try {
    new Reader(text).list([]);
  } catch (error) {
    if (error instanceof Unfinished) return error.message;
    if (!(error instanceof Wrong)) throw error;
  }
  return undefined;
}

/** `1 + 2 * $i` with names for variables: whole numbers, as in `$((…))`. */
function sum(text, names) {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|[<>=!]=|\S/g) ?? [];
  const wrong = () => new Wrong(`arithmetic syntax error: ${text.trim()}`);
  const LEVELS = [
    { "==": (a, b) => +(a === b), "!=": (a, b) => +(a !== b), "<": (a, b) => +(a < b), "<=": (a, b) => +(a <= b), ">": (a, b) => +(a > b), ">=": (a, b) => +(a >= b) },
    { "+": (a, b) => a + b, "-": (a, b) => a - b },
    { "*": (a, b) => a * b, "/": (a, b) => Math.trunc(a / b), "%": (a, b) => a % b },
  ];
  const level = (at) => {
    if (at === LEVELS.length) return one();
    let left = level(at + 1);
    while (Object.hasOwn(LEVELS[at], tokens[0] ?? "")) {
      const act = LEVELS[at][tokens.shift()];
      left = act(left, level(at + 1));
      if (!Number.isSafeInteger(left)) throw wrong();
    }
    return left;
  };
  const one = () => {
    const token = tokens.shift();
    if (token === "-") return -one();
    if (token === "$") return one();
    if (token === "(") {
      const inner = level(0);
      if (tokens.shift() !== ")") throw wrong();
      return inner;
    }
    if (/^\d+$/.test(token ?? "")) return Number(token);
    if (!/^\w+$/.test(token ?? "")) throw wrong();
    return Number.parseInt(names.get(token) ?? "0", 10) || 0;
  };
  const result = level(0);
  if (tokens.length) throw wrong();
  return result;
}

/** Commands that print nothing, and succeed or not. */
export const controls = ({ exists, rest, interrupted }) => ({
  true: () => 0,
  false: () => 1,
  ":": () => 0,
  test: (args) => test(args, exists),
  "[": (args) => {
    if (args.at(-1) !== "]") throw new Wrong("[: missing ]");
    return test(args.slice(0, -1), exists);
  },
  sleep: async (args) => {
    const [, number, unit] = args.join(" ").match(/^(\d*\.?\d+)([smh]?)$/) ?? [];
    if (!number) throw new Wrong("sleep: SECONDS");
    await rest(Number(number) * { s: 1, m: 60, h: 3600 }[unit || "s"]);
    return interrupted() ? 130 : 0;
  },
});

/** `[ … ]`: 0 where it holds. */
function test(words, exists) {
  if (words[0] === "!") return 1 - test(words.slice(1), exists);
  for (const [word, of] of [["-o", (a, b) => a && b], ["-a", (a, b) => a || b]]) {
    const at = words.indexOf(word);
    if (at > 0) return of(test(words.slice(0, at), exists), test(words.slice(at + 1), exists));
  }
  const [a, op, b] = words;
  const whole = (text) => {
    if (!/^\s*-?\d+\s*$/.test(text)) throw new Wrong(`[: ${text}: integer expression expected`);
    return Number(text);
  };
  const TWO = { "=": () => a === b, "==": () => a === b, "!=": () => a !== b, "-eq": () => whole(a) === whole(b), "-ne": () => whole(a) !== whole(b),
    "-lt": () => whole(a) < whole(b), "-le": () => whole(a) <= whole(b), "-gt": () => whole(a) > whole(b), "-ge": () => whole(a) >= whole(b) };
  const ONE = { "-z": () => op === "", "-n": () => op !== "", "-f": () => exists(op), "-e": () => exists(op), "-s": () => exists(op) };
  if (words.length === 3 && Object.hasOwn(TWO, op)) return +!TWO[op]();
  if (words.length === 2 && Object.hasOwn(ONE, a)) return +!ONE[a]();
  if (words.length > 1) throw new Wrong(`[: ${op}: binary operator expected`);
  return +!a;
}

/**
 * Runs scripts. `shell.run(text, input)` runs a pipeline and resolves to its code, `shell.capture(work)` to what `work` printed;
 * `shell.rest(seconds)` lets time pass, `shell.interrupted()` tells of Ctrl-C, `shell.complain(text)` says what is wrong.
 */
export class Script {
  constructor(shell) {
    Object.assign(this, { shell, names: new Map(), values: [], code: 0, depth: 0 });
  }

  /** Plays a text; `input` is for the command that asks for it. */
  async play(text, input) {
    try {
      this.input = input;
      this.values = [];
      await this.list(new Reader(text).list([]));
    } catch (error) {
      if (!(error instanceof Wrong || error instanceof Unfinished || error instanceof Jump)) throw error;
      if (error instanceof Wrong) this.shell.complain(`${error.message}\n`);
      this.code = error.code ?? 2;
    }
    return this.code;
  }

  async list(nodes) {
    for (const node of nodes) {
      if ((node.op === "&&" && this.code) || (node.op === "||" && !this.code)) continue;
      if (this.shell.interrupted()) return (this.code = 130);
      if (node.run !== undefined) this.code = await this.command(node.run);
      else if (node.branches) await this.choose(node);
      else await this.repeat(node);
    }
    return this.code;
  }

  async choose({ branches, otherwise }) {
    for (const { test, body } of branches) {
      if ((await this.list(test)) === 0) return this.list(body);
    }
    this.code = 0;
    return this.list(otherwise);
  }

  async repeat({ loop, words, test, wanted, body }) {
    const left = loop && (await this.words(words));
    let code = 0;
    for (;;) {
      if (loop ? !left.length : ((await this.list(test)) === 0) !== wanted) break;
      if (this.shell.interrupted()) break;
      if (loop) this.names.set(loop, left.shift());
      try {
        code = await this.list(body);
      } catch (jump) {
        if (!(jump instanceof Jump)) throw jump;
        code = 0;
        if (jump.message === "break") break;
      }
      // The page stays alive, however little a round does.
      await this.shell.rest(0);
    }
    return (this.code = this.shell.interrupted() ? 130 : code);
  }

  async command(text) {
    if (text === "break" || text === "continue") throw new Jump(text);
    if (/^!\s/.test(text)) return +!(await this.command(text.slice(1).trim()));
    const watched = text.match(/^watch\s+(?:-n\s*([\d.]+)\s+)?([^-][^]*)$/);
    if (watched) return this.watch(Number(watched[1] ?? 2), watched[2]);
    text = text.replace(/^export\s+(?=\w+=)/, "");
    const [, name] = text.match(ASSIGNED) ?? [];
    if (!name) return this.shell.run(await this.filled(text), this.input);
    let end = name.length + 1;
    while (end < text.length && !/\s/.test(text[end])) end = after(text, end);
    this.code = 0;
    const value = await this.text(text.slice(name.length + 1, end));
    // What is set for one command only no command here looks at.
    if (end < text.length) return this.command(text.slice(end).trim());
    if (value.length > LONGEST) throw new Wrong(`${name}: the value is too long`);
    this.names.set(name, value);
    return this.code;
  }

  /** Runs a command again and again, each time on an empty screen. */
  async watch(seconds, text) {
    const script = /^['"]/.test(text) && after(text, 0) === text.length ? await this.text(text) : text;
    while (!this.shell.interrupted()) {
      this.shell.clear(`Every ${seconds.toFixed(1)}s: ${script}\n\n`);
      await this.list(new Reader(script).list([]));
      await this.shell.rest(seconds);
    }
    return 130;
  }

  /** A text with marks where its values belong. */
  async filled(text) {
    let out = "";
    let quoted = false;
    for (let at = 0; at < text.length;) {
      const sign = text[at];
      const found = sign === "$" || sign === "`" ? await this.value(text, at) : undefined;
      const end = found?.end ?? (sign === "\\" || (sign === "'" && !quoted) ? after(text, at) : at + 1);
      if (sign === '"') quoted = !quoted;
      out += found ? `${quoted ? QUOTED : PLAIN}${this.values.push(String(found.value)) - 1}${END}` : text.slice(at, end);
      at = end;
    }
    return out;
  }

  /** What a `$` means, and where that ends; `undefined` where it is a letter, as in a jsonpath. */
  async value(text, at) {
    const [whole, braced, plain] = text.slice(at).match(/^\$(?:\{(\w+)\}|([A-Za-z_]\w*|\?))/) ?? [];
    if (whole) {
      const name = braced ?? plain;
      const value = name === "?" ? this.code : this.names.get(name);
      return value === undefined ? undefined : { value, end: at + whole.length };
    }
    if (text[at] !== "`" && text[at + 1] !== "(") return undefined;
    const end = after(text, at);
    if (text.startsWith("$((", at) && text.endsWith("))", end)) return { value: sum(text.slice(at + 3, end - 2), this.names), end };
    if (++this.depth > DEEPEST) throw new Wrong("too much inside of each other");
    const inner = text.slice(at + (text[at] === "`" ? 1 : 2), end - 1);
    const said = await this.shell.capture(() => this.list(new Reader(inner).list([])));
    this.depth--;
    return { value: said.replace(/\n+$/, ""), end };
  }

  /** The words of a token in which values stand: what was in no quotes comes apart at white space. */
  apart(token) {
    const words = [];
    let word;
    for (const [, literal, mark, index] of token.matchAll(/([^\ue001\ue002]+)|([\ue001\ue002])(\d+)\ue003/g)) {
      const value = literal ?? this.values[index];
      if (mark !== PLAIN) {
        word = (word ?? "") + value;
        continue;
      }
      for (const [piece, space] of value.matchAll(/(\s+)|\S+/g)) {
        if (!space) word = (word ?? "") + piece;
        else if (word !== undefined) {
          words.push(word);
          word = undefined;
        }
      }
    }
    if (word !== undefined || token === "") words.push(word ?? "");
    return words;
  }

  /** The words of a text, and a word as it is. */
  async words(text) {
    return this.shell.split(await this.filled(text)).flatMap((token) => this.apart(token)).flatMap(counted);
  }
  async text(text) {
    const [token = ""] = this.shell.split(await this.filled(text));
    return token.replace(/[\ue001\ue002](\d+)\ue003/g, (_, index) => this.values[index]);
  }
}

/** `{1..5}` as the numbers it stands for. */
function counted(word) {
  const [, before, from, to, behind] = word.match(/^(.*)\{(-?\d+)\.\.(-?\d+)\}(.*)$/) ?? [];
  if (from === undefined || Math.abs(to - from) > 10_000) return [word];
  const step = Number(from) <= Number(to) ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, at) => `${before}${Number(from) + at * step}${behind}`);
}

// What the text of a script means, read once into a tree: lists of pipelines, and what stands in those.

import { Wrong } from "./filters.js";
import { inWords } from "./help.js";

/** A text that goes on in the next line; the message says with what, as zsh's prompt does. */
export class Unfinished extends Error {}

/** Stands in a line, with a number behind it, where a program is given a text to read (`<<EOF`). */
export const HERE = "\ue000";

const RESERVED = /(?:for|while|until|if|then|elif|else|fi|do|done|case|esac|function|select|[{}])(?=[\s;&|<>()]|$)|;;|[()]/y;
/** Between commands, between the words of one, and behind what goes on in the next line. */
const [GAP, BLANK, LINES] = [/(?:\s|;(?!;)|#[^\n]*)*/y, /(?:[ \t\r]|\\\n|#[^\n]*)*/y, /(?:\s|#[^\n]*)*/y];
const DEFINES = /(?:function\s+([\w-]+)\s*(?:\(\s*\))?|([A-Za-z_][\w-]*)[ \t]*\(\s*\))/y;
/** So many parts of a script may be inside of each other. */
export const DEEPEST = 50;
const TOO_DEEP = "syntax error: too much inside of each other";

const closed = (at, what) => {
  if (at < 0) throw new Unfinished(what);
  return at + 1;
};

/** The place after what begins at `at`: a sign, a text in quotes, a `$(…)` or `${…}`. */
export function after(text, at) {
  const sign = text[at];
  if (sign === "\\") return at + 2;
  if (sign === "'" || sign === "`") return closed(text.indexOf(sign, at + 1), "quote");
  if (sign === '"') return until(text, at + 1, '"', "dquote");
  if (text.startsWith("$'", at)) return until(text, at + 2, "'", "quote");
  if (text.startsWith("$(", at)) return until(text, at + 2, ")", "cmdsubst");
  return text.startsWith("${", at) ? until(text, at + 2, "}", "braceparam") : at + 1;
}

/** The place after `end`, read from `at` on. */
export function until(text, at, end, what) {
  while (at < text.length && text[at] !== end) {
    if (end === ")" && text[at] === "(") at = until(text, at + 1, ")", what);
    else if (end === "'" || (end === '"' && text[at] === "'")) at += text[at] === "\\" ? 2 : 1;
    else at = after(text, at);
  }
  return closed(at < text.length ? at : -1, what);
}

/**
 * Reads a list of `{op, not, stages}`: `op` is what stands before a pipeline, `stages` are what its pipes are between: `{run}`, a
 * command's text, or `{loop, words, body}`, `{test, wanted, body}`, `{first, test, next, body}`, `{branches, otherwise}`, `{word, cases}`,
 * `{group, apart}`, `{sum}`, `{define, body}`, each with `leads`, the text that says where its input and output go. `{op, behind, text}` stands
 * for the pipelines `behind` it that nobody waits for.
 */
class Reader {
  constructor(text) {
    Object.assign(this, { text, at: 0, depth: 0 });
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
  get over() {
    return this.at >= this.text.length;
  }
  /** A word, or a sign, that is part of the grammar and stands here. */
  get word() {
    RESERVED.lastIndex = this.at;
    return RESERVED.exec(this.text)?.[0];
  }
  unexpected() {
    const [token] = this.text.slice(this.at).match(/^(?:[;&|<>]{1,2}|[()]|[^\s;&|<>()]+)/) ?? ["newline"];
    return new Wrong(`syntax error near unexpected token \`${token}'`);
  }
  expect(word, of) {
    this.take(GAP);
    if (this.over) throw new Unfinished(of);
    if (this.word !== word) throw this.unexpected();
    this.at += word.length;
  }

  /** Pipelines up to one of some words. */
  list(ends, of, mayBeEmpty = !ends.length) {
    if (++this.depth > DEEPEST) throw new Wrong(TOO_DEEP);
    const nodes = [];
    let [from, first] = [0, 0];
    for (let op = ";"; ;) {
      this.take(GAP);
      if (this.over && op !== ";") throw new Unfinished(op === "&&" ? "cmdand" : "cmdor");
      if (this.over && ends.length) throw new Unfinished(of);
      if (this.over || ends.includes(this.word)) break;
      if (op === ";") [from, first] = [this.at, nodes.length];
      nodes.push({ op, ...this.pipeline() });
      this.take(BLANK);
      op = this.take(/&&|\|\|/y)?.[0] ?? ";";
      if (op !== ";") continue;
      if (this.text[this.at] === "&") nodes.push({ op, text: this.text.slice(from, this.at++).trim(), behind: nodes.splice(first) });
      else if (!this.over && !/[\n;)]/.test(this.text[this.at])) throw this.unexpected();
    }
    this.depth--;
    if (!nodes.length && !mayBeEmpty) throw this.unexpected();
    return nodes;
  }

  pipeline() {
    const not = Boolean(this.take(/!(?=\s)[ \t]*/y));
    const stages = [];
    do {
      this.take(LINES);
      if (this.over) throw new Unfinished("pipe");
      if (/^\|(?!\|)/.test(this.text.slice(this.at, this.at + 2))) throw new Wrong(`|: ${inWords()[stages.length ? "after" : "before"]}`);
      stages.push(this.command());
      this.take(BLANK);
    } while (this.pipe(stages.at(-1)));
    return { not, stages };
  }

  /** Whether a pipe stands here; through `|&` goes what is complained of, too. */
  pipe(stage) {
    const [, both] = this.take(/\|(?!\|)(&?)/y) ?? [];
    if (both) stage[stage.run === undefined ? "leads" : "run"] += " 2>&1";
    return both !== undefined;
  }

  command() {
    const [defines, long, short] = this.take(DEFINES) ?? [];
    if (defines) {
      this.take(LINES);
      if (this.over) throw new Unfinished("function");
      const body = this.command();
      if (body.run !== undefined || body.define) throw this.unexpected();
      return { define: long ?? short, body, leads: "" };
    }
    const { word } = this;
    if (!word) return { run: this.plain() };
    const READS = {
      for: () => this.each() ?? this.counting(), while: () => this.loop(word), until: () => this.loop(word), if: () => this.branches(), case: () => this.choice(),
      "{": () => this.group("}", "cursh"), "(": () => this.sum() ?? this.group(")", "subsh"),
    };
    if (!Object.hasOwn(READS, word)) throw this.unexpected();
    const node = READS[word]();
    this.take(BLANK);
    const leads = this.over || /^(?:[\n;)|]|&(?!>))/.test(this.text.slice(this.at, this.at + 2)) ? "" : this.plain();
    if (leads && !/^(?:\d?[<>]|&>|\ue000)/.test(leads)) throw new Wrong(`syntax error near unexpected token \`${leads.split(/\s/)[0]}'`);
    return { ...node, leads };
  }

  /** The text of a command, up to what ends it. */
  plain() {
    const from = this.at;
    const { text } = this;
    const tests = text.startsWith("[[", from) && /\s/.test(text[from + 2] ?? "");
    while (this.at < text.length) {
      const sign = text[this.at];
      const before = text[this.at - 1];
      if (tests ? /\s/.test(before) && text.startsWith("]]", this.at) : /[\n;)]/.test(sign)) break;
      if (!tests && ((sign === "&" && !/[<>]/.test(before) && text[this.at + 1] !== ">") || (sign === "|" && before !== ">"))) break;
      if (!tests && sign === "#" && /\s/.test(before)) break;
      this.at = !tests && sign === "(" ? this.enclosed(from) : after(text, this.at);
    }
    if (tests) this.at = closed(this.at < text.length ? this.at : -1, "cond") + 1;
    if (this.at === from) throw this.unexpected();
    return text.slice(from, this.at).trim();
  }

  /** The end of what stands in parentheses within a command: a list (`a=(…)`), or a command whose output is a file (`<(…)`). */
  enclosed(from) {
    const before = this.text.slice(from, this.at);
    if (!/(?:^|\s)[A-Za-z_]\w*\+?=$|<$/.test(before)) throw this.unexpected();
    return until(this.text, this.at + 1, ")", before.endsWith("<") ? "cmdsubst" : "array");
  }
  /** `((i < 3))` */
  sum() {
    if (!this.text.startsWith("((", this.at)) return undefined;
    const end = until(this.text, this.at + 1, ")", "math");
    if (this.text[end - 2] !== ")") return undefined;
    const sum = this.text.slice(this.at + 2, end - 2);
    this.at = end;
    return { sum };
  }
  /** `for ((i = 0; i < 3; i++))` */
  counting() {
    this.take(/for\s*/y);
    const [first, test, next, more] = this.sum()?.sum.split(";") ?? [];
    if (next === undefined || more !== undefined) throw new Wrong("syntax error: for NAME in WORDS; do …; done");
    return { first, test, next, body: this.body("for") };
  }

  each() {
    const [, loop] = this.take(/for\s+([A-Za-z_]\w*)[ \t]*(?=[\s;]|$)/y) ?? [];
    if (!loop) return undefined;
    const words = this.take(/\s*in(?=[\s;]|$)[ \t]*/y) ? this.over || /[\n;]/.test(this.text[this.at]) ? "" : this.plain() : '"$@"';
    return { loop, words, body: this.body("for") };
  }
  loop(word) {
    this.at += word.length;
    const test = this.list(["do"], word);
    return { test, wanted: word === "while", body: this.body(word) };
  }
  body(of) {
    this.expect("do", of);
    const body = this.list(["done"], of);
    this.expect("done", of);
    return body;
  }
  branches() {
    const branches = [];
    let otherwise = [];
    for (let word = "if"; word !== "fi"; word = this.word) {
      this.expect(word, "if");
      if (word === "else") otherwise = this.list(["fi"], "else");
      else {
        const test = this.list(["then"], "if");
        this.expect("then", "then");
        branches.push({ test, body: this.list(["elif", "else", "fi"], "then") });
      }
    }
    this.expect("fi", "if");
    return { branches, otherwise };
  }
  choice() {
    this.at += "case".length;
    this.take(/[ \t]*/y);
    const from = this.at;
    while (!this.over && !/[\s;]/.test(this.text[this.at])) this.at = after(this.text, this.at);
    const word = this.text.slice(from, this.at);
    this.take(LINES);
    if (this.over) throw new Unfinished("case");
    if (!this.take(/in(?=\s|$)/y)) throw this.unexpected();
    const cases = [];
    for (;;) {
      this.take(GAP);
      if (this.over) throw new Unfinished("case");
      if (this.word === "esac") break;
      cases.push({ patterns: this.patterns(), body: this.list([";;", "esac"], "case", true) });
      if (this.word === ";;") this.at += 2;
    }
    this.expect("esac", "case");
    return { word, cases };
  }
  patterns() {
    this.take(/\(\s*/y);
    const patterns = [];
    for (let from = this.at; ; this.at = after(this.text, this.at)) {
      if (this.over) throw new Unfinished("case");
      const sign = this.text[this.at];
      if (/[\n;(]/.test(sign)) throw this.unexpected();
      if (sign !== "|" && sign !== ")") continue;
      patterns.push(this.text.slice(from, this.at).trim());
      from = this.at + 1;
      if (sign === ")") break;
    }
    this.at++;
    return patterns;
  }
  group(end, of) {
    this.at++;
    const group = this.list([end], of);
    this.expect(end, of);
    return { group, apart: end === ")" };
  }
}

/** A text as a list; what is nested beyond what can be read is an error like any other. */
export function read(text) {
  try {
    return new Reader(text).list([]);
  } catch (error) {
    if (error instanceof RangeError) throw new Wrong(TOO_DEEP);
    throw error;
  }
}

/** What a text still lacks before it can be run, or `undefined`. */
export function unfinished(text) {
  try {
    read(text);
  } catch (error) {
    if (error instanceof Unfinished) return error.message;
    if (!(error instanceof Wrong)) throw error;
  }
  return undefined;
}

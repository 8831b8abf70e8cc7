// What a shell does around commands: variables, `$(…)`, loops, conditions and functions.

import { Abort, Wrong } from "./filters.js";
import { changed, counted, pattern, sum } from "./expand.js";
import { inWords } from "./help.js";
import { DEEPEST, Unfinished, after, read } from "./syntax.js";
import { check } from "./test.js";
import { fields, words } from "./words.js";

/** `break`, `continue`, `return` and `exit` on their way to where they lead, with a code. */
class Jump extends Error {
  constructor(to, code) {
    super(to);
    this.code = code;
  }
}

const ASSIGNED = /^([A-Za-z_]\w*)(\+?)=/;
/** A variable holds so many letters: one that doubles itself in a loop would fill the page's memory. */
const LONGEST = 1 << 20;
/** What a shell knows that nobody has set. */
const KNOWN = [["HOME", "/root"], ["USER", "root"], ["PWD", "/root"], ["SHELL", "/bin/bash"], ["HOSTNAME", "kubarium"]];
const NOWHERE = "/dev/null";

/** A text that is read line by line, or the rest of it. */
export class Input {
  constructor(text) {
    Object.assign(this, { text, at: 0 });
  }
  line() {
    if (this.at >= this.text.length) return undefined;
    const end = (this.text.indexOf("\n", this.at) + 1 || this.text.length + 1) - 1;
    const line = this.text.slice(this.at, end);
    this.at = end + 1;
    return line;
  }
  rest() {
    const rest = this.text.slice(this.at);
    this.at = this.text.length;
    return rest;
  }
}

/**
 * Runs scripts. `shell.run(stages, input)` runs a pipeline of `{words}` and `{work(input)}`, each with where it reads and writes
 * (`{input, to, err}`), and resolves to its code; `shell.capture(work)` resolves to what `work` printed, `shell.file(name)` is a file's
 * text, `shell.files()` are their names, `shell.typed(prompt)` resolves to a line of the person's, `shell.rest(seconds)` lets time pass,
 * `shell.interrupted()` tells of Ctrl-C, `shell.complain(text)` says what is wrong, `shell.clear(text)` begins a new screen.
 */
export class Script {
  constructor(shell) {
    Object.assign(this, { shell, names: new Map(KNOWN), functions: new Map(), aliases: new Map(), params: [], locals: undefined, code: 0, depth: 0 });
  }

  /** Plays a text; `documents` are the texts that its commands bring, each `{text, literal}`. */
  async play(text, documents = []) {
    Object.assign(this, { documents, params: [], locals: undefined, input: undefined, depth: 0 });
    try {
      await this.list(read(text));
    } catch (error) {
      if (error instanceof Jump) return (this.code = error.code);
      if (!(error instanceof Wrong || error instanceof Unfinished)) throw error;
      this.shell.complain(`${error instanceof Wrong ? error.message : "syntax error: unexpected end of file"}\n`);
      this.code = error.code ?? 2;
    }
    return this.code;
  }

  async list(nodes) {
    for (const { op, not, stages } of nodes) {
      if ((op === "&&" && this.code) || (op === "||" && !this.code)) continue;
      if (this.shell.interrupted()) return (this.code = 130);
      const made = [];
      for (const node of stages) made.push(await this.stage(node));
      const code = await this.shell.run(made, this.input);
      this.code = not ? +!code : code;
    }
    return this.code;
  }

  /** What there is to run: a program's words, or work of this script's own. */
  async stage(node) {
    if (node.run !== undefined) return this.simple(node.run);
    const { words: _, ...leads } = await this.parsed(node.leads);
    return this.own(leads, () => this.compound(node));
  }
  /** Work of its own reads what its stage is given, or what all around it is. */
  own(leads, work) {
    return { ...leads, work: async (input = this.input) => {
      const before = this.input;
      this.input = input;
      try {
        return await work();
      } finally {
        this.input = before;
      }
    } };
  }

  async compound(node) {
    if (node.define) {
      this.functions.set(node.define, node.body);
      return 0;
    }
    if (node.group) return node.apart ? this.apart(node.group) : this.list(node.group);
    if (node.branches) return this.choose(node);
    return node.cases ? this.match(node) : this.repeat(node);
  }

  /** What a subshell sets is gone with it. */
  async apart(nodes) {
    const { names, functions } = this;
    Object.assign(this, { names: new Map(names), functions: new Map(functions) });
    try {
      return await this.list(nodes);
    } catch (jump) {
      if (!(jump instanceof Jump)) throw jump;
      return jump.code;
    } finally {
      Object.assign(this, { names, functions });
    }
  }

  async choose({ branches, otherwise }) {
    for (const { test, body } of branches) {
      if ((await this.list(test)) === 0) return this.list(body);
    }
    this.code = 0;
    return this.list(otherwise);
  }

  async match({ word, cases }) {
    const value = await this.text(word);
    this.code = 0;
    for (const { patterns, body } of cases) {
      for (const one of patterns) {
        if (pattern((await this.words(one)).flat()).test(value)) return this.list(body);
      }
    }
    return 0;
  }

  async repeat({ loop, words: text, test, wanted, body }) {
    const left = loop && (await this.parsed(text)).words;
    let code = 0;
    for (;;) {
      if (loop ? !left.length : ((await this.list(test)) === 0) !== wanted) break;
      if (this.shell.interrupted()) break;
      if (loop) this.set(loop, left.shift());
      try {
        code = await this.list(body);
      } catch (jump) {
        if (!(jump instanceof Jump) || !/^(break|continue)$/.test(jump.message)) throw jump;
        code = 0;
        if (jump.message === "break") break;
      }
      // The page stays alive, however little a round does.
      await this.shell.rest(0);
    }
    return this.shell.interrupted() ? 130 : code;
  }

  async call(name, params) {
    if (++this.depth > DEEPEST) throw new Abort(`${name}: too much inside of each other`);
    const { params: before, locals } = this;
    Object.assign(this, { params, locals: new Map() });
    try {
      return await this.compound(this.functions.get(name));
    } catch (jump) {
      if (!(jump instanceof Jump) || jump.message !== "return") throw jump;
      return jump.code;
    } finally {
      for (const [name, value] of this.locals) this.set(name, value);
      Object.assign(this, { params: before, locals });
      this.depth--;
    }
  }

  set(name, value) {
    if (value?.length > LONGEST) throw new Abort(`${name}: the value is too long`);
    if (value === undefined) this.names.delete(name);
    else this.names.set(name, value);
  }

  /** A command: what it sets, and what there is to run. */
  async simple(text, of) {
    const [first] = text.match(/^[\w.-]+(?=\s|$)/) ?? [];
    if (first !== of && this.aliases.has(first)) return this.simple(this.aliases.get(first) + text.slice(first.length), first);
    if (/^\[\[\s/.test(text)) return this.own({}, () => this.holds(text.slice(2, -2)));
    const watched = text.match(/^watch\s+(?:-n\s*([\d.]+)\s+)?([^-][^]*)$/);
    if (watched) return this.own({}, () => this.watch(Number(watched[1] ?? 2), watched[2]));
    const [declares, kind] = text.match(/^(export|local|readonly|declare)(?:\s+-\w+)*(?:\s+|$)/) ?? [];
    if (declares) return this.own({}, () => this.declare(text.slice(declares.length), kind === "local"));
    const sets = [];
    let rest = text;
    for (let found; (found = rest.match(ASSIGNED));) {
      let end = found[0].length;
      while (end < rest.length && !/\s/.test(rest[end])) end = after(rest, end);
      sets.push({ name: found[1], adds: found[2], text: rest.slice(found[0].length, end) });
      rest = rest.slice(end).trimStart();
    }
    if (!rest) return this.own({}, () => this.assign(sets));
    const { words: [name, ...args], ...leads } = await this.parsed(rest);
    if (name === undefined) return this.own(leads, async () => this.code);
    const act = this.functions.has(name) ? () => this.call(name, args) : Object.hasOwn(OWN, name) ? () => OWN[name].call(this, args, name) : undefined;
    if (act) return this.own(leads, () => this.during(sets, act));
    return { ...leads, words: [name, ...args] };
  }

  async assign(sets) {
    this.code = 0;
    for (const { name, adds, text } of sets) {
      const value = await this.text(text);
      this.set(name, adds ? (this.names.get(name) ?? "") + value : value);
    }
    return this.code;
  }
  /** What is set for one command is forgotten behind it. */
  async during(sets, act) {
    const before = sets.map(({ name }) => [name, this.names.get(name)]);
    if (sets.length) await this.assign(sets);
    try {
      return await act();
    } finally {
      for (const [name, value] of before) this.set(name, value);
    }
  }
  async declare(text, isLocal) {
    if (isLocal && !this.locals) throw new Wrong("local: can only be used in a function");
    this.code = 0;
    for (const word of await this.words(text)) {
      const [whole, name, adds] = `${word[0].text}=`.match(ASSIGNED) ?? [];
      if (!name) continue;
      if (isLocal && !this.locals.has(name)) this.locals.set(name, this.names.get(name));
      const isGiven = word[0].text.length >= whole.length;
      const value = word.map((piece, index) => (index ? piece.text : piece.text.slice(whole.length))).join("");
      if (isGiven) this.set(name, adds ? (this.names.get(name) ?? "") + value : value);
      else if (isLocal) this.set(name, "");
    }
    return this.code;
  }

  /** Runs a command again and again, each time on an empty screen. */
  async watch(seconds, text) {
    const script = /^['"]/.test(text) && after(text, 0) === text.length ? await this.text(text) : text;
    while (!this.shell.interrupted()) {
      this.shell.clear(`Every ${seconds.toFixed(1)}s: ${script}\n\n`);
      await this.list(read(script));
      await this.shell.rest(seconds);
    }
    return 130;
  }

  /** `[[ … ]]`: words stay whole, and what stands right of `==` is a pattern. */
  async holds(text) {
    const all = await this.words(text.replace(/(?<=\s)(&&|\|\|)(?=\s)/g, (op) => (op === "&&" ? "-a" : "-o")));
    const is = (word) => (word === undefined ? undefined : word.op ?? word.map((piece) => piece.text).join(""));
    return check(all.map((word, at) => {
      if (at < 2 || !word.map) return is(word);
      const op = is(all[at - 1]);
      return /^(==?|!=)$/.test(op) ? pattern(word) : op === "=~" ? new RegExp(is(word)) : is(word);
    }), (name) => this.shell.files().includes(name));
  }

  /** What a `$` means, and where that ends; `undefined` where it is a letter. */
  async value(text, at) {
    if (text.startsWith("${", at)) return this.braced(text, at);
    const [whole, name] = text.slice(at, at + 260).match(/^\$([A-Za-z_]\w*|[\d@*#?])/) ?? [];
    if (whole) return { value: this.valueOf(name) ?? "", end: at + whole.length };
    if (text[at] !== "`" && text[at + 1] !== "(") return undefined;
    const end = after(text, at);
    if (text.startsWith("$((", at) && text.endsWith("))", end)) {
      return { value: sum(text.slice(at + 3, end - 2), (name) => this.valueOf(name)), end };
    }
    if (++this.depth > DEEPEST) throw new Abort("too much inside of each other");
    try {
      const inner = text.slice(at + (text[at] === "`" ? 1 : 2), end - 1);
      const said = await this.shell.capture(async () => (this.code = await this.apart(read(inner))));
      return { value: said.replace(/\n+$/, ""), end };
    } finally {
      this.depth--;
    }
  }
  async braced(text, at) {
    const end = after(text, at);
    const [, length, name, op, word] = text.slice(at + 2, end - 1).match(/^(#?)([A-Za-z_]\w*|[\d@*#?])(?:(:?[-+?=]|##?|%%?|\/\/?)([^]*))?$/) ?? [];
    if (!name) return undefined;
    const value = this.valueOf(name);
    if (length) return { value: String(value ?? "").length, end };
    if (!op) return { value: value ?? "", end };
    const result = changed(value, name, op, (await this.words(word)).flatMap((piece, index) => (index ? [{ text: " ", how: "quoted" }, ...piece] : piece)));
    if (op.endsWith("=") && this.names.get(name) !== result) this.set(name, result);
    return { value: result, end };
  }
  /** `$NAME`, `$1`, `$@`, `$#`, `$?`. */
  valueOf(name) {
    if (name === "?") return String(this.code);
    if (name === "#") return String(this.params.length);
    if (name === "@" || name === "*") return this.params;
    if (/^\d/.test(name)) return name === "0" ? "bash" : this.params[name - 1];
    return name === "RANDOM" ? String(Math.floor(Math.random() * 32_768)) : this.names.get(name);
  }

  words(text) {
    return words(text, (...place) => this.value(...place));
  }
  /** A word as it is. */
  async text(text) {
    return (await this.words(text)).flat().map((piece) => piece.text).join("");
  }

  /** The words of a command, and where its input and output go: `{words, input, to, err}`. */
  async parsed(text) {
    const stage = { words: [] };
    const tokens = await this.words(text);
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at];
      if (token.here !== undefined) stage.input = new Input(await this.document(token.here));
      else if (token.op) this.lead(stage, token.op, tokens[++at]);
      else stage.words.push(...this.spread(token));
    }
    return stage;
  }
  /** What comes of a word: the names of files that it fits, numbers, or what its values come apart to. */
  spread(word) {
    if (word.length === 1 && word[0].how === "bare") {
      const numbers = counted(word[0].text);
      if (numbers.length > 1) return numbers;
    }
    const isPattern = word.some(({ text, how }) => how === "bare" && /[*?]/.test(text));
    const found = isPattern ? this.shell.files().filter((name) => pattern(word).test(name)).sort() : [];
    return found.length ? found : fields(word);
  }
  lead(stage, sign, word) {
    if (sign === "&") throw new Wrong(`&: ${inWords().no_jobs}`);
    if (!Array.isArray(word)) throw new Wrong("syntax error near unexpected token `newline'");
    const name = word.map(({ text }) => text).join("");
    const [, number, op] = sign.match(/^(\d?)([^]*)$/);
    const to = name === NOWHERE ? {} : { name, adds: op.endsWith(">>") };
    if (op === "<<<") stage.input = new Input(`${name}\n`);
    else if (op === "<") {
      const text = name === NOWHERE ? "" : this.shell.file(name);
      if (typeof text !== "string") throw new Wrong(`${name}: No such file or directory`);
      stage.input = new Input(text);
    } else if (op === ">&" && /^\d$/.test(name)) {
      if (number === "2" && name === "1") stage.err = "out";
      else if (name === "2") stage.to = "err";
    } else if (op[0] === "&" || op === ">&") Object.assign(stage, { to, err: "out" });
    else if (number === "2") stage.err = to;
    else stage.to = to;
  }
  async document(number) {
    const { text = "", literal } = this.documents[number] ?? {};
    if (literal) return text;
    return (await words(text, (...place) => this.value(...place), true))[0].map((piece) => piece.text).join("");
  }
}

/** Commands that work on the script itself. */
const OWN = {
  break: () => { throw new Jump("break", 0); },
  continue: () => { throw new Jump("continue", 0); },
  async return([code = this.code]) { throw new Jump("return", Number(code) || 0); },
  async exit([code = this.code]) { throw new Jump("exit", Number(code) || 0); },
  async shift([count = 1]) {
    this.params = this.params.slice(Number(count));
    return 0;
  },
  async alias(args) {
    for (const [, name, text] of args.map((arg) => arg.match(/^([\w.-]+)=([^]*)$/) ?? [])) if (name) this.aliases.set(name, text.trim());
    return 0;
  },
  async unset(args) {
    for (const name of args) if (!this.names.delete(name)) this.functions.delete(name);
    return 0;
  },
  async read(args) {
    const names = [];
    let prompt = "";
    for (let at = 0; at < args.length; at++) {
      if (args[at].startsWith("-")) prompt = args[at].includes("p") ? args[++at] ?? "" : prompt;
      else names.push(args[at]);
    }
    const line = this.input ? this.input.line() : await this.shell.typed(prompt);
    const between = this.names.get("IFS");
    const space = between ? new RegExp(`[${between.replace(/[\]\\^-]/g, "\\$&")}]${/\S/.test(between) ? "" : "+"}`) : /\s+/;
    let left = between === undefined ? (line ?? "").trim() : line ?? "";
    (names.length ? names : ["REPLY"]).forEach((name, index, all) => {
      const found = index < all.length - 1 && between !== "" ? left.match(space) : undefined;
      this.set(name, found ? left.slice(0, found.index) : left);
      left = found ? left.slice(found.index + found[0].length) : "";
    });
    return line === undefined ? 1 : 0;
  },
  async source([name, ...params], called) {
    const text = name && this.shell.file(name);
    if (typeof text !== "string") throw Object.assign(new Wrong(`${called}: ${name ?? ""}: No such file or directory`), { code: 127 });
    if (++this.depth > DEEPEST) throw new Abort(`${called}: too much inside of each other`);
    const before = this.params;
    this.params = params;
    try {
      return await (called === "source" || called === "." ? this.list(read(text)) : this.apart(read(text)));
    } finally {
      this.params = before;
      this.depth--;
    }
  },
};
for (const name of [".", "bash", "sh"]) OWN[name] = OWN.source;

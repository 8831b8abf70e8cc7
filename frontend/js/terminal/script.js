// What a shell does around commands: variables, `$(…)`, loops, conditions and functions.

import { Abort, Wrong } from "./filters.js";
import { braced, pattern, regular } from "./expand.js";
import { Job, Pipe, breathe } from "./jobs.js";
import { Jump, OWN } from "./own.js";
import { DEEPEST, Unfinished, after, read, until } from "./syntax.js";
import { check } from "./test.js";
import { KNOWN, List, Values } from "./values.js";
import { fields } from "./words.js";

const ASSIGNED = /^([A-Za-z_]\w*)(?:\[([^\]\s]+|"[^"]*")\])?(\+?)=/;
const NOWHERE = "/dev/null";
const NOTHING = { write: () => {} };
/** `$(…)` gives so much, in letters. */
const MOST_CAPTURED = 1 << 26;

/**
 * Runs scripts; one that runs beside another, or whose variables are its own, is a `fork` of it. `io` is where it reads and writes: `input`, a
 * pipe, or nothing where the person sits; `out` and `err`, each `{write(text), room(job), screen}`; `job` is what stops it.
 * `shell.run(script, stages)` runs a pipeline of `{words}` and `{work(script)}`, each with the `leads` that say where its input and output go, and resolves to its
 * code; `shell.text(name)` and `shell.names()` are the files, `shell.file(name, adds)` is one to write to, `shell.printed(text)` names one that holds `text`,
 * `shell.typed(prompt)` resolves to a line of the person's, `shell.begin(script, nodes, text)` starts what nobody waits for, `shell.clear(text)` begins a new screen.
 */
export class Script extends Values {
  constructor(shell, io) {
    super();
    Object.assign(this, {
      shell, io, job: undefined, names: new Map(KNOWN), constants: new Set(), functions: new Map(), aliases: new Map(), traps: new Map(), options: {}, params: [],
      locals: undefined, documents: [], code: 0, depth: 0, tests: 0,
    });
  }
  /** A script beside this one, that knows what this knows, and whose own is forgotten. */
  fork(other) {
    const copy = (value) => (value instanceof List ? new List(value.named, value.items) : value);
    return Object.assign(new Script(this.shell), this, {
      names: new Map([...this.names].map(([name, value]) => [name, copy(value)])), functions: new Map(this.functions), aliases: new Map(this.aliases),
      constants: new Set(this.constants), options: { ...this.options }, traps: new Map(), ...other,
    });
  }

  /** Plays a text; `documents` are the texts that its commands bring, each `{text, literal}`. */
  async play(text, documents, job) {
    Object.assign(this, { documents, job, params: [], locals: undefined, depth: 0, tests: 0 });
    const code = await this.whole(() => this.list(read(text)));
    // The terminal itself does not end.
    if (this.job.stopped) await this.trapped("INT", "TERM");
    return (this.code = code);
  }
  /** Does what is to be done (`trap`) on the first of `signs` that something is to be done on; somebody may stop that, too. */
  async trapped(...signs) {
    const text = this.traps.get(signs.find((sign) => this.traps.has(sign)));
    if (!text) return;
    const { job } = this;
    this.job = new Job();
    const forget = job.atEnd(() => this.job.stop());
    try {
      await this.list(read(text));
    } catch (jump) {
      if (!(jump instanceof Jump)) throw jump;
    } finally {
      forget();
      this.job = job;
    }
  }
  /** Does `work` to its end, whatever becomes of it. */
  async whole(work) {
    try {
      return (this.code = await work());
    } catch (error) {
      if (error instanceof Jump) return (this.code = error.code);
      this.complain(error instanceof Unfinished ? new Wrong("syntax error: unexpected end of file") : error);
      return (this.code = this.job.stopped ? 130 : error.code ?? 2);
    }
  }
  complain(error) {
    if (error instanceof RangeError) this.io.err.write("too much inside of each other\n");
    else if (!(error instanceof Wrong)) throw error;
    else if (error.message) this.io.err.write(`${error.message}\n`);
  }

  async list(nodes) {
    for (const [index, { op, not, stages, behind, text }] of nodes.entries()) {
      if ((op === "&&" && this.code) || (op === "||" && !this.code)) continue;
      await breathe();
      await this.io.out.room?.(this.job);
      if (this.job.stopped) return (this.code = 130);
      if (behind) {
        this.code = this.shell.begin(this, [{ ...behind[0], op: ";" }, ...behind.slice(1)], text);
        continue;
      }
      const made = [];
      for (const node of stages) made.push(await this.stage(node));
      const code = await this.shell.run(this, made);
      this.code = not ? +!code : code;
      const asked = not || this.tests || /&&|\|\|/.test(nodes[index + 1]?.op);
      if (this.options.e && this.code && !asked) throw new Jump("exit", this.code);
    }
    return this.code;
  }
  /** A list whose code is only asked for. */
  async test(nodes) {
    this.tests++;
    try {
      return await this.list(nodes);
    } finally {
      this.tests--;
    }
  }

  /** What there is to run: a program's words, or work of the script's own. */
  async stage(node) {
    if (node.run !== undefined) return this.simple(node.run);
    const { leads } = await this.parsed(node.leads);
    return { leads, work: (script) => script.compound(node) };
  }
  /** Does `work` with other places to read and write. */
  async within(io, work) {
    const before = this.io;
    this.io = io;
    try {
      return await work();
    } finally {
      this.io = before;
    }
  }
  /** What `nodes` print, run apart. */
  async capture(nodes) {
    const parts = [];
    let length = 0;
    const write = (part) => {
      parts.push(part);
      if ((length += part.length) > MOST_CAPTURED) throw new Abort("$(…): too much output");
    };
    const apart = this.fork({ io: { ...this.io, out: { write } }, depth: this.depth + 1, tests: 0 });
    this.code = await apart.apart(nodes);
    return parts.join("");
  }

  async compound(node) {
    if (node.define) {
      this.functions.set(node.define, node.body);
      return 0;
    }
    if (node.sum !== undefined) return +(this.sum(await this.text(node.sum)) === 0);
    if (node.group) return node.apart ? this.fork().apart(node.group) : this.list(node.group);
    if (node.branches) return this.choose(node);
    if (node.cases) return this.match(node);
    return this.repeat(node.loop ? await this.rounds(node) : node.next !== undefined ? await this.counting(node) : this.asking(node), node.body);
  }
  /** What a subshell does is over with it. */
  async apart(nodes) {
    let code;
    try {
      code = await this.list(nodes);
    } catch (jump) {
      if (!(jump instanceof Jump)) throw jump;
      code = jump.code;
    }
    this.code = code;
    if (this.job.stopped) await this.trapped("INT", "TERM");
    await this.trapped("EXIT");
    return code;
  }

  async choose({ branches, otherwise }) {
    for (const { test, body } of branches) {
      if ((await this.test(test)) === 0) return this.list(body);
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

  /** Whether there is another round, for each kind of loop. */
  async rounds({ loop, words }) {
    const { words: all } = await this.parsed(words);
    let at = 0;
    return () => at < all.length && (this.set(loop, all[at++]), true);
  }
  asking({ test, wanted }) {
    return async () => ((await this.test(test)) === 0) === wanted;
  }
  async counting({ first, test, next }) {
    const value = async (text) => (text.trim() ? this.sum(await this.text(text)) : 1);
    await value(first);
    let begun = false;
    return async () => {
      if (begun) await value(next);
      begun = true;
      return (await value(test)) !== 0;
    };
  }
  async repeat(another, body) {
    let code = 0;
    while (await another()) {
      if (this.job.stopped) break;
      try {
        code = await this.list(body);
      } catch (jump) {
        if (!(jump instanceof Jump) || !/^(break|continue)$/.test(jump.message)) throw jump;
        code = 0;
        if (--jump.levels > 0) throw jump;
        if (jump.message === "break") break;
      }
      await breathe();
    }
    return this.job.stopped ? 130 : code;
  }

  async call(name, params) {
    if (++this.depth > DEEPEST) throw new Abort(`${name}: too much inside of each other`);
    const { params: before, locals } = this;
    Object.assign(this, { params, locals: new Map() });
    try {
      const body = this.functions.get(name);
      const { leads } = await this.parsed(body.leads);
      return await this.shell.run(this, [{ leads, work: (script) => script.compound(body) }]);
    } catch (jump) {
      if (!(jump instanceof Jump) || jump.message !== "return") throw jump;
      return jump.code;
    } finally {
      for (const [name, value] of this.locals) this.set(name, value);
      Object.assign(this, { params: before, locals });
      this.depth--;
    }
  }

  /** A command: what it sets, and what there is to run. */
  async simple(text, of) {
    const [first] = text.match(/^[\w.-]+(?=\s|$)/) ?? [];
    if (first !== of && this.aliases.has(first)) return this.simple(this.aliases.get(first) + text.slice(first.length), first);
    if (/^\[\[\s/.test(text)) return { leads: [], work: (script) => script.holds(text.slice(2, -2)) };
    const watched = text.match(/^watch\s+((?:-\S+\s+(?:[\d.]+\s+)?)*)([^-][^]*)$/);
    if (watched) return { leads: [], work: (script) => script.watch(Number(watched[1].match(/(?:-n|--interval)[\s=]*([\d.]+)/)?.[1] ?? 2), watched[2]) };
    const [declares] = text.match(/^(?:export|local|readonly|declare|typeset)(?=\s|$)/) ?? [];
    if (declares) return { leads: [], work: (script) => script.declare(declares, text.slice(declares.length).trim()) };
    const { sets, rest } = assignments(text);
    if (!rest) return { leads: [], work: (script) => script.assign(sets) };
    const { words: [name, ...args], leads } = await this.parsed(rest);
    if (name === undefined) return { leads, work: async (script) => script.code };
    const isOwn = this.functions.has(name) || Object.hasOwn(OWN, name);
    if (!isOwn) return { leads, words: [name, ...args] };
    return { leads, work: (script) => script.during(sets, () => script.own(name, args)) };
  }
  /** A function, or a command that works on the script itself; nothing where there is none of this name. */
  own(name, args) {
    if (this.functions.has(name)) return this.call(name, args);
    return Object.hasOwn(OWN, name) ? OWN[name].call(this, args, name) : undefined;
  }

  async assign(sets) {
    this.code = 0;
    for (const { name, index, adds, text, list } of sets) {
      const before = this.names.get(name);
      if (list !== undefined) {
        const named = before instanceof List && before.named;
        await this.put(name, undefined, await this.itemsOf(list, named, adds && before instanceof List ? before : undefined));
        continue;
      }
      const value = await this.text(text);
      await this.put(name, index, adds ? ((await this.item(name, index)) ?? "") + value : value);
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
  /** `export`, `local`, `readonly`, `declare`. */
  async declare(kind, text) {
    if (kind === "local" && !this.locals) throw new Wrong("local: can only be used in a function");
    const [, flags, rest] = text.match(/^((?:-\w+\s*)*)([^]*)$/);
    const isLocal = this.locals && /^(local|declare|typeset)$/.test(kind) && !flags.includes("g");
    this.code = 0;
    for (let left = rest; left;) {
      let { sets: [found], rest: next } = assignments(left, 1);
      if (!found) {
        // A name alone, or what a value says is to be set.
        const end = endOf(left, 0);
        const [, name, , adds, value] = (await this.text(left.slice(0, end))).match(/^(\w+)((\+?)=([^]*))?$/) ?? [];
        found = { name, adds, value, bare: value === undefined };
        next = left.slice(end).trimStart();
      }
      left = next;
      const { name } = found;
      if (!/^[A-Za-z_]\w*$/.test(name ?? "")) throw new Wrong(`${kind}: not a valid identifier`);
      if (isLocal && !this.locals.has(name)) this.locals.set(name, this.names.get(name));
      if (/[aA]/.test(flags) && !(this.names.get(name) instanceof List && !isLocal)) this.set(name, new List(flags.includes("A")));
      else if (isLocal && found.bare) this.set(name, "");
      if (found.value !== undefined) this.set(name, found.value);
      else if (!found.bare) await this.assign([found]);
      if (kind === "readonly" || flags.includes("r")) this.constants.add(name);
    }
    return this.code;
  }

  /** Runs a command again and again, each time on an empty screen. */
  async watch(seconds, text) {
    const script = /^['"]/.test(text) && after(text, 0) === text.length ? await this.text(text) : text;
    while (!this.job.stopped) {
      this.shell.clear(`Every ${seconds.toFixed(1)}s: ${script}\n\n`);
      await this.list(read(script));
      await this.job.rest(seconds);
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
      return /^(==?|!=)$/.test(op) ? pattern(word) : op === "=~" ? regular(word) : is(word);
    }), {
      exists: (name) => this.shell.names().includes(name), isSet: (name) => this.names.has(name),
      matched: (found) => this.set("BASH_REMATCH", new List(false, found.map((part, index) => [index, part ?? ""]))),
    });
  }

  /** The words of a command, and where its input and output go: `{words, leads}`. */
  async parsed(text) {
    const [all, leads] = [[], []];
    const tokens = await this.words(text);
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at];
      if (token.here !== undefined) leads.push({ op: "<<", name: await this.document(token.here) });
      else if (token.op) leads.push(lead(token.op, tokens[++at]));
      else all.push(...this.spread(token));
    }
    return { words: all, leads };
  }
  /** What comes of a word: what its braces stand for, the names of files that it fits, or what its values come apart to. */
  spread(word) {
    return braced(word).flatMap((one) => {
      const isPattern = one.some(({ text, how }) => how === "bare" && /[*?]/.test(text));
      const fits = isPattern && pattern(one);
      const found = isPattern ? this.shell.names().filter((name) => fits.test(name)).sort() : [];
      return found.length ? found : fields(one, this.names.get("IFS"));
    });
  }
  async document(number) {
    const { text = "", literal } = this.documents[number] ?? {};
    return literal ? text : this.given(text);
  }

  /** Where a command reads and writes whose signs say so, and what has to be done when it is over: `{io, end()}`. */
  led(leads) {
    const io = { ...this.io };
    const files = [];
    const to = (name, adds) => {
      if (name === NOWHERE) return NOTHING;
      if (name === "/dev/stderr") return io.err;
      if (name === "/dev/stdout" || name === "/dev/tty") return io.out;
      files.push(this.shell.file(name, adds, this));
      return files.at(-1);
    };
    for (const { op, number, name } of leads) {
      if (op === "<<") Object.assign(io, { input: new Pipe(name), own: true });
      else if (op === "<") Object.assign(io, { input: new Pipe(name === NOWHERE ? "" : this.shell.text(name, "")), own: true });
      else if (op === ">&" && /^\d$/.test(name)) io[number === "2" ? "err" : "out"] = name === "2" ? io.err : io.out;
      else if (op[0] === "&" || op === ">&") io.out = io.err = to(name, op === "&>>");
      else io[number === "2" ? "err" : "out"] = to(name, op === ">>");
    }
    return { io, end: async () => {
      for (const file of files) await file.end();
    } };
  }
}

/** A sign that leads elsewhere, with the word behind it. */
function lead(sign, word) {
  if (!Array.isArray(word)) throw new Wrong("syntax error near unexpected token `newline'");
  const name = word.map(({ text }) => text).join("");
  const [, number, op] = sign.match(/^(\d?)([^]*)$/);
  if (number && !/[012]/.test(number)) throw new Wrong(`${number}: Bad file descriptor`);
  return op === "<<<" ? { op: "<<", name: `${name}\n` } : { op: op.replace(/^>\|/, ">"), number, name };
}

/** Where the word ends that begins at `at`. */
function endOf(text, at) {
  while (at < text.length && !/\s/.test(text[at])) at = after(text, at);
  return at;
}

/** What stands before a command and sets variables: `{sets, rest}`; `most` of them at most. */
function assignments(text, most = Infinity) {
  const sets = [];
  let rest = text;
  for (let found; sets.length < most && (found = rest.match(ASSIGNED));) {
    const [{ length }, name, index, adds] = found;
    const isList = rest[length] === "(" && index === undefined;
    const end = isList ? until(rest, length + 1, ")", "array") : endOf(rest, length);
    sets.push(isList ? { name, adds, list: rest.slice(length + 1, end - 1) } : { name, index, adds, text: rest.slice(length, end) });
    rest = rest.slice(end).trimStart();
  }
  return { sets, rest };
}

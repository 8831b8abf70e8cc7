// The programs of the terminal and the pipes between them: what they read, and where that goes which they print.

import { printf } from "./awk.js";
import { Abort, FILTERS, Wrong } from "./filters.js";
import { inWords } from "./help.js";
import { harmless, painted } from "./paint.js";
import { Input, Script } from "./script.js";
import { controls } from "./test.js";

/** So long the first command waits for the editor. */
const PATIENCE_MS = 5000;
/** A file's name as the editor's tabs have it: there are no directories. */
const plain = (name) => name.replace(/^(?:\.\/|~\/|\/root\/)+/, "");
const uncoloured = (text) => text.replace(/\x1b\[[\d;]*m/g, "");
const isKubectl = (name) => name === "kubectl" || name === "k";

/** What a program is given beside flags. */
const bare = (args) => args.filter((arg) => !/^-[a-zA-Z]+$/.test(arg));

function echo(args) {
  const at = args.findIndex((arg) => !/^-[neE]+$/.test(arg));
  const [flags, words] = at < 0 ? [args, []] : [args.slice(0, at), args.slice(at)];
  const text = words.join(" ");
  return (flags.some((flag) => flag.includes("e")) ? unescaped(text) : text) + (flags.some((flag) => flag.includes("n")) ? "" : "\n");
}
const SIGNS = { n: "\n", t: "\t", r: "\r", "\\": "\\" };
const unescaped = (text) => text.replace(/\\([ntr\\])/g, (_, sign) => SIGNS[sign]);

function formatted([form, ...values]) {
  if (form === undefined) throw new Wrong("printf: usage: printf FORMAT [ARGUMENTS]");
  const wants = (form.replace(/%%/g, "").match(/%[^a-zA-Z]*[a-zA-Z]/g) ?? []).length;
  let text = "";
  do text += printf(unescaped(form), values.splice(0, wants || values.length)); while (wants && values.length);
  return text;
}

function numbers(args) {
  const [from, to] = args.length > 1 ? [args[0], args.at(-1)].map(Number) : [1, Number(args[0])];
  const step = args.length > 2 ? Number(args[1]) : 1;
  if (!(step > 0 && to - from < 10_000 * step)) throw new Wrong("seq: [FIRST [STEP]] LAST");
  return Array.from({ length: Math.max(0, Math.floor((to - from) / step) + 1) }, (_, at) => `${from + at * step}\n`).join("");
}

/** The commands that `xargs` makes of what it reads. */
function commandsOf(args, text) {
  const command = [...args];
  let [many, place] = [Infinity, undefined];
  for (let flag; (flag = command[0]?.match(/^-([rtpnIL])(.*)$/));) {
    command.shift();
    if (!/[nIL]/.test(flag[1])) continue;
    const value = flag[2] || command.shift();
    if (flag[1] === "I") place = value;
    else many = Number(value);
  }
  if (!(many >= 1) || place === "") throw new Wrong("xargs: usage: xargs [-n NUMBER] [-I TEXT] COMMAND");
  if (!command.length) command.push("echo");
  if (place !== undefined) return text.split("\n").filter(Boolean).map((line) => command.map((word) => word.replaceAll(place, line.trim())));
  const names = text.split(/\s+/).filter(Boolean);
  const commands = [];
  while (names.length) commands.push([...command, ...names.splice(0, many)]);
  return commands;
}

/** Filters whose first word says what to do; the others' words are files. */
const TOLD = /^(grep|sed|awk|jq|tr)$/;
const inPlace = (words) => words[0] === "sed" && words.some((word) => /^(-i|--in-place)/.test(word));
const isFilter = (words) => Boolean(words) && (Object.hasOwn(FILTERS, words[0]) || words[0] === "tee") && !inPlace(words);

/**
 * Text on its way through filters, line by line: `last(line, hasEnd)` hears what comes out at their end, `full()` that one of them wants
 * no more.
 */
function stream(filters, last, full) {
  let left = "";
  const clean = filters.length ? harmless : (line) => line;
  const push = (from, lines, hasEnd) => {
    for (let index = from; index < filters.length && lines.length; index++) lines = lines.flatMap((line) => filters[index].line(line));
    for (const line of lines) last(line, hasEnd);
    if (filters.some((filter) => filter.full?.())) full();
  };
  return {
    take(part) {
      left += part;
      const lines = left.split("\n");
      left = lines.pop();
      push(0, lines.map((line) => clean(line.replace(/\r$/, ""))));
    },
    end() {
      const whole = !left;
      if (left) push(0, [clean(left)], filters.length > 0);
      filters.forEach((filter, index) => push(index + 1, filter.end(whole)));
    },
  };
}

/**
 * A shell. `write(text)`, `complain(text)` and `clear(text)` go to the screen, `kubectl(args, {stdin, out, err, talks})` runs that and answers
 * `{done, stop}`, `documented()` is waited for before `kubectl explain`, `typed(prompt)` resolves to a line of the person's; `store` has the
 * editor's files: `names()`, `text(name)`, and, once that has resolved, `await store.ready()` answers what changes them: `write(name, text)`, `remove(name)`,
 * `open(name)`, `show()`.
 */
export function programs({ write, complain: toScreen, clear, kubectl, documented, typed, store, history }) {
  let current = null;
  let interrupted = false;
  /** Who hears what is printed, and what is complained of, instead of the screen. */
  let sink = null;
  let errors = null;
  /** Whether nobody wants more of what the script prints that runs before a pipe. */
  let broken = false;
  let toldOfFiles = false;
  let settled;
  /** Whether the screen's last line has no end yet. */
  let unended = false;

  const complain = (text) => (errors ?? toScreen)(text);
  /** Lets `hear` have what `work` prints. */
  const into = async (hear, work) => {
    const before = [sink, broken];
    [sink, broken] = [hear, false];
    try {
      return await work();
    } finally {
      [sink, broken] = before;
    }
  };
  const capture = async (work) => {
    let text = "";
    await into((part) => (text += part), work);
    return text;
  };
  /** Lets something end in front of the screen; Ctrl-C ends it. */
  const until = (begin) => new Promise((resolve) => {
    const done = (result) => {
      stop();
      current = null;
      resolve(result);
    };
    const stop = begin(done);
    current = { stop: done };
  });
  const rest = (seconds) => until((done) => {
    const timer = setTimeout(done, Math.min(seconds * 1000, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  });

  const text = (name) => store.text(plain(name));
  /** Changes the editor's files, as soon as that is there. */
  const desk = async () => {
    const ready = await until((done) => {
      store.ready().then(done);
      return () => {};
    });
    if (!ready) throw Object.assign(new Wrong(""), { code: 130 });
    return ready;
  };
  const keep = async (name, said, adds) => {
    const wanted = plain(name);
    if (!wanted || wanted.length > 255 || /[\x00-\x1f]/.test(wanted)) throw new Wrong(`${name}: ${wanted.length > 255 ? "File name too long" : "No such file or directory"}`);
    const refused = (await desk()).write(wanted, adds ? (text(wanted) ?? "") + said : said);
    if (refused) throw new Wrong(refused);
    if (toldOfFiles || sink) return;
    toldOfFiles = true;
    end();
    write(`\x1b[90m${harmless(`${wanted}: ${inWords().is_tab}`)}\x1b[39m\r\n`);
  };
  const there = (called, name) => {
    const found = text(name);
    if (typeof found !== "string") throw Object.assign(new Wrong(`${called}: ${name}: No such file or directory (${inWords().lists})`), { code: 1 });
    return found;
  };

  /** The text of what `-f` names: a file, several with commas between them, or `.` for all that may hold manifests. */
  const manifests = (name) => {
    const texts = name.split(",").flatMap((one) => {
      const path = plain(one);
      if (!/^\.?$|\/$/.test(path)) return [text(path)];
      const within = store.names().filter((file) => file.startsWith(path === "." ? "" : path) && /\.(ya?ml|json)$/.test(file));
      return within.sort().map((file) => store.text(file));
    });
    return texts.length && texts.every((one) => typeof one === "string") ? texts.join("\n---\n") : undefined;
  };
  /** `-f editor.yaml` and `-f -` mean the editor's text, unless something comes through a pipe. */
  const withFiles = (args, own, around) => {
    const piped = own?.rest();
    const given = [];
    let called;
    const made = args.map((arg, index) => {
      const joined = arg.match(/^(-f|--filename)=?(.+)$/)?.[2];
      const name = joined ?? (["-f", "--filename"].includes(args[index - 1]) ? arg : undefined);
      if (name === undefined || args[0] === "logs" || (index && args.slice(0, index).includes("--"))) return arg;
      const isInput = name === "-" || name === "/dev/stdin";
      const found = isInput ? piped ?? around?.rest() ?? text(store.names()[0] ?? "") : manifests(name);
      if (typeof found !== "string") return arg;
      called = isInput || given.length ? undefined : name;
      given.push(found);
      return joined === undefined ? "-" : "--filename=-";
    });
    return [made, given.length ? given.join("\n---\n") : piped ?? "", called];
  };

  const opens = async (args) => {
    const ready = await desk();
    ready.show();
    ready.open(plain(bare(args)[0] ?? store.names()[0] ?? "editor.yaml"));
    return "";
  };
  const copies = (called, moves) => async (args) => {
    const [from, to] = bare(args);
    if (!to) throw new Wrong(`${called}: missing file operand`);
    await keep(to, there(called, from), false);
    if (moves && plain(from) !== plain(to)) (await desk()).remove(plain(from));
    return "";
  };
  const BUILTINS = {
    clear: () => {
      clear("");
      return "";
    },
    help: () => inWords().help,
    seq: numbers,
    history: () => history.map((line, index) => `${String(index + 1).padStart(5)}  ${line}\n`).join(""),
    echo,
    printf: formatted,
    pwd: () => "/root\n",
    ls: (args) => {
      const names = bare(args).map(plain).filter((name) => name && name !== ".");
      names.forEach((name) => there("ls", name));
      return (names.length ? names : [...store.names()].sort()).map((name) => `${name}\n`).join("");
    },
    touch: async (args) => {
      for (const name of bare(args)) if (typeof text(name) !== "string") await keep(name, "", false);
      return "";
    },
    rm: async (args) => {
      for (const name of bare(args)) {
        if (!args.some((arg) => /^-\w*f/.test(arg))) there("rm", name);
        (await desk()).remove(plain(name));
      }
      return "";
    },
    cp: copies("cp", false), mv: copies("mv", true),
    vi: opens, vim: opens, nano: opens,
  };
  const CONTROL = controls({ exists: (name) => typeof text(name) === "string", rest, interrupted: () => interrupted });

  /** A filter's words without the files that they end with, and those. */
  const withoutFiles = ([name, ...args]) => {
    const first = TOLD.test(name) ? args.findIndex((arg) => !arg.startsWith("-")) + 1 : 0;
    const from = Math.max(first, args.findLastIndex((arg) => typeof text(arg) !== "string") + 1);
    const missing = from === args.length && args.slice(first).findLast((arg) => !arg.startsWith("-") && (name === "cat" || /[./]/.test(arg)));
    if (missing && name !== "tee") there(name, missing);
    return { args: args.slice(0, from), files: name === "tee" ? [] : args.slice(from) };
  };
  /** What a filter that stands first reads: its files, or what it is given. */
  const givenTo = (name, files, input) => {
    if (files.length) return files.map(text).map((one) => (one.endsWith("\n") || !one ? one : `${one}\n`)).join("");
    if (!input) throw new Wrong(`${name}: ${inWords().reads}: kubectl … | ${name}`);
    return input.rest();
  };
  /** `sed -i` */
  const rewrite = async (words) => {
    const { args, files } = withoutFiles(words.filter((word) => !/^(-i|--in-place)/.test(word)));
    if (!files.length) throw new Wrong("sed: no input files");
    for (const file of files) await keep(file, await capture(() => pipeline([{ words: ["sed", ...args, file] }])), false);
    return 0;
  };
  /** A program that stands first; `out` hears its text, unless it `talks` to who sits here. `own` comes through its pipe, `around` is what it may read else. */
  const begin = async ([name, ...args], { own, around, out, alone }) => {
    if (isKubectl(name)) {
      if (args.includes("explain")) await documented();
      const [words, stdin, called] = withFiles(args, own, around);
      // A file comes to it as its input; what it says of that names the file.
      const err = (said) => complain(called ? said.replaceAll('"STDIN"', `"${called}"`) : said);
      const running = kubectl(words, { stdin, out, err, talks: alone && !sink });
      current = running;
      const code = await running.done;
      current = null;
      return code;
    }
    if (Object.hasOwn(BUILTINS, name)) {
      out(await BUILTINS[name](args));
      return 0;
    }
    if (Object.hasOwn(CONTROL, name)) return CONTROL[name](args);
    if (name === "xargs") {
      let code = 0;
      for (const words of commandsOf(args, (own ?? around)?.rest() ?? "")) {
        if (interrupted) return 130;
        const act = async () => (code = await pipeline([{ words }]));
        await (alone ? act() : into(out, act));
      }
      return code;
    }
    if (name === "sed") return rewrite([name, ...args]);
    throw Object.assign(new Wrong(`${name}: command not found (${inWords().try_help})`), { code: 127 });
  };

  /** A filter as a stage of a pipe names it. */
  const filterOf = (name, args) => {
    if (name !== "tee") return FILTERS[name](args);
    let said = "";
    return {
      line: (line) => {
        said += `${line}\n`;
        return [line];
      },
      end: () => [],
      after: async () => {
        for (const file of bare(args)) await keep(file, uncoloured(said), args.includes("-a"));
      },
    };
  };

  /** Lets `work` complain where its stage says. */
  const heard = async ({ err }, out, work) => {
    const before = errors;
    let said = "";
    if (err === "out") errors = out ?? before;
    else if (err) errors = (part) => (said += part);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Wrong) || error instanceof Abort) throw error;
      if (error.message) complain(`${error.message}\n`);
      return error.code ?? 2;
    } finally {
      errors = before;
      if (err?.name !== undefined) await keep(err.name, said, err.adds);
    }
  };

  /** Runs a pipeline: what stands behind filters, or a file, is given the text as a whole. */
  const pipeline = async (stages, around, own) => {
    const [head, ...rest] = stages;
    let { words } = head;
    let input = head.input ?? own;
    let end = head;
    const filters = [];
    if (isFilter(words)) {
      const { args, files } = withoutFiles(words);
      input = new Input(givenTo(words[0], files, input ?? around));
      filters.push(filterOf(words[0], args));
      words = undefined;
    }
    while (rest.length && !end.to && isFilter(rest[0].words) && !rest[0].input) {
      end = rest.shift();
      filters.push(filterOf(end.words[0], end.words.slice(1)));
    }
    let held = end.to || rest.length ? "" : null;
    const coloured = filters.some((filter) => filter.colours);
    const last = (line, hasEnd = true) => {
      if (held !== null) held += `${uncoloured(line)}\n`;
      else if (sink) sink(`${uncoloured(line)}\n`);
      else {
        write(`${coloured ? line : painted(harmless(line))}${hasEnd ? "\r\n" : ""}`);
        unended = !hasEnd;
      }
    };
    let over = false;
    const flow = stream(filters, last, () => {
      if (over) return;
      broken ||= Boolean(head.work);
      current?.stop();
    });
    const out = (part) => {
      if (!filters.length && held !== null) held += part;
      else if (!filters.length && sink) sink(part);
      else flow.take(part);
    };
    const alone = !filters.length && held === null;
    let code = await heard(head, alone && head.work ? undefined : out, async () => {
      if (words) return begin(words, { own: input, around, out, alone });
      if (!head.work) {
        out(input.rest());
        return 0;
      }
      return alone ? head.work(input) : into(out, () => head.work(input));
    });
    over = true;
    flow.end();
    for (const filter of filters) await filter.after?.();
    if (filters.length) code = filters.at(-1).code?.() ?? 0;
    if (end.to === "err") complain(held);
    else if (end.to?.name !== undefined) await keep(end.to.name, held, end.to.adds);
    if (!rest.length || interrupted) return code;
    return pipeline(rest, around, new Input(end.to ? "" : held));
  };

  const end = () => {
    if (unended) write("\r\n");
    unended = false;
  };
  const script = new Script({
    complain, rest, capture, typed: async (prompt) => {
      end();
      const line = await typed(prompt);
      if (line === null) interrupted = true;
      return line;
    },
    file: text,
    files: () => store.names(),
    interrupted: () => interrupted || broken,
    clear,
    run: async (stages, around) => {
      try {
        return await pipeline(stages, around);
      } catch (error) {
        if (!(error instanceof Wrong) || error instanceof Abort) throw error;
        if (error.message) complain(`${error.message}\n`);
        return error.code ?? 2;
      }
    },
  });

  return {
    text, save: (name, said) => heard({}, undefined, () => keep(name, said, false)),
    names: () => ["kubectl", "k", ...Object.keys(BUILTINS)],
    filters: () => [...Object.keys(FILTERS), "tee", "xargs"],
    async play(line, documents) {
      interrupted = false;
      // Files of last time come a moment after the page; without an editor there are none.
      await (settled ??= Promise.race([store.ready(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]));
      const code = await script.play(line, documents);
      end();
      return code;
    },
    interrupt() {
      interrupted = true;
      current?.stop();
    },
  };
}

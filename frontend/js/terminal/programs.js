// The shell of the terminal: its programs, the pipes between them, the files and what runs behind.

import { jobs, unavailable } from "./behind.js";
import { commands, plain } from "./commands.js";
import { Abort, FILTERS, Wrong } from "./filters.js";
import { flow } from "./flow.js";
import { follow, followed } from "./follow.js";
import { inWords } from "./help.js";
import { Job, Pipe } from "./jobs.js";
import { OWN } from "./own.js";
import { screens } from "./screen.js";
import { Script } from "./script.js";
import { tabs } from "./tabs.js";

/** So long the first command waits for the editor. */
const PATIENCE_MS = 5000;
/** So many parts of pipes run beside each other. */
const MOST_BESIDE = 200;
const isKubectl = (name) => name === "kubectl" || name === "k";
/** Filters whose first word says what to do; the others' words are files. */
const TOLD = /^(grep|sed|awk|jq|tr)$/;
const inPlace = (words) => words[0] === "sed" && words.some((word) => /^(-i|--in-place)/.test(word));

/**
 * A shell. `write(text)`, `complain(text)` and `clear(text)` go to the screen, `room()` resolves once that has room again, `kubectl(args, {stdin, out, err, talks})` runs
 * that and answers `{done, stop}`, `documented()` is waited for before `kubectl explain`, `typed(prompt)` resolves to a line of the person's; `store` has the
 * editor's files: `names()`, `text(name)`, and, once that has resolved, `await store.ready()` answers what changes them: `write(name, text)`, `remove(name)`,
 * `open(name)`, `show()`; no file may hold more than `most()` letters.
 */
export function programs({ write, complain, clear, room, kubectl, documented, typed, store, history }) {
  /** What runs in front. */
  let front = new Job();
  let settled;
  const screen = screens({ write, complain, room });
  const files = tabs(store, screen.note);
  const { text, keep } = files;
  const { tellOfEnded, ...behind } = jobs(screen);

  // ---- kubectl ----
  /** The text of what `-f` names: a file, several with commas between them, or `.` for all that may hold manifests. */
  const manifests = (name) => {
    const texts = name.split(",").flatMap((one) => {
      const path = plain(one);
      if (!/^\.?$|\/$/.test(path)) return [text(one)];
      const within = store.names().filter((file) => file.startsWith(path === "." ? "" : path) && /\.(ya?ml|json)$/.test(file));
      return within.sort().map((file) => text(file));
    });
    return texts.length && texts.every((one) => typeof one === "string") ? texts.join("\n---\n") : undefined;
  };
  /** `-f editor.yaml` and `-f -` mean the editor's text, unless something comes through a pipe. */
  const withFiles = async (args, { io, job }) => {
    const piped = io.own ? await io.input.rest(job) : undefined;
    const given = [];
    let called;
    const made = [];
    for (const [index, arg] of args.entries()) {
      const joined = arg.match(/^(-f|--filename)=?(.+)$/)?.[2];
      const name = joined ?? (["-f", "--filename"].includes(args[index - 1]) ? arg : undefined);
      const isFile = name !== undefined && args[0] !== "logs" && !args.slice(0, index).includes("--");
      const isInput = name === "-" || name === "/dev/stdin";
      const found = !isFile ? undefined : isInput ? piped ?? await io.input?.rest(job) ?? text(store.names()[0] ?? "") : manifests(name);
      if (typeof found === "string") {
        called = isInput || given.length ? undefined : name;
        given.push(found);
      }
      made.push(typeof found === "string" ? joined === undefined ? "-" : "--filename=-" : arg);
    }
    return [made, given.length ? given.join("\n---\n") : piped ?? "", called];
  };
  const runKubectl = async (args, script) => {
    const { io, job } = script;
    if (args.includes("explain")) await documented();
    const [words, stdin, called] = await withFiles(args, script);
    if (job.stopped) return 130;
    const running = kubectl(words, {
      stdin, talks: Boolean(io.out.screen) && !io.input,
      out: (said) => io.out.write(said),
      // A file comes to it as its input; what it says of that names the file.
      err: (said) => io.err.write(called ? said.replaceAll('"STDIN"', `"${called}"`) : said),
    });
    const forget = job.atEnd(running.stop);
    const code = await running.done;
    forget();
    return code;
  };

  // ---- Filters ----
  const isFilter = ({ words }, script) => Boolean(words) && (Object.hasOwn(FILTERS, words[0]) || words[0] === "tee") && !inPlace(words) && !followed(words) && !script.functions.has(words[0]);
  /** A filter's words without the files that they end with, and those. */
  const withoutFiles = ([name, ...args]) => {
    const first = TOLD.test(name) && !args.some((arg) => /^(-e|--expression)$/.test(arg)) ? args.findIndex((arg) => !arg.startsWith("-")) + 1 : 0;
    const from = Math.max(first, args.findLastIndex((arg) => typeof text(arg) !== "string") + 1);
    const missing = from === args.length && args.slice(first).findLast((arg) => !arg.startsWith("-") && (name === "cat" || /[./]/.test(arg)));
    if (missing && name !== "tee") text(missing, name);
    return { args: args.slice(0, from), files: name === "tee" ? [] : args.slice(from) };
  };
  /** `tee`: what goes on goes into files, too. */
  const tee = (args, script) => {
    const into = args.filter((arg) => !arg.startsWith("-")).map((name) => files.file(name, args.includes("-a"), script));
    return {
      line(line, hasEnd) {
        for (const file of into) file.write(hasEnd ? `${line}\n` : line);
        this.open = !hasEnd;
        return [line];
      },
      end: () => [],
      after: async () => {
        for (const file of into) await file.end();
      },
    };
  };
  /** What a filter that stands first reads: its files, what it is given, or what is typed. */
  const feed = async (name, named, script, hear) => {
    const { io, job } = script;
    if (named.length) {
      for (const one of named) hear(text(one));
    } else if (io.input) {
      await io.input.each(job, async (part) => {
        hear(part);
        await io.out.room?.(job);
      });
    } else if (/^(cat|tee)$/.test(name)) {
      for (let line; (line = await shell.typed(script, "")) !== undefined;) hear(`${line}\n`);
    } else throw new Wrong(`${name}: ${inWords().reads}: kubectl … | ${name}`);
  };
  /** `sed -i` */
  const rewrite = async (words, script) => {
    const { args, files: into } = withoutFiles(words.filter((word) => !/^(-i|--in-place)/.test(word)));
    if (!into.length) throw new Wrong("sed: no input files");
    for (const file of into) {
      let said = "";
      const out = { write: (part) => (said += part) };
      const code = await script.within({ ...script.io, out }, () => run(script, [{ words: ["sed", ...args, file], leads: [] }]));
      if (code) return code;
      await keep(file, said, script);
    }
    return 0;
  };

  // ---- Pipelines ----
  const COMMANDS = commands({ files, clear, history });
  /** A program, or what the script itself does. */
  const begin = async (stage, script) => {
    // What comes through a pipe is for all that stands in a loop, and not for its first command.
    if (stage.work) return script.within({ ...script.io, own: false }, () => stage.work(script));
    const [name, ...args] = stage.words;
    if (script.options.x) script.io.err.write(`+ ${stage.words.join(" ")}\n`);
    if (isKubectl(name)) return runKubectl(args, script);
    if (name === "sed" && inPlace(stage.words)) return rewrite(stage.words, script);
    const files = followed(stage.words);
    if (files && !script.functions.has(name)) return follow(files, script, text);
    const own = script.own(name, args);
    if (own !== undefined) return own;
    if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name](args, script);
    throw Object.assign(new Wrong(`${name}: command not found (${inWords().try_help})`), { code: 127 });
  };

  /** Does `work` with `script` where the signs of a stage lead it; what is wrong is said there. */
  const led = async (leads, script, work) => {
    let ended;
    let code;
    const before = script.io;
    try {
      const { io, end } = script.led(leads);
      ended = end;
      code = await script.within(io, async () => {
        try {
          return await work(script);
        } catch (error) {
          return said(error, script);
        }
      });
    } catch (error) {
      code = said(error, script);
    }
    try {
      await ended?.();
    } catch (error) {
      script.io = before;
      code = said(error, script);
    }
    return code;
  };
  /** Says what is wrong, unless it ends the whole script. */
  const said = (error, script) => {
    if (!(error instanceof Wrong || error instanceof RangeError) || error instanceof Abort) throw error;
    script.complain(error);
    return error.code ?? 2;
  };

  /** What one pipe leads to: a program or a filter, and filters behind it as long as nothing is led elsewhere. */
  const partsOf = (stages, script) => {
    const parts = [];
    for (const stage of stages) {
      const part = parts.at(-1);
      const joins = part && isFilter(stage, script) && !stage.leads.some(({ op }) => op.startsWith("<"))
        && !(part.filters.at(-1)?.leads.length || part.head.leads.some(({ number }) => number !== "2"));
      if (joins) part.filters.push(stage);
      else parts.push({ head: stage, filters: [] });
    }
    return parts;
  };
  const play = async ({ head, filters }, script) => {
    const isFirst = isFilter(head, script);
    if (!isFirst && !filters.length) return led(head.leads, script, () => begin(head, script));
    const { leads } = filters.at(-1) ?? { leads: [] };
    return led(leads, script, () => led(isFirst ? head.leads : [], script, async () => {
      const last = filters.length - 1;
      const make = ([name, ...args], onScreen) => (name === "tee" ? tee(args, script) : FILTERS[name](args, onScreen));
      const own = isFirst ? withoutFiles(head.words) : undefined;
      const made = [...(isFirst ? [make([head.words[0], ...own.args], last < 0 && script.io.out.screen)] : []),
        ...filters.map(({ words }, index) => make(words, index === last && script.io.out.screen))];
      const job = new Job(script.job);
      const through = flow(made, script.io.out, () => job.stop());
      const out = { write: (part) => through.take(part), room: (job) => script.io.out.room?.(job) };
      const apart = script.fork({ job, io: { ...script.io, out } });
      let code = 0;
      try {
        if (isFirst) await feed(head.words[0], own.files, apart, out.write);
        else code = await apart.whole(() => led(head.leads, apart, () => begin(head, apart)));
        // Who is interrupted says nothing more.
        if (!script.job.stopped) through.end();
      } finally {
        job.leave();
        for (const filter of made) await filter.after?.();
      }
      const told = made.at(-1).code?.() ?? 0;
      return script.options.pipefail ? told || code : told;
    }));
  };
  const given = (input) => input && { input, own: true };
  let beside = 0;
  /** Runs a pipeline: all of it at once, the last of it by the script itself. */
  const run = async (script, stages) => {
    const parts = partsOf(stages, script);
    const last = parts.pop();
    if (!parts.length) return play(last, script);
    if (beside + parts.length > MOST_BESIDE) throw unavailable();
    beside += parts.length;
    const before = [];
    let source;
    for (const part of parts) {
      const pipe = new Pipe();
      const apart = script.fork({ job: new Job(script.job), tests: 0, io: { ...script.io, ...given(source), out: pipe } });
      const read = source;
      pipe.refuse = () => apart.job.stop();
      before.push(apart.whole(() => play(part, apart)).finally(() => {
        beside--;
        apart.job.leave();
        read?.close();
        pipe.end();
      }));
      source = pipe;
    }
    let code;
    try {
      code = await script.within({ ...script.io, ...given(source) }, () => play(last, script));
    } finally {
      source.close();
      for (const other of before) await other;
    }
    return script.options.pipefail ? code || (await Promise.all(before)).findLast(Boolean) || 0 : code;
  };
  /** Does `work` for so many seconds at most. */
  const atMost = async (script, seconds, work) => {
    const apart = script.fork({ job: new Job(script.job) });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      apart.job.stop();
    }, seconds * 1000);
    const code = await work(apart);
    clearTimeout(timer);
    apart.job.leave();
    return late ? 124 : code;
  };

  const shell = {
    run, clear, text, names: files.names, file: files.file, printed: files.printed, atMost, ...behind,
    typed: async (script, prompt) => {
      if (script.io.behind) return undefined;
      screen.end();
      const line = await typed(prompt);
      if (line === null) front.stop();
      return line ?? undefined;
    },
    programs: () => ["kubectl", "k", ...Object.keys(FILTERS), "tee", ...Object.keys(COMMANDS)],
  };
  const script = new Script(shell, { out: screen.out, err: screen.errors });

  return {
    text, save: (name, said) => keep(name, said, script).catch((error) => script.complain(error)),
    told: tellOfEnded,
    names: () => ["kubectl", "k", ...Object.keys(COMMANDS), ...Object.keys(OWN)].filter((name) => /^\w+$/.test(name)),
    filters: () => [...Object.keys(FILTERS), "tee", "xargs", "while"],
    async play(line, documents) {
      front = new Job();
      // Files of last time come a moment after the page; without an editor there are none.
      await (settled ??= Promise.race([store.ready(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]));
      const code = await script.play(line, documents, front);
      await files.settle(script);
      screen.end();
      tellOfEnded();
      return code;
    },
    interrupt: () => front.stop(),
  };
}

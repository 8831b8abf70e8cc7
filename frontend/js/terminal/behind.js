// What runs behind (`&`), while the terminal waits for the next line.

import { Abort, Wrong } from "./filters.js";
import { Job, Pipe } from "./jobs.js";

/** So much runs behind at once. */
const MOST = 100;
/** There is no room for another program. */
export const unavailable = () => Object.assign(new Abort("fork: Resource temporarily unavailable"), { code: 254 });

/** The jobs of a shell with this `screen`. */
export function jobs(screen) {
  const behind = [];
  let started = 0;
  const stateOf = ({ code, job }) => (code === undefined ? "Running" : job.stopped ? "Terminated" : code ? `Exit ${code}` : "Done");
  const told = (one) => `[${one.number}]  ${stateOf(one).padEnd(24)}${one.text}${one.code === undefined ? " &" : ""}\n`;
  const startBehind = (script, nodes, line) => {
    // What runs behind starts nothing there: a function that calls itself twice would never end.
    if (script.io.behind || behind.filter(({ code }) => code === undefined).length >= MOST) throw unavailable();
    if (behind.length > MOST) behind.splice(behind.findIndex(({ code }) => code !== undefined), 1);
    const job = new Job();
    const out = script.io.out.screen ? screen.behind() : script.io.out;
    const apart = script.fork({ job, tests: 0, depth: script.depth + 1, io: { ...script.io, input: new Pipe(""), out, behind: true } });
    const one = { number: (behind.at(-1)?.number ?? 0) + 1, pid: 1000 + ++started, text: line, job, code: undefined };
    behind.push(one);
    if (script.io.out.screen) screen.out.write(`[${one.number}] ${one.pid}\n`);
    one.done = apart.whole(() => apart.apart(nodes)).then((code) => {
      out.end?.();
      one.code = code;
    });
    return 0;
  };
  const tellOfEnded = () => {
    for (const one of behind.filter(({ code }) => code !== undefined)) {
      behind.splice(behind.indexOf(one), 1);
      if (!one.waited) screen.out.write(told(one));
    }
  };
  const which = (word, called) => {
    const found = /^%[%+]?$/.test(word) ? behind.at(-1) : word.startsWith("%") ? behind.find(({ number, text: line }) => String(number) === word.slice(1) || line.startsWith(word.slice(1)))
      : behind.find(({ pid }) => String(pid) === word);
    if (!found) throw Object.assign(new Wrong(`${called}: ${word}: no such job`), { code: 127 });
    return found;
  };
  const wait = async (script, args, isFront) => {
    const wanted = args.filter((arg) => !arg.startsWith("-"));
    let code = 0;
    for (const one of wanted.length ? wanted.map((word) => which(word, isFront ? "fg" : "wait")) : [...behind]) {
      if (isFront) script.io.out.write(`${one.text}\n`);
      const forget = isFront ? script.job.atEnd(() => one.job.stop()) : undefined;
      await script.job.until((done) => void one.done.then(done));
      if (isFront && script.job.stopped) await one.done;
      forget?.();
      one.waited = true;
      code = one.code ?? 130;
    }
    return wanted.length ? code : 0;
  };
  const kill = (script, args) => {
    const words = args.filter((arg) => !/^-\w+$/.test(arg));
    if (!words.length) throw new Wrong("kill: usage: kill [-SIGNAL] PID | %JOB");
    for (const word of words) which(word, "kill").job.stop();
    return 0;
  };
  return {
    begin: startBehind, wait, kill, tellOfEnded,
    jobs(script) {
      for (const one of behind) if (!one.waited) script.io.out.write(told(one));
      for (const one of behind) if (one.code !== undefined) one.waited = true;
      return 0;
    },
    lastStarted: () => (started ? String(1000 + started) : undefined),
  };
}

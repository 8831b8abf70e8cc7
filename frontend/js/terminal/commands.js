// The programs that are no kubectl and no filters: each is called with its words and the script that runs it, writes to that's `io`, and
// resolves to its code.

import { printf } from "./awk.js";
import { diff } from "./diff.js";
import { Wrong } from "./filters.js";
import { inWords } from "./help.js";
import { Pipe } from "./jobs.js";
import { check } from "./test.js";

/** What a program is given beside flags. */
export const bare = (args) => args.filter((arg) => !/^-[a-zA-Z]+$/.test(arg));
/** A file's name as the editor's tabs have it: there are no directories. */
export const plain = (name) => name.replace(/^(?:\.\/|~\/|\/root\/)+/, "");

const SIGNS = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", v: "\v", f: "\f", e: "\x1b", E: "\x1b", "\\": "\\" };
const unescaped = (text) => text.replace(/\\(?:([ntrabvfeE\\])|x([\da-fA-F]{1,2})|0?([0-7]{1,3}))/g, (_, sign, hex, octal) =>
  SIGNS[sign] ?? String.fromCharCode(hex ? Number.parseInt(hex, 16) : Number.parseInt(octal, 8)));

function echo(args) {
  const at = args.findIndex((arg) => !/^-[neE]+$/.test(arg));
  const [flags, words] = at < 0 ? [args, []] : [args.slice(0, at), args.slice(at)];
  const text = words.join(" ");
  return (flags.some((flag) => flag.includes("e")) ? unescaped(text) : text) + (flags.some((flag) => flag.includes("n")) ? "" : "\n");
}

function formatted([form, ...values]) {
  if (form === undefined) throw new Wrong("printf: usage: printf FORMAT [ARGUMENTS]");
  const wants = (form.replace(/%%/g, "").match(/%[^a-zA-Z]*[a-zA-Z]/g) ?? []).length;
  let text = "";
  do text += printf(unescaped(form), values.splice(0, wants || values.length)); while (wants && values.length);
  return text;
}

/** So many numbers are counted at most. */
const MOST_NUMBERS = 1_000_000;

function numbers(args) {
  const padded = args.includes("-w");
  const by = args.includes("-s") ? args[args.indexOf("-s") + 1] ?? "\n" : "\n";
  const given = args.filter((arg, index) => arg !== "-w" && arg !== "-s" && args[index - 1] !== "-s");
  const [from, to] = given.length > 1 ? [given[0], given.at(-1)].map(Number) : [1, Number(given[0])];
  const step = given.length > 2 ? Number(given[1]) : 1;
  const many = Math.floor((to - from) / step) + 1;
  if (!given.length || given.length > 3 || !step || Number.isNaN(many)) throw new Wrong("seq: [FIRST [STEP]] LAST");
  if (many > MOST_NUMBERS) throw new Wrong(`seq: ${inWords().at_most} ${MOST_NUMBERS}`);
  const places = Math.max(...given.map((number) => number.split(".")[1]?.length ?? 0));
  const all = Array.from({ length: Math.max(0, many) }, (_, at) => (from + at * step).toFixed(places));
  const width = padded ? Math.max(...all.map((number) => number.length)) : 0;
  return all.length ? `${all.map((number) => number.padStart(width, "0")).join(by)}\n` : "";
}

/** `date`: what the clock of the page says. */
function date(args) {
  const now = new Date();
  const utc = args.some((arg) => /^(-u|--utc)$/.test(arg));
  const local = utc ? now : new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const iso = local.toISOString();
  const two = (number) => String(number).padStart(2, "0");
  const offset = utc ? 0 : -now.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const [day, month] = [local.toLocaleString("en", { weekday: "short", timeZone: "UTC" }), local.toLocaleString("en", { month: "short", timeZone: "UTC" })];
  const PARTS = { Y: iso.slice(0, 4), m: iso.slice(5, 7), d: iso.slice(8, 10), H: iso.slice(11, 13), M: iso.slice(14, 16), S: iso.slice(17, 19), N: `${iso.slice(20, 23)}000000`,
    F: iso.slice(0, 10), T: iso.slice(11, 19), s: String(Math.floor(now / 1000)), a: day, b: month, e: String(local.getUTCDate()).padStart(2), z: zone, Z: offset ? zone : "UTC", "%": "%" };
  const form = args.find((arg) => arg.startsWith("+"))?.slice(1);
  if (form !== undefined) return `${form.replace(/%(\d*)([A-Za-z%])/g, (all, digits, letter) => (digits ? PARTS[letter]?.slice(0, Number(digits)) : PARTS[letter]) ?? all)}\n`;
  if (args.some((arg) => /^-I/.test(arg))) return `${PARTS.F}${args.includes("-Iseconds") ? `T${PARTS.T}${zone.slice(0, 3)}:${zone.slice(3)}` : ""}\n`;
  return `${day} ${month} ${PARTS.e} ${PARTS.T} ${PARTS.Z} ${PARTS.Y}\n`;
}

/** What `xargs` is told: `{command, many, place}`. */
function told(args) {
  const command = [...args];
  let [many, place] = [Infinity, undefined];
  for (let flag; (flag = command[0]?.match(/^-([rtpnILP0d])(.*)$/));) {
    command.shift();
    if (!/[nILPd]/.test(flag[1])) continue;
    const value = flag[2] || command.shift();
    if (flag[1] === "I") place = value;
    else if (/[nL]/.test(flag[1])) many = Number(value);
  }
  if (!(many >= 1) || place === "" || command[0]?.startsWith("-")) throw new Wrong("xargs: usage: xargs [-n NUMBER] [-I TEXT] COMMAND");
  return { command: command.length ? command : ["echo"], many, place };
}

async function xargs(args, script) {
  const { command, many, place } = told(args);
  const { input } = script.io;
  let code = 0;
  const play = async (words) => {
    code = (await script.within({ ...script.io, input: new Pipe("") }, () => script.shell.run(script, [{ words, leads: [] }]))) && 123 || code;
  };
  let held = [];
  for (let line; !script.job.stopped && (line = await input?.line(script.job)) !== undefined;) {
    if (place !== undefined) {
      if (line.trim()) await play(command.map((word) => word.replaceAll(place, line.trim())));
      continue;
    }
    held.push(...line.split(/\s+/).filter(Boolean).map((word) => word.replace(/^(['"])(.*)\1$/, "$2")));
    while (held.length >= many) await play([...command, ...held.splice(0, many)]);
  }
  if (held.length && !script.job.stopped) await play([...command, ...held]);
  return script.job.stopped ? 130 : code;
}

const print = (make) => async (args, script) => {
  script.io.out.write(await make(args, script));
  return 0;
};

/** `files` are the editor's: `text(name, called)`, `names()`, `keep(name, text, script)`, and `desk(job)`, which opens and removes them; `clear()` empties the screen. */
export function commands({ files, clear, history }) {
  const opens = async (args, { job }) => {
    const ready = await files.desk(job);
    ready.show();
    ready.open(plain(bare(args)[0] ?? files.names()[0] ?? "editor.yaml"));
    return 0;
  };
  const copies = (called, moves) => async (args, script) => {
    const [from, to] = bare(args);
    if (!to) throw new Wrong(`${called}: missing file operand`);
    const into = /^\.?\/?$|\/$/.test(plain(to)) ? from : to;
    await files.keep(into, files.text(from, called), script);
    if (moves && plain(from) !== plain(into)) (await files.desk(script.job)).remove(plain(from));
    return 0;
  };
  const exists = (name) => files.names().includes(plain(name));
  const ask = (words, script) => check(words, { exists, isSet: (name) => script.names.has(name) });
  const seconds = (text) => {
    const [, number, unit] = text?.match(/^(\d*\.?\d+)([smhd]?)$/) ?? [];
    return number && Number(number) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit || "s"];
  };
  const pass = (args, script) => script.shell.run(script, [{ words: args, leads: [] }]);
  /** Takes off what stands before a command. */
  const before = (flags) => async (args, script) => {
    const at = args.findIndex((arg) => !flags.test(arg));
    return at < 0 ? 0 : pass(args.slice(at), script);
  };
  /** What is not here, with what is there instead. */
  const elsewhere = (called, instead, code = 127) => async () => {
    throw Object.assign(new Wrong(`${called}: ${inWords()[instead]}`), { code });
  };
  const read = async (name, { io, job }) => {
    try {
      return name === "-" && io.input ? await io.input.rest(job) : files.text(name, "diff");
    } catch (error) {
      throw Object.assign(error, { code: 2 });
    }
  };
  return {
    clear: async () => {
      clear("");
      return 0;
    },
    help: print(() => inWords().help),
    history: print(() => history.map((line, index) => `${String(index + 1).padStart(5)}  ${line}\n`).join("")),
    echo: async (args, { io }) => {
      io.out.write(echo(args), args.some((arg) => /^-n?e/.test(arg)));
      return 0;
    },
    seq: print(numbers), date: print(date), pwd: print(() => "/root\n"), whoami: print(() => "root\n"), hostname: print(() => "kubarium\n"),
    basename: print(([path = "", end = ""]) => {
      const name = path.replace(/\/+$/, "").split("/").pop();
      return `${name !== end && name.endsWith(end) ? name.slice(0, name.length - end.length) : name}\n`;
    }),
    printf: async (args, script) => {
      if (args[0] === "-v" && args[1]) script.set(args[1], formatted(args.slice(2)));
      else script.io.out.write(formatted(args[0] === "--" ? args.slice(1) : args), true);
      return 0;
    },
    env: async (args, script) => {
      const at = args.findIndex((arg) => !arg.includes("="));
      if (at >= 0) return pass(args.slice(at), script);
      for (const name of [...script.names.keys()].sort()) script.io.out.write(`${name}=${script.scalar(name) ?? ""}\n`);
      return 0;
    },
    ls: print((args) => {
      const names = bare(args).map(plain).filter((name) => name && name !== ".");
      names.forEach((name) => files.text(name, "ls"));
      return (names.length ? names : [...files.names()].sort()).map((name) => `${name}\n`).join("");
    }),
    touch: async (args, script) => {
      for (const name of bare(args)) if (!exists(name)) await files.keep(name, "", script);
      return 0;
    },
    rm: async (args, { job }) => {
      const isForced = args.some((arg) => /^-\w*f/.test(arg));
      for (const name of bare(args)) {
        if (!exists(name) && isForced) continue;
        files.text(name, "rm");
        (await files.desk(job)).remove(plain(name));
      }
      return 0;
    },
    cp: copies("cp", false), mv: copies("mv", true),
    vi: opens, vim: opens, nano: opens,
    cd: async ([to = "~"]) => {
      if (!/^(~|\.|\/root|-)\/?$/.test(to)) throw Object.assign(new Wrong(`cd: ${to}: No such file or directory (${inWords().no_directories})`), { code: 1 });
      return 0;
    },
    mkdir: async (args) => {
      throw Object.assign(new Wrong(`mkdir: ${bare(args)[0] ?? ""}: ${inWords().no_directories}`), { code: 1 });
    },
    diff: (args, script) => diff(args, script, (name) => read(name, script)),
    curl: elsewhere("curl", "from_pod", 6), wget: elsewhere("wget", "from_pod", 6), ping: elsewhere("ping", "from_pod"), nslookup: elsewhere("nslookup", "from_pod"),
    dig: elsewhere("dig", "from_pod"), helm: elsewhere("helm", "no_helm"), yq: elsewhere("yq", "no_yq"), man: elsewhere("man", "no_man"),
    ssh: elsewhere("ssh", "no_ssh"), docker: elsewhere("docker", "no_ssh"), crictl: elsewhere("crictl", "no_ssh"),
    true: async () => 0, false: async () => 1, ":": async () => 0,
    test: async (args, script) => ask(args, script),
    "[": async (args, script) => {
      if (args.at(-1) !== "]") throw new Wrong("[: missing ]");
      return ask(args.slice(0, -1), script);
    },
    sleep: async (args, { job }) => {
      const lengths = args.map(seconds);
      if (!lengths.length || lengths.includes(undefined)) throw new Wrong("sleep: SECONDS");
      await job.rest(lengths.reduce((sum, length) => sum + length, 0));
      return job.stopped ? 130 : 0;
    },
    yes: async (args, { io, job }) => {
      const lines = `${args.join(" ") || "y"}\n`.repeat(1000);
      while (!job.stopped) {
        io.out.write(lines);
        await io.out.room?.(job);
        await job.rest(0);
      }
      return 130;
    },
    xargs,
    time: async (args, script) => {
      const since = performance.now();
      const code = args.length ? await pass(args, script) : 0;
      const took = (performance.now() - since) / 1000;
      script.io.err.write(`\nreal\t${Math.floor(took / 60)}m${(took % 60).toFixed(3)}s\n`);
      return code;
    },
    timeout: async (args, script) => {
      const at = args.findIndex((arg) => !arg.startsWith("-"));
      const length = seconds(args[at]);
      if (length === undefined || !args[at + 1]) throw Object.assign(new Wrong("timeout: usage: timeout SECONDS COMMAND"), { code: 125 });
      return script.shell.atMost(script, length, (apart) => pass(args.slice(at + 1), apart));
    },
    sudo: before(/^-/), nohup: before(/^-/), exec: before(/^-/), nice: before(/^-/), builtin: before(/^-/),
  };
}

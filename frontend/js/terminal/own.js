// Commands that work on the script itself; each is called with the script as `this`.

import { Abort, Wrong } from "./filters.js";
import { inWords } from "./help.js";
import { DEEPEST, read } from "./syntax.js";
import { List } from "./values.js";

/** `break`, `continue`, `return` and `exit` on their way to where they lead, with a code. */
export class Jump extends Error {
  constructor(to, code, levels = 1) {
    super(to);
    Object.assign(this, { code, levels });
  }
}

/** Flags of one letter and the words behind them: `takes` are the letters of flags with a value. */
function flagged(args, takes) {
  const [flags, words] = [{}, []];
  for (let at = 0; at < args.length; at++) {
    const [, letters] = (!words.length && args[at].match(/^-(\w+)$/)) || [];
    if (!letters) {
      words.push(args[at]);
      continue;
    }
    for (const [index, letter] of [...letters].entries()) {
      flags[letter] = true;
      if (!takes.includes(letter)) continue;
      flags[letter] = letters.slice(index + 1) || args[++at] || "";
      break;
    }
  }
  return { flags, words };
}

const OPTIONS = { errexit: "e", nounset: "u", xtrace: "x", pipefail: "pipefail" };

/** Parts a line as `read` does: words for all names but the last, which has the rest. */
function parted(line, many, between) {
  const space = between ? new RegExp(`[${between.replace(/[\]\\^-]/g, "\\$&")}]${/\S/.test(between) ? "" : "+"}`) : /[ \t]+/;
  const parts = [];
  let left = between === undefined || !/\S/.test(between || "x") ? line.trim() : line;
  while (parts.length < many - 1 && left) {
    const found = between === "" ? undefined : left.match(space);
    parts.push(found ? left.slice(0, found.index) : left);
    left = found ? left.slice(found.index + found[0].length) : "";
  }
  return many === Infinity ? parts : [...parts, left];
}

export const OWN = {
  break([levels = 1]) { throw new Jump("break", 0, Number(levels) || 1); },
  continue([levels = 1]) { throw new Jump("continue", 0, Number(levels) || 1); },
  async return([code = this.code]) { throw new Jump("return", Number(code) || 0); },
  async exit([code = this.code]) { throw new Jump("exit", Number(code) || 0); },
  async shift([count = 1]) {
    this.params = this.params.slice(Number(count));
    return 0;
  },
  async alias(args) {
    if (!args.length) for (const [name, text] of this.aliases) this.io.out.write(`alias ${name}='${text}'\n`);
    for (const [, name, text] of args.map((arg) => arg.match(/^([\w.-]+)=([^]*)$/) ?? [])) if (name) this.aliases.set(name, text.trim());
    return 0;
  },
  async unalias(args) {
    for (const name of args) this.aliases.delete(name);
    return 0;
  },
  async unset(args) {
    for (const word of args.filter((arg) => !/^-[fv]$/.test(arg))) {
      const [, name, index] = word.match(/^(\w+)(?:\[(.+)\])?$/) ?? [];
      if (this.constants.has(name)) throw new Wrong(`unset: ${name}: cannot unset: readonly variable`);
      if (index !== undefined) this.names.get(name)?.items?.delete(await this.key(name, index));
      else if (!this.names.delete(word)) this.functions.delete(word);
    }
    return 0;
  },
  /** `set -euo pipefail`, `set -- a b` */
  async set(args) {
    for (let at = 0; at < args.length; at++) {
      const [, sign, letters] = args[at].match(/^([-+])([a-z]+)$/) ?? [];
      if (!letters) {
        this.params = args.slice(at + (args[at] === "--" ? 1 : 0));
        break;
      }
      for (const letter of letters) {
        const option = letter === "o" ? OPTIONS[args[++at]] : letter;
        if (!Object.values(OPTIONS).includes(option)) throw new Wrong(`set: ${letter === "o" ? args[at] ?? "-o" : `-${letter}`}: ${inWords().no_option}`);
        this.options[option] = sign === "-";
      }
    }
    return 0;
  },
  let: async function (args) {
    let value = 0;
    for (const text of args) value = this.sum(text);
    return +(value === 0);
  },
  async eval(args) { return this.list(read(args.join(" "))); },
  async read(args) {
    const { flags, words } = flagged(args, "pdnNtuia");
    const { input } = this.io;
    const line = flags.d === "" && input ? await input.rest(this.job) || undefined : input ? await input.line(this.job) : await this.shell.typed(this, flags.p ?? "");
    const between = this.names.get("IFS");
    const plain = flags.r ? line ?? "" : (line ?? "").replace(/\\(.)/g, "$1");
    if (flags.a) this.set(flags.a, new List(false, parted(plain, Infinity, between).entries()));
    else parted(plain, Math.max(words.length, 1), between).concat(words.map(() => "")).slice(0, Math.max(words.length, 1))
      .forEach((part, index) => this.set(words[index] ?? "REPLY", part));
    return line === undefined ? 1 : 0;
  },
  /** `mapfile -t NAME`: each line is an item. */
  async mapfile(args) {
    const { words: [name = "MAPFILE"] } = flagged(args, "dnOsuCc");
    const list = new List(false);
    for (let line; (line = await this.io.input?.line(this.job)) !== undefined;) list.push(line);
    this.set(name, list);
    return 0;
  },
  /** `source FILE`, `bash FILE`, `sh -c TEXT` */
  async source([name, ...params], called) {
    const apart = called === "bash" || called === "sh";
    while (apart && /^-[eux]+$/.test(name)) name = params.shift();
    const isText = apart && /^-[a-z]*c$/.test(name);
    const text = isText ? params.shift() : apart && name === undefined ? await this.io.input?.rest(this.job) : this.shell.text(name ?? "", called);
    if (text === undefined) throw new Wrong(`${called}: ${inWords().is_shell}`);
    if (++this.depth > DEEPEST) throw new Abort(`${called}: too much inside of each other`);
    const before = this.params;
    try {
      if (apart) return await this.fork({ params: isText ? params.slice(1) : params, options: {} }).apart(read(text));
      this.params = params.length ? params : before;
      return await this.list(read(text));
    } finally {
      this.params = before;
      this.depth--;
    }
  },
  /** What is a function, a command of the shell, a program. */
  async type(args, called) {
    let code = 0;
    const { words } = flagged(args, "");
    for (const name of words) {
      const found = this.functions.has(name) ? "a function" : this.aliases.has(name) ? `aliased to \`${this.aliases.get(name)}'` : Object.hasOwn(OWN, name) ? "a shell builtin"
        : this.shell.programs().includes(name) ? `/usr/local/bin/${name}` : undefined;
      if (!found) {
        code = 1;
        if (called === "type") this.io.err.write(`type: ${name}: not found\n`);
      } else this.io.out.write(called === "type" ? `${name} is ${found}\n` : `${found.startsWith("/") ? found : name}\n`);
    }
    return code;
  },
  async command(args) {
    if (/^-[vV]$/.test(args[0])) return OWN.type.call(this, args.slice(1), "command");
    return this.shell.run(this, [{ words: args, leads: [] }]);
  },
  /** `trap 'COMMANDS' EXIT INT`; `-` forgets them, and alone it lists them. */
  async trap(args) {
    const [text, ...signs] = args[0] === "--" ? args.slice(1) : args;
    if (!signs.length) for (const [sign, does] of this.traps) this.io.out.write(`trap -- '${does}' ${sign}\n`);
    for (const word of signs) {
      const sign = { 0: "EXIT", 2: "INT", 15: "TERM" }[word] ?? word.toUpperCase().replace(/^SIG/, "");
      if (!/^(EXIT|INT|TERM)$/.test(sign)) throw new Wrong(`trap: ${word}: ${inWords().no_signal}`);
      if (text === "-") this.traps.delete(sign);
      else this.traps.set(sign, text);
    }
    return 0;
  },
  async wait(args) { return this.shell.wait(this, args); },
  async jobs() { return this.shell.jobs(this); },
  async kill(args) { return this.shell.kill(this, args); },
  async fg(args) { return this.shell.wait(this, args.length ? args : ["%%"], true); },
  async bg() { throw new Wrong(`bg: ${inWords().no_halt}`); },
  async disown() { return 0; },
};
Object.assign(OWN, { ".": OWN.source, bash: OWN.source, sh: OWN.source, readarray: OWN.mapfile, which: OWN.type });

// The terminal: one ES module, loaded when it is first opened (frontend/src/terminal.rs). kubectl runs in the worker;
// here are the screen, the line that is typed, and what a shell does around a program: quotes, pipes, `;` and `&&`.

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import css from "@xterm/xterm/css/xterm.css";
import { parse } from "shell-quote";
import { converse } from "./terminal/converse.js";
import { FILTERS, Wrong } from "./terminal/filters.js";
import { inWords } from "./terminal/help.js";
import { Line } from "./terminal/line.js";
import { HERE, joined, open, wanted } from "./terminal/open.js";
import { painted } from "./terminal/paint.js";
import { Script, controls } from "./terminal/script.js";

const KEPT = "kubarium.history";
const MOST_KEPT = 500;
/** What is on its way to the screen at once, in characters; the rest waits for the next frame. */
const BATCH = 60_000;
/** Of what nobody could read any more only the end is written: the screen keeps no more lines than this. */
const SCROLLBACK = 5000;
/** So many keys may be pressed before somebody reads them. */
const MOST_AHEAD = 1000;

/** What a program prints is text: whatever would move the cursor, ring, change colours or turn the direction of a line is
 *  shown as `cat -v` shows it, a carriage return that ends no line among it. */
const harmless = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)/g, (sign) =>
  sign < "\x80" ? `^${String.fromCharCode(sign.charCodeAt(0) ^ 64)}` : "\ufffd");
/**
 * xterm makes <style> elements, which the Content-Security-Policy refuses: what it wants to be in them goes into style
 * sheets that the shadow root adopts. It makes them while it opens.
 */
function openIn(root, screen, terminal) {
  document.createElement = (name, options) => {
    const element = Document.prototype.createElement.call(document, name === "style" ? "span" : name, options);
    if (name !== "style") return element;
    const sheet = new CSSStyleSheet();
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    element.hidden = true;
    Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text), get: () => "" });
    return element;
  };
  try {
    terminal.open(screen);
  } finally {
    delete document.createElement;
  }
}

/** The page's colours. The probe stands in the shadow root: outside of it nothing of the host is rendered. */
function colours(element) {
  const probe = element.shadowRoot.appendChild(document.createElement("span"));
  const of = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [background, foreground, accent, red, green, yellow, blue, grey] = ["--surface", "--text", "--accent", "--danger",
    "--good", "--warn", "--traffic", "--text-muted"].map(of);
  probe.remove();
  return {
    background, foreground, cursor: foreground, cursorAccent: background, red, green, yellow, blue, cyan: blue, magenta: accent,
    brightRed: red, brightGreen: green, brightYellow: yellow, brightBlue: blue, brightBlack: grey, selectionBackground: grey, selectionForeground: background,
  };
}

/**
 * Puts a terminal into `element`. `ask(json)` sends a TerminalRequest, `edit(text)` opens a text in the editor (and without one ends
 * that), `file(name)`
 * is the text of one of the editor's files, `files()` their names.
 */
export function create(element, { ask, edit, file, files }) {
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${css}\n.screen { height: 100%; } .xterm { height: 100%; }\n.xterm .xterm-viewport { background: none; }`);
  root.adoptedStyleSheets = [sheet];
  const screen = root.appendChild(document.createElement("div"));
  screen.className = "screen";
  const terminal = new Terminal({
    scrollback: SCROLLBACK, fontSize: element.clientWidth < 520 ? 12 : 13, screenReaderMode: true, cursorBlink: false,
    fontFamily: getComputedStyle(element).getPropertyValue("--mono") || "monospace", theme: colours(element),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  openIn(root, screen, terminal);
  terminal.textarea?.setAttribute("aria-label", element.getAttribute("aria-label") ?? "Terminal");
  new ResizeObserver(() => element.clientWidth && fit.fit()).observe(element);
  const repaint = () => (terminal.options.theme = colours(element));
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  // ---- What is written ----
  let waiting = "";
  let writing = false;
  const flush = () => {
    const part = waiting.slice(0, BATCH);
    waiting = waiting.slice(BATCH);
    writing = part !== "";
    if (writing) terminal.write(part, flush);
  };
  const write = (text) => {
    waiting += text;
    // Lines that would scroll out of what is kept before anybody saw them need not be drawn.
    if (waiting.length > 4_000_000) waiting = `…\r\n${waiting.slice(waiting.indexOf("\n", waiting.length - 2_000_000) + 1)}`;
    if (!writing) flush();
  };
  const say = (text) => text && write(harmless(text).replace(/\r?\n/g, "\r\n"));
  const complain = (text) => text && write(`\x1b[31m${harmless(text).replace(/\r?\n/g, "\r\n")}\x1b[39m`);

  // ---- Programs in the worker ----
  const programs = new Map();
  let numbers = 0;
  let words = [];
  const heardWords = [];
  let saving = null;
  /** Runs kubectl: `out` and `err` hear what it prints; resolves to its exit code. */
  const kubectl = (args, { stdin = "", out, err, quiet, talks }) => {
    const id = ++numbers;
    const done = new Promise((resolve) => programs.set(id, { out, err, resolve, quiet, talks }));
    ask(JSON.stringify({ run: { id, args, stdin } }));
    return { id, done, stop: () => ask(JSON.stringify({ interrupt: id })) };
  };
  const collect = async (args) => {
    let text = "";
    await kubectl(args, { out: (part) => (text += part), err: () => {}, quiet: true }).done;
    return text;
  };
  const answer = (id, text = "") => ask(JSON.stringify({ answer: { id, text } }));
  const asked = (id, kind, of) => {
    if (kind === "edit") {
      saving = id;
      edit(of);
    } else if (kind === "load") answer(id, file(of) ?? "");
    else if (kind === "save") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([of.text]));
      link.download = of.name.split("/").pop();
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      answer(id);
    } else if (kind === "forward") say("Ports of this cluster are not reachable from here; Ctrl-C ends this.\n");
  };

  // ---- The shell ----
  let history = [];
  try {
    history = JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter((line) => typeof line === "string");
  } catch { /* No storage, or not ours: the history begins here. */ }
  const remember = (text) => {
    if (!text.trim() || history.at(-1) === text) return;
    history.push(text);
    if (history.length > MOST_KEPT) history.splice(0, history.length - MOST_KEPT);
    try {
      localStorage.setItem(KEPT, JSON.stringify(history));
    } catch { /* A full or forbidden storage costs the history, nothing else. */ }
  };
  let current = null;
  let interrupted = false;
  /** What `$(…)` collects instead of the screen. */
  let captured = null;
  /** Lets time pass in front of the screen; Ctrl-C ends that. */
  const rest = (seconds) => new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      current = null;
      resolve();
    };
    const timer = setTimeout(done, Math.min(seconds * 1000, 2 ** 31 - 1));
    current = { stop: done };
  });

  /** `-f editor.yaml` and `-f -` mean the editor's text, unless something comes through a pipe. */
  const withFiles = (args, piped) => {
    let stdin = piped;
    const made = args.map((arg, index) => {
      const joined = arg.match(/^(-f|--filename)=?(.+)$/)?.[2];
      const name = joined ?? (["-f", "--filename"].includes(args[index - 1]) ? arg : undefined);
      if (name === undefined || args[0] === "logs" || (index && args.slice(0, index).includes("--"))) return arg;
      const text = name === "-" ? piped ?? file(files()[0] ?? "") : file(name.replace(/^\.\//, ""));
      if (text === undefined || text === null) return arg;
      stdin = stdin && name !== "-" ? `${stdin}\n---\n${text}` : text;
      return joined === undefined ? "-" : "--filename=-";
    });
    return [made, stdin ?? ""];
  };

  const BUILTINS = {
    clear: () => {
      write("\x1b[2J\x1b[3J\x1b[H");
      return "";
    },
    help: () => inWords().help,
    seq: (args) => {
      const [from, to] = args.length > 1 ? [args[0], args.at(-1)].map(Number) : [1, Number(args[0])];
      const step = args.length > 2 ? Number(args[1]) : 1;
      if (!(step > 0 && to - from < 10_000 * step)) throw new Wrong("seq: [FIRST [STEP]] LAST");
      return Array.from({ length: Math.max(0, Math.floor((to - from) / step) + 1) }, (_, at) => `${from + at * step}\n`).join("");
    },
    history: () => history.map((text, index) => `${String(index + 1).padStart(5)}  ${text}\n`).join(""),
    echo: (args) => `${args.join(" ")}\n`,
    ls: () => files().map((name) => `${name}\n`).join(""),
    cat: (args, stdin) => (args.length ? args : ["-"]).map((name) => {
      const text = name === "-" ? stdin ?? "" : file(name);
      if (text === undefined || text === null) throw new Wrong(`cat: ${name}: No such file or directory (${inWords().lists})`);
      return text.endsWith("\n") || !text ? text : `${text}\n`;
    }).join(""),
  };

  const CONTROL = controls({ exists: (name) => files().includes(name), rest, interrupted: () => interrupted });

  let learnt;
  /** What fields are for is a file of its own, which only `explain` needs; without it there are no words. */
  const documented = () => (learnt ??= fetch(document.querySelector("meta[name='asset:fields']").content)
    .then((answer) => (answer.ok ? answer.text() : Promise.reject())).then((text) => ask(JSON.stringify({ documentation: text })))
    .catch(() => (learnt = undefined)));

  /** The first program of a pipeline; `out` hears its text, unless the program `talks` to who sits here. */
  const begin = async (command, stdin, out, talks) => {
    const [name, ...args] = command;
    if (name === "kubectl" || name === "k") {
      if (args.includes("explain")) await documented();
      const [words, input] = withFiles(args, stdin);
      const running = kubectl(words, { stdin: input, out, err: complain, talks });
      current = running;
      const code = await running.done;
      current = null;
      return code;
    }
    if (Object.hasOwn(BUILTINS, name)) {
      out(BUILTINS[name](args, stdin));
      return 0;
    }
    if (Object.hasOwn(CONTROL, name)) return CONTROL[name](args);
    if (Object.hasOwn(FILTERS, name)) throw new Wrong(`${name}: ${inWords().reads}: kubectl … | ${name}`);
    throw Object.assign(new Wrong(`${name}: command not found (${inWords().try_help})`), { code: 127 });
  };

  /** Runs commands with pipes between them; a kubectl or xargs behind a pipe takes what came so far as a whole. */
  const pipeline = async (stages, stdin) => {
    const last = (line, colours) => captured !== null ? (captured += `${line.replace(/\x1b\[[\d;]*m/g, "")}\n`) : write(`${colours ? line : painted(harmless(line))}\r\n`);
    const at = stages.slice(1).findIndex(([name]) => ["xargs", "kubectl", "k"].includes(name)) + 1;
    const mine = at > 0 ? stages.slice(0, at) : stages;
    let kept = at > 0 ? "" : null;
    const filters = mine.slice(1).map(([name, ...args]) => {
      if (!Object.hasOwn(FILTERS, name)) throw Object.assign(new Wrong(`${name}: command not found (${inWords().try_help})`), { code: 127 });
      return FILTERS[name](args);
    });
    const push = (from, lines) => {
      for (let index = from; index < filters.length && lines.length; index++) lines = lines.flatMap((line) => filters[index].line(line));
      for (const line of lines) {
        if (kept !== null) kept += `${line.replace(/\x1b\[[\d;]*m/g, "")}\n`;
        else last(line, filters.some((filter) => filter.colours));
      }
      if (filters.some((filter) => filter.full?.())) current?.stop();
    };
    let rest = "";
    const clean = filters.length ? harmless : (text) => text;
    let code = await begin(mine[0], stdin, (text) => {
      rest += text;
      const lines = rest.split("\n");
      rest = lines.pop();
      push(0, lines.map((line) => clean(line.replace(/\r$/, ""))));
    }, !filters.length && kept === null && captured === null);
    if (rest) push(0, [clean(rest)]);
    filters.forEach((filter, index) => push(index + 1, filter.end()));
    if (filters.length) code = filters.at(-1).code?.() ?? 0;
    if (kept === null || interrupted) return code;
    const [name, ...args] = stages[at];
    if (name !== "xargs") return pipeline(stages.slice(at), kept);
    const names = kept.split(/\s+/).filter(Boolean);
    const command = args.filter((arg) => !/^-[rt]$/.test(arg));
    if (!names.length) return 0;
    return pipeline([[...command, ...names], ...stages.slice(at + 1)]);
  };

  /** Runs commands with pipes between them; the one where `HERE` stands is given a text to read. */
  const run = async (text, input) => {
    const stages = [[]];
    let reader;
    /** Whether the next word says where complaints go: they are read here in any case. */
    let whither = false;
    for (const token of split(text)) {
      if (whither) whither = false;
      else if ((token.op === ">&" || token.op === ">") && stages.at(-1).at(-1) === "2") {
        stages.at(-1).pop();
        whither = true;
      } else if (token === HERE) reader = stages.at(-1);
      else if (typeof token === "string") stages.at(-1).push(...script.apart(token));
      else if (token.op === "|") stages.push([]);
      else {
        complain(`${token.op}: ${/[<>&]/.test(token.op) ? inWords().not_here : inWords().no_shell}\n`);
        return 2;
      }
    }
    if (stages.length === 1 && !stages[0].length) return script.code;
    try {
      const empty = stages.findIndex((stage) => !stage.length);
      if (empty >= 0) throw new Wrong(`|: ${inWords()[empty === 0 ? "before" : "after"]}`);
      // What comes through a pipe is not read by who is given something else.
      const given = Math.max(0, stages.indexOf(reader));
      return await pipeline(stages.slice(given), stages.includes(reader) ? input : undefined);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      complain(`${error.message}\n`);
      return error.code ?? 2;
    }
  };
  // A `$` that no variable stands behind is a letter: jsonpath and awk-like texts keep theirs.
  const split = (text) => parse(text, (name) => `$${name}`).map((token) => token.pattern ?? token);
  const script = new Script({
    run, complain, rest,
    split: (text) => split(text).map((token) => token.op ?? token),
    interrupted: () => interrupted,
    clear: (text) => write(`\x1b[2J\x1b[3J\x1b[H${harmless(text).replace(/\n/g, "\r\n")}`),
    capture: async (work) => {
      const before = captured;
      captured = "";
      try {
        await work();
        return captured;
      } finally {
        captured = before;
      }
    },
  });

  // ---- Completion ----
  /** Flags whose value is the next word. */
  const GIVEN = /^(-[ncolf]|--(namespace|container|output|selector|filename|image|field-selector|sort-by|context|user))$/;
  let kinds = null;
  const complete = async (before) => {
    const part = before.split(/[|;&(]/).pop().replace(/^\s*(do|then|else|elif|if|while|until|!|watch)\s+/, "");
    const typed = part.split(/\s+/).filter((word, index, all) => word || index === all.length - 1);
    const last = typed.at(-1) ?? "";
    const from = Array.from(before).length - Array.from(last).length;
    const matching = (list) => ({ from, words: [...new Set(list)].filter((word) => word.startsWith(last)).sort() });
    if (typed.length <= 1) {
      return matching(before.includes("|") ? [...Object.keys(FILTERS), "xargs"] : ["kubectl", "k", ...Object.keys(BUILTINS)]);
    }
    if (typed[0] !== "kubectl" && typed[0] !== "k") return matching(files());
    if (!words.length) {
      ask(JSON.stringify("words"));
      await new Promise((resolve) => heardWords.push(resolve));
    }
    // Words that are no flags, nor what those are given.
    const bare = typed.slice(1, -1).filter((word, index, all) => !word.startsWith("-") && !GIVEN.test(all[index - 1] ?? ""));
    const [verb, ...said] = bare;
    const flag = typed.at(-2);
    const namespaceAt = typed.findIndex((word) => word === "-n" || word === "--namespace");
    const place = typed.some((word) => word === "-A" || word === "--all-namespaces") ? ["-A"]
      : namespaceAt > 0 && typed[namespaceAt + 1] ? ["-n", typed[namespaceAt + 1]] : [];
    const names = async (kind, where = place) => (await collect(["get", kind, "-o", "name", ...where])).split("\n").filter(Boolean)
      .map((name) => name.split("/").pop());
    if (flag === "-n" || flag === "--namespace") return matching(await names("namespaces", []));
    if (flag === "-f" || flag === "--filename") return matching(files());
    if (flag === "-o" || flag === "--output") return matching(["json", "yaml", "kyaml", "name", "wide", "jsonpath=", "jsonpath-as-json=", "custom-columns=", "go-template="]);
    if (flag === "-l" || flag === "--selector") {
      const kind = said[0] && !said[0].includes("/") ? said[0] : "pods";
      const lines = await collect(["get", kind, "-o", 'jsonpath={range .items[*]}{.metadata.labels}{"\\n"}{end}', ...place]);
      return matching(lines.split("\n").filter((line) => line.startsWith("{"))
        .flatMap((line) => Object.entries(JSON.parse(line)).map(([key, value]) => `${key}=${value}`)));
    }
    if (GIVEN.test(flag)) return matching([]);
    // Flags before the verb are those that all verbs have.
    if (!verb && last.startsWith("-")) return matching(words[0][1].filter((one) => words.every(([, flags]) => flags.includes(one))));
    if (!verb) return matching(words.map(([name]) => name));
    if (last.startsWith("-")) return matching(words.find(([name]) => name === verb)?.[1] ?? []);
    kinds ??= (await collect(["api-resources", "-o", "name"])).split("\n").filter(Boolean);
    const plural = kinds.map((kind) => kind.split(".")[0]);
    const [kind, name] = last.split("/");
    if (name !== undefined) return matching((await names(kind)).map((found) => `${kind}/${found}`));
    if (["logs", "exec", "attach", "port-forward", "debug"].includes(verb)) return matching(said.length ? [] : await names("pods"));
    if (["cordon", "uncordon", "drain"].includes(verb)) return matching(await names("nodes", []));
    const SUB = { apply: ["edit-last-applied", "set-last-applied", "view-last-applied"], auth: ["can-i", "reconcile", "whoami"],
      certificate: ["approve", "deny"], config: ["current-context", "delete-cluster", "delete-context", "delete-user", "get-clusters",
        "get-contexts", "get-users", "rename-context", "set", "set-cluster", "set-context", "set-credentials", "unset", "use-context", "view"],
      rollout: ["history", "pause", "restart", "resume", "status", "undo"], top: ["node", "pod"],
      set: ["env", "image", "resources", "selector", "serviceaccount", "subject"],
      create: ["clusterrole", "clusterrolebinding", "configmap", "cronjob", "deployment", "ingress", "job", "namespace",
        "poddisruptionbudget", "priorityclass", "quota", "role", "rolebinding", "secret", "service", "serviceaccount", "token"] };
    const OF_CREATE = { secret: ["docker-registry", "generic", "tls"], service: ["clusterip", "externalname", "loadbalancer", "nodeport"] };
    if (verb === "create" && said.length === 1 && OF_CREATE[said[0]]) return matching(OF_CREATE[said[0]]);
    if (["config", "certificate", "create"].includes(verb) && said.length) return matching([]);
    if (SUB[verb] && !said.length) return matching(SUB[verb]);
    const rest = SUB[verb] ? said.slice(1) : said;
    if (!rest.length) return matching(plural);
    // Whoever wrote `kind/name` cannot go on with a name alone.
    if (rest[0].includes("/")) return matching([]);
    return matching(await names(rest[0]));
  };

  // ---- The conversation ----
  const line = new Line({ write, get cols() { return terminal.cols; } }, { history, complete });
  const PROMPT = { text: "\x1b[1;34mkubarium\x1b[0m $ ", width: 11 };
  const more = (of) => line.read({ text: `${of}> `, width: of.length + 2 });
  /** A command with all the lines that belong to it: `{text, run, input}`; `undefined` when there is none. */
  const command = async () => {
    let text = await line.read(PROMPT);
    for (let of; text && (of = open(text)) !== undefined;) {
      const next = await more(of);
      text = typeof next === "string" ? joined(text, next) : undefined;
    }
    if (!text?.trim()) return undefined;
    const here = wanted(text);
    if (!here) return { text, run: text };
    let input = "";
    for (;;) {
      const next = await more("heredoc");
      if (next === null) return undefined;
      const row = here.tabs ? next?.replace(/^\t+/, "") : next;
      if (row === undefined || row === here.end) break;
      input += `${row}\n`;
    }
    return { text, run: here.line, input: here.literal ? input : input.replace(/\\([\\$`])/g, "$1") };
  };
  /** Keys that are pressed while something runs are for whoever reads next. */
  let ahead = [];
  line.heed = () => {
    while (ahead.length && line.asked) line.key(ahead.shift());
  };
  terminal.onData((data) => {
    // A program in a container reads lines while `kubectl exec` runs.
    if (line.asked) line.key(data);
    else if (data === "\x03") {
      interrupted = true;
      ahead = [];
      line.pasted = [];
      write("^C\r\n");
      current?.stop();
    } else if (ahead.length < MOST_AHEAD) ahead.push(data);
  });
  terminal.attachCustomKeyEventHandler((event) => {
    // Tab completes; after Escape it leaves, for those who use the keyboard only.
    if (event.type !== "keydown") return true;
    if (event.key === "Escape") leaving = true;
    else if (event.key !== "Tab") leaving = leaving && event.key === "Shift";
    else if (leaving) return (leaving = false);
    else event.preventDefault();
    return true;
  });
  let leaving = false;

  (async () => {
    write(`${inWords().hello}\r\n`);
    for (;;) {
      const next = await command();
      interrupted = false;
      if (next) {
        remember(next.text.replaceAll("\n", " "));
        await script.play(next.run, next.input);
      }
      // The prompt comes after everything that was printed.
      while (writing) await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  })();

  return {
    hear(json) {
      const reply = JSON.parse(json);
      if (reply.words) {
        words = reply.words;
        heardWords.splice(0).forEach((resolve) => resolve());
        return;
      }
      const { id, stdout, stderr, code, ask: question } = reply.output ?? reply.asks ?? reply.done ?? { id: reply.listens };
      const program = programs.get(id);
      if (!program) return;
      if (reply.listens && program.talks) converse(line, program, (keys) => ask(JSON.stringify({ keys: { id, keys } })), harmless);
      if (stdout) program.out(stdout);
      if (stderr) program.err(stderr);
      if (question && program.quiet) answer(id);
      else if (question) asked(id, ...Object.entries(question)[0]);
      if (code === undefined) return;
      programs.delete(id);
      program.over?.();
      if (id === saving) {
        saving = null;
        edit();
      }
      program.resolve(code);
    },
    saved(text) {
      const id = saving;
      saving = null;
      if (id !== null) answer(id, text);
    },
    focus: () => terminal.focus(),
    /** What stands on the screen, for tests. */
    text: () => Array.from({ length: terminal.buffer.active.length }, (_, row) => terminal.buffer.active.getLine(row).translateToString(true)).join("\n"),
  };
}

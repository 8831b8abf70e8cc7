// The terminal: one ES module, loaded when it is first opened (frontend/src/terminal.rs). kubectl runs in the worker;
// here are the screen and the line that is typed; what a shell does around a program is in terminal/.

import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import css from "@xterm/xterm/css/xterm.css";
import { completer } from "./terminal/complete.js";
import { converse } from "./terminal/converse.js";
import { Wrong } from "./terminal/filters.js";
import { inWords } from "./terminal/help.js";
import { breathe } from "./terminal/jobs.js";
import { Line, width } from "./terminal/line.js";
import { goesOn, inOneLine, joined, open, wanted } from "./terminal/open.js";
import { harmless } from "./terminal/paint.js";
import { programs as shellOf } from "./terminal/programs.js";
import { recalled } from "./terminal/recall.js";

const KEPT = "kubarium.history";
const MOST_KEPT = 500;
/** What is on its way to the screen at once, in characters; the rest waits for the next frame. */
const BATCH = 60_000;
/** Of what nobody could read any more only the end is written: the screen keeps no more lines than this. */
const SCROLLBACK = 5000;
/** The size of the page's letters, in pixels (base.css). */
const USUAL = 15;
/** More than this waits for the screen: who goes on writing waits, too. */
const FULL = 200_000;
/** A command of so many letters is one that was pasted: nobody looks for it later. */
const LONGEST_KEPT = 10_000;
/** So many keys may be pressed before somebody reads them. */
const MOST_AHEAD = 1000;

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

/** The editor's files, for who writes to them: once it is there, with those of last time. */
const desk = () => window.kubarium.files ?? new Promise((resolve) => addEventListener("files", () => resolve(window.kubarium.files), { once: true }));

/**
 * Puts a terminal into `element`. `ask(json)` sends a TerminalRequest, `edit(text)` opens a text in the editor (and without one ends
 * that), `show()` its panel; `file(name)` is the text of one of the editor's files, `files()` their names.
 */
export function create(element, { ask, edit, show, file, files }) {
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${css}\n.screen { height: 100%; } .xterm { height: 100%; }\n.xterm .xterm-viewport { background: none; }`);
  root.adoptedStyleSheets = [sheet];
  const screen = root.appendChild(document.createElement("div"));
  screen.className = "screen";
  /** For a room letters grow as those of the page do. */
  const larger = () => ("present" in document.documentElement.dataset ? Number.parseFloat(getComputedStyle(document.body).fontSize) / USUAL : 1);
  const size = () => Math.round((element.clientWidth < 520 ? 12 : 13) * larger());
  const terminal = new Terminal({
    scrollback: SCROLLBACK, fontSize: size(), screenReaderMode: true, cursorBlink: false,
    fontFamily: getComputedStyle(element).getPropertyValue("--mono") || "monospace", theme: colours(element),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  openIn(root, screen, terminal);
  terminal.textarea?.setAttribute("aria-label", element.getAttribute("aria-label") ?? "Terminal");
  const fill = () => {
    if (!element.clientWidth) return;
    // What is on its way there was laid out for the width of now.
    if (line.asked && writing) return void requestAnimationFrame(fill);
    terminal.options.fontSize = size();
    fit.fit();
  };
  // xterm leaves the cursor's line to the shell, and cuts it off.
  terminal.onResize(() => line.asked && line.draw());
  new ResizeObserver(fill).observe(element);
  const repaint = () => (terminal.options.theme = colours(element));
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new MutationObserver(fill).observe(document.documentElement, { attributeFilter: ["data-present"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  // ---- What is written ----
  let waiting = "";
  let writing = false;
  const heardRoom = [];
  const flush = () => {
    const part = waiting.slice(0, BATCH);
    waiting = waiting.slice(BATCH);
    writing = part !== "";
    if (waiting.length < FULL) heardRoom.splice(0).forEach((resolve) => resolve());
    if (writing) terminal.write(part, flush);
  };
  const room = () => (waiting.length < FULL ? undefined : new Promise((resolve) => heardRoom.push(resolve)));
  const write = (text) => {
    waiting += text;
    // Lines that would scroll out of what is kept before anybody saw them need not be drawn.
    if (waiting.length > 4_000_000) waiting = `…\r\n${waiting.slice(waiting.indexOf("\n", waiting.length - 2_000_000) + 1)}`;
    if (!writing) flush();
  };
  /** What comes while somebody types stands above that. */
  const put = (text) => (line.asked ? line.above(text, line.prompt) : write(text));
  const say = (text) => text && put(harmless(text).replace(/\r?\n/g, "\r\n"));
  const complain = (text) => text && put(`\x1b[31m${harmless(text).replace(/\r?\n/g, "\r\n")}\x1b[39m`);

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
    } else if (kind === "load") answer(id, shell.text(of) ?? "");
    else if (kind === "save") shell.save(of.name, of.text).then(() => answer(id));
    else if (kind === "forward") say("Ports of this cluster are not reachable from here; Ctrl-C ends this.\n");
  };

  // ---- The shell ----
  let history = [];
  try {
    history = JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter((line) => typeof line === "string");
  } catch { /* No storage, or not ours: the history begins here. */ }
  const remember = (text) => {
    if (!text.trim() || text.length > LONGEST_KEPT || history.at(-1) === text) return;
    history.push(text);
    if (history.length > MOST_KEPT) history.splice(0, history.length - MOST_KEPT);
    try {
      localStorage.setItem(KEPT, JSON.stringify(history));
    } catch { /* A full or forbidden storage costs the history, nothing else. */ }
  };
  let learnt;
  /** What fields are for is a file of its own, which only `explain` needs; without it there are no words. */
  const documented = () => (learnt ??= fetch(document.querySelector("meta[name='asset:fields']").content)
    .then((answer) => (answer.ok ? answer.text() : Promise.reject())).then((text) => ask(JSON.stringify({ documentation: text })))
    .catch(() => (learnt = undefined)));

  const shell = shellOf({
    write: put, room, complain, kubectl, documented, history,
    clear: (text) => write(`\x1b[2J\x1b[3J\x1b[H${harmless(text).replace(/\n/g, "\r\n")}`),
    typed: (prompt) => line.read({ text: harmless(prompt), width: width(prompt) }),
    store: { text: file, names: files, most: () => window.kubarium.files?.most ?? Infinity, ready: async () => ({ ...(await desk()), show }) },
  });

  const verbs = async () => {
    if (!words.length) {
      ask(JSON.stringify("words"));
      await new Promise((resolve) => heardWords.push(resolve));
    }
    return words;
  };

  // ---- The conversation ----
  const line = new Line({ write, get cols() { return terminal.cols; } }, { history, complete: completer({ collect, verbs, shell, files }) });
  const PROMPT = { text: "\x1b[1;34mkubarium\x1b[0m $ ", width: 11 };
  const more = (of) => line.read({ text: `${of}> `, width: of.length + 2 });
  /** A line with what it takes from those before (`!!`), which is shown; `undefined` where that is not there. */
  const recall = (text) => {
    try {
      const whole = recalled(text, history);
      if (whole !== text) write(`${harmless(whole)}\r\n`);
      return whole;
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      complain(`${error.message}\n`);
    }
    return undefined;
  };
  /** A command with all the lines that belong to it, and the texts that it brings: `{text, run, documents}`; `undefined` when there is none. */
  const command = async () => {
    const typed = await line.read(PROMPT);
    let run = typed && recall(typed);
    let text = run;
    const documents = [];
    while (run?.trim()) {
      const here = wanted(run, documents.length);
      const of = here ? undefined : open(run);
      if (here) {
        let document = "";
        for (;;) {
          const next = await more("heredoc");
          if (next === null) return undefined;
          const row = here.tabs ? next?.replace(/^\t+/, "") : next;
          if (row === undefined || row === here.end) break;
          document += `${row}\n`;
          await breathe();
        }
        documents.push({ text: document, literal: here.literal });
        run = here.line;
      } else if (of === undefined) return { text, run, documents };
      else {
        let next = await more(of);
        // A text in quotes goes on as long as none comes: it is read once, however many lines were pasted.
        const rows = [];
        for (; typeof next === "string" && goesOn(of, next); next = await more(of)) rows.push(next);
        if (typeof next !== "string") return undefined;
        text = text.length > LONGEST_KEPT ? text : inOneLine(text, [...rows, next].join(" "), of);
        run = joined(rows.length ? `${run}\n${rows.join("\n")}` : run, next);
        await breathe();
      }
    }
    return undefined;
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
      ahead = [];
      line.paste([]);
      write("^C\r\n");
      shell.interrupt();
    } else if (data === "\x1a") complain(`^Z\n${inWords().no_halt}\n`);
    else if (ahead.length < MOST_AHEAD) ahead.push(data);
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
      if (next) {
        remember(next.text);
        await shell.play(next.run, next.documents).catch((error) => complain(`${error.message}\n`));
      } else shell.told();
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

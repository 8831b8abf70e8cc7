// Faults while one types: the worker rehearses the text in a copy of the cluster, so the messages are the API server's own.

import { setDiagnostics } from "@codemirror/lint";
import { fixesOf, indentation } from "./fixes.js";
import { check } from "./line.js";
import { documentsOf } from "./reading.js";
import { forget } from "./schema.js";
import { documents, find, siblings, steps } from "./text.js";
import { told as inWords } from "./told.js";
import { say } from "./words.js";

/** A text of more than so many characters keeps the worker busy for a while: it is asked so long after a key was pressed. */
const LARGE = 300_000;
const REST_OF_LARGE_MS = 900;
/** What the cluster lacks may be there a moment later: it is asked again after so long, and each time after twice as long. */
const AGAIN_MS = 1000;
const AGAIN_AT_MOST_MS = 8000;
/** What applying would do is said for so long of a text that is another by now. */
const STALE_MS = 1500;
const UNKNOWN_KIND = /no matches for kind/;
const LACKING = /no matches for kind|not found/;

/** The offset of a 1-based line and column, kept inside the text; columns count characters, not UTF-16 units. */
function offset(doc, [line, column]) {
  const place = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const before = Array.from(place.text).slice(0, Math.max(column - 1, 0)).join("");
  return place.from + before.length;
}

/** Messages about an object as a whole name a field or nothing: its place is looked for. */
function located(doc, message) {
  const object = message.match(/^The (\w+) "([^"]*)" is invalid/) ?? message.match(/(?:^|: )(\w+) in version "/);
  const path = message.match(/unknown field "([^"]+)"/)?.[1] ?? message.match(/(?:is invalid: |^\* |^)([\w.[\]]+): (?:Required|Invalid|Unsupported|Forbidden|Duplicate)/m)?.[1];
  const version = message.match(/no matches for kind "([^"]*)" in version "([^"]*)"/);
  for (const document of documents(doc)) {
    const first = find(doc, [], document);
    const root = siblings(doc, first.line, first.column, document);
    const value = (key) => root.find((one) => one.key === key);
    if (version && value("kind")?.value === version[1] && value("apiVersion")?.value === version[2]) return valuePlace(doc, value("apiVersion"));
    if (version) continue;
    if (object && value("kind")?.value !== object[1]) continue;
    if (path) {
      const place = find(doc, steps(path), document);
      if (place.depth === steps(path).length || object) return keyPlace(doc, place);
    } else if (object) return keyPlace(doc, first);
  }
  return undefined;
}

function keyPlace(doc, place) {
  const line = doc.line(place.line);
  const from = line.from + (place.column ?? 0);
  return { from, to: place.key ? Math.min(line.to, from + place.key.length) : line.to };
}

function valuePlace(doc, { line, part }) {
  const at = doc.line(line);
  const text = at.text.slice(part.value);
  return { from: at.from + part.value + (text.length - text.trimStart().length), to: at.to };
}

/** The line without the spaces around it. */
function wordsOf({ from, to, text }) {
  return { from: from + (text.length - text.trimStart().length), to: Math.max(from, to - (text.length - text.trimEnd().length)) };
}

/** An engine's diagnostics (`{from: [line, column], to, message}`) as the editor's. */
function marked(doc, list) {
  return list.map(({ from: start, to: end, message, fixes }) => {
    const whole = start[0] === 1 && start[1] === 1 && !end;
    const found = whole && located(doc, message);
    if (found) return { ...found, message, fixes };
    const from = offset(doc, start);
    const to = Math.max(from, end ? offset(doc, end) : doc.lineAt(from).to);
    // What is missing has no width: the words before it are marked, or nobody would see anything.
    return from === to ? { ...wordsOf(doc.lineAt(from)), message, fixes } : { from, to, message, fixes };
  });
}

/** The engine's fixes (`{says, of, edits}`) as the editor's: `{name, changes}`. */
const named = (doc, fixes = []) => fixes.map(({ says, of, edits }) => ({
  name: say(says, { name: of, value: of }),
  changes: edits.map(({ from, to, text }) => ({ from: offset(doc, from), to: offset(doc, to), insert: text })),
}));

/** What is no fault of the text: the cluster cannot be asked, or the text itself brings before `at` what is missing. */
function about(message, doc, at) {
  if (/^The connection to the server|^Unable to connect|request did not complete|etcdserver/.test(message)) return false;
  const namespace = message.match(/namespaces "([^"]+)" not found/)?.[1];
  return !(namespace && documents(doc).some((document) => {
    const first = find(doc, [], document);
    const root = siblings(doc, first.line, first.column, document);
    const name = find(doc, steps("metadata.name"), document);
    return root.some(({ key, value }) => key === "kind" && value === "Namespace")
      && doc.line(first.line).from < at && doc.line(name.line).text.includes(namespace);
  }));
}

const parses = (text) => documentsOf(text)?.every(({ errors }) => !errors.length);

const shown = new WeakMap();

/**
 * Shows `list` in the editor, each with what mends it; what has to be asked for comes a moment later. What is there already
 * stays as it is, with an open card.
 */
export async function show(view, list) {
  const { doc } = view.state;
  const diagnostics = marked(doc, list).filter(({ message, from }) => about(message, doc, from));
  const key = JSON.stringify(diagnostics);
  const before = shown.get(view);
  if (before?.doc === doc && before.key === key) return before.diagnostics;
  const put = (all) => {
    if (view.state.doc !== doc) return;
    shown.set(view, { doc, key, diagnostics: all });
    view.dispatch(setDiagnostics(view.state, all.map((one) => ({ severity: "error", ...one, message: inWords(one.message) }))));
  };
  const actions = (fixes) => fixes.map(({ name, changes }) => ({
    name, apply: (where) => where.dispatch({ changes: changes.map((change) => ({ ...change })), userEvent: "input.fix" }),
  }));
  const known = diagnostics.map(({ fixes, ...one }) => ({ ...one, fixes: named(doc, fixes) }));
  put(known.map(({ fixes, ...one }) => ({ ...one, actions: actions(fixes) })));
  let asked = false;
  const mended = await Promise.all(known.map(async ({ fixes: own, ...one }) => {
    let fixes = [...own];
    for (const more of await fixesOf(doc, one)) if (!fixes.some(({ name }) => name === more.name)) fixes.push(more);
    if (!fixes.length && doc.length < 200_000 && parses(doc.toString()) === false) fixes = indentation(doc, one, parses);
    asked ||= fixes.length > own.length;
    return { ...one, actions: actions(fixes) };
  }));
  if (asked) put(mended);
  return mended;
}

/** Rehearses the text after every change, unless `isOther(text)`: no manifest. `told` hears how it went and what is shown. */
export function checker(told, isOther) {
  let timer;
  let due = false;
  let begun = 0;
  /** What is shown, and what the text alone told when it was last looked at. */
  let messages = new Set();
  let textual = new Set();
  let patience = AGAIN_MS;
  let stale;
  const tell = (outcome) => {
    clearTimeout(stale);
    messages = new Set(outcome.shown.map(({ message }) => message));
    told(outcome);
  };
  const later = (view, act, wait) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(view), wait);
  };
  /** `seen` hears what is known before the answer. */
  const ask = (view, seen) => {
    const { doc } = view.state;
    const put = (list, outcome) => show(view, list).then((shown) => view.state.doc === doc && tell({ ...outcome, shown }));
    check(doc.toString(), (...known) => view.state.doc === doc && seen?.(put, ...known), (outcome) => {
      if (view.state.doc !== doc) return;
      const list = outcome.ok ? [] : outcome.diagnostics;
      const other = list.length !== messages.size || list.some(({ message }) => !messages.has(message));
      if (!seen && other) forget();
      if (seen || other) put(list, outcome);
      if (doc.length > LARGE || !list.some(({ message }) => LACKING.test(message))) return;
      later(view, ask, patience);
      patience = Math.min(2 * patience, AGAIN_AT_MOST_MS);
    });
  };
  const rehearse = (view) => {
    due = false;
    const text = view.state.doc.toString();
    if (!text.trim() || isOther(text)) {
      show(view, []);
      return tell({ ok: true, stdout: "", shown: [] });
    }
    ask(view, (put, diagnostics, settled, alone) => {
      // Kinds that people defined are known to the API server only.
      const seen = diagnostics.filter(({ message }) => !UNKNOWN_KIND.test(message) || messages.has(message));
      const onlyTextual = [...messages].every((message) => textual.has(message));
      // What is mended goes before all the others were rehearsed again, and what the text alone tells before anything is.
      if (seen.length || (messages.size && (settled || onlyTextual))) put(seen, { ok: !seen.length });
      if (!settled) textual = new Set(diagnostics.slice(0, alone).map(({ message }) => message));
      performance.measure("keystroke to diagnostics", { start: begun });
    });
  };
  return {
    soon(view) {
      clearTimeout(timer);
      begun = performance.now();
      patience = AGAIN_MS;
      clearTimeout(stale);
      if (!messages.size) stale = setTimeout(() => tell({ ok: true, stdout: "", shown: [] }), STALE_MS);
      if (view.state.doc.length > LARGE) later(view, rehearse, REST_OF_LARGE_MS);
      else if (!due) {
        due = true;
        // Once the editor has finished what it is doing, and before it is painted: the worker looks meanwhile.
        queueMicrotask(() => rehearse(view));
      }
    },
    stop: () => [timer, stale].forEach(clearTimeout),
  };
}

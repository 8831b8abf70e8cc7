// The YAML editor: one ES module, loaded when the editor is first opened (frontend/src/editor.rs).
// Colours come from the page's CSS variables, so light and dark follow without a word from here.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { closeSearchPanel, highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state";
import {
  crosshairCursor, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, rectangularSelection,
  tooltips,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import japanese from "../../public/locales/editor/ja.json";
import { besideList, listInSight } from "./workbench/cards.js";
import { checker, show as showFaults } from "./workbench/check.js";
import { compare, live } from "./workbench/compare.js";
import { complete, wantsValue } from "./workbench/complete.js";
import { readFrom } from "./workbench/defined.js";
import { Files } from "./workbench/files.js";
import { changesBetween, format } from "./workbench/format.js";
import { explainInto, fieldAt, hover, kindAt } from "./workbench/hover.js";
import { followStage, light, linked } from "./workbench/linked.js";
import { typeOver } from "./workbench/over.js";
import { manifestsOf, mayBeMore, MOST_TEXT, tooLarge } from "./workbench/bring.js";
import { brought, followOpened, isBrought } from "./workbench/brought.js";
import { bringAll, more, offer } from "./workbench/more.js";
import { handOver, keepFiles, loadFiles } from "./workbench/playgrounds.js";
import { isTooDeep } from "./workbench/reading.js";
import { dress } from "./workbench/style.js";
import { told } from "./workbench/told.js";
import { element as make, say } from "./workbench/words.js";

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { color: "var(--text-muted)", backgroundColor: "var(--surface)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)",
  },
  ".cm-panels, .cm-tooltip": { color: "var(--text)", backgroundColor: "var(--surface)", borderColor: "var(--line)" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panel.cm-search": { display: "flex", flexWrap: "wrap", gap: "6px", alignItems: "center", padding: "8px 34px 8px 8px", fontFamily: "var(--font)" },
  ".cm-panel.cm-search br": { flex: "1 0 100%", content: "''" },
  ".cm-panel.cm-search :is(.cm-textfield, .cm-button, label)": { margin: "0", fontSize: "0.8125rem" },
  ".cm-panel.cm-search .cm-textfield": { flex: "1 1 9rem", padding: "4px 8px", color: "inherit", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-panel.cm-search .cm-button": { padding: "4px 10px", color: "inherit", background: "none", border: "1px solid var(--line-strong)", borderRadius: "6px", cursor: "pointer" },
  ".cm-panel.cm-search label": { display: "inline-flex", gap: "4px", alignItems: "center" },
  ".cm-panel.cm-search [name=close]": { top: "6px", right: "6px", padding: "4px 8px", color: "inherit", fontSize: "1rem", cursor: "pointer" },
  ".cm-searchMatch": { backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent)" },
  ".cm-searchMatch-selected": { backgroundColor: "color-mix(in srgb, var(--accent) 45%, transparent)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "var(--surface)", backgroundColor: "var(--accent)" },
  ".cm-tooltip": { border: "1px solid var(--line)", borderRadius: "8px", boxShadow: "var(--shadow)", overflow: "hidden" },
  ".cm-completionInfo": { maxWidth: "22rem", whiteSpace: "pre-wrap", fontFamily: "var(--font)" },
  ".cm-completionDetail": { color: "var(--text-muted)", fontStyle: "normal" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-diagnostic": { padding: "6px 10px", fontFamily: "var(--font)", whiteSpace: "pre-wrap" },
  ".cm-diagnosticText": { marginRight: "8px" },
  ".cm-diagnosticAction": {
    color: "var(--on-accent)", backgroundColor: "var(--accent)", borderRadius: "6px", padding: "3px 9px", margin: "4px 6px 0 0",
  },
  ".cm-collapsedLines": { color: "var(--text-muted)", background: "var(--sunken)", fontFamily: "var(--font)", fontSize: "0.8125rem" },
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: "'···'" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--danger)" },
});

const isFramed = "embed" in document.documentElement.dataset;
/** In somebody's page nothing scrolls under the pointer that only passes. */
const still = EditorView.theme({ "&:not(.cm-focused) .cm-scroller": { overflow: "hidden" } });

const highlighting = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--syntax-key, var(--accent))" },
  { tag: [tags.comment, tags.lineComment], color: "var(--text-muted)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--syntax-string, var(--text))" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--syntax-literal, var(--text))" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace, tags.meta], color: "var(--text-muted)" },
]);

/** How long after a change the files are kept, in milliseconds. */
const KEEP_MS = 400;
/** A text of more characters is handed on when typing pauses for so many milliseconds. */
const LARGE = 300_000;
const PAUSE_MS = 250;

/** What becomes of the cluster is not all at once: what applying would do is asked so long after it changed, in milliseconds. */
const CHANGED_MS = 300;
/** Another cluster is there, a command has done what it was asked, a program of the terminal's has ended: not one of the tools. */
const CHANGES = /^\{("frame":\{"reset":true|"outcome":|"terminal":\{"done":)/;

/** How long a note with something to undo stays, and any other, in milliseconds. */
const UNDO_MS = 60_000;
const NOTE_MS = 12_000;

/** The words of the editor's own panels, in the reader's language. */
const phrases = new Compartment();
const spoken = () => (document.documentElement.lang.startsWith("ja") ? EditorState.phrases.of(japanese) : []);

/** YAML's colours and folds; none in a text of so many brackets that looking at its tree would take more than there is of stack. */
const colouring = new Compartment();
const SHORT = 500;
const colours = (deep) => (deep ? [] : yaml());
const notTooDeep = EditorState.transactionExtender.of(({ changes, newDoc, startState }) => {
  const plain = !colouring.get(startState).language;
  let inserted = 0;
  changes.iterChanges((_, __, ___, ____, text) => (inserted += text.length));
  if (changes.empty || (!plain && inserted < SHORT)) return null;
  const deep = isTooDeep(newDoc.toString());
  return deep === plain ? null : { effects: colouring.reconfigure(colours(deep)) };
});

/** Whether a file is no manifest, by its name: what programs print goes into files, too. */
const isOther = (name, text) => (/\.\w+$/.test(name) ? !/\.(ya?ml|json)$/.test(name) : !/^(apiVersion|kind):|^\s*\{/m.test(text));

/** Marks a change made by the program: only the user's own edits are reported. */
const byProgram = Annotation.define();

/**
 * Puts an editor with its tabs and tools into `element`.
 * Callbacks: `onApply(text)` on Ctrl/Cmd+Enter, `onSave()` on it in what `beginEdit` opened, `onChange(text)` after an edit of the user's and when another file is
 * shown, `onShow()` when that is, `onFiles([[name, text]])` when any of it changes, `relate(uids)` to show pods on the stage (`null` ends it),
 * `run(line)` for a kubectl command of the user's, `open(scenario)` for another cluster.
 */
export function create(element, text, { onApply, onSave, onChange, onShow, onFiles, relate, run, open } = {}) {
  // In a shadow root CodeMirror adopts its style sheets; in the page it would add <style> elements, which the
  // Content-Security-Policy refuses. CSS variables pass through.
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  dress(root);
  const bar = make("div", { class: "files", label: "files" });
  const tools = make("div", { class: "tools", role: "toolbar", label: "tools" });
  const notes = make("div", { class: "notes", role: "status" });
  const host = make("div", { class: "host" });
  const explanation = make("section", { class: "explain", hidden: true, tabindex: "0" });
  const state = make("div", { class: "state", role: "status" });
  // Lists and cards stand outside of what scrolls, or they would be cut off.
  const tips = make("div", { class: "tips" });
  root.append(bar, tools, notes, host, explanation, state, tips);

  /**
   * A note with a button, below those that are there, in the open window if there is one; one `of` the same, or of the same
   * words, goes. It goes by itself unless something went wrong: then, when another file is shown.
   */
  const note = (words, { bad = false, action, act, stay = bad, of = words } = {}) => {
    const box = make("div", { class: bad ? "note bad" : "note", "data-of": of }, make("p", {}, words),
      action && make("button", { class: "quiet", onclick: () => { box.remove(); act(); } }, action),
      make("button", { class: "round", label: "close", onclick: () => box.remove() }, "×"));
    for (const old of root.querySelectorAll(".note")) if (old.dataset.of === of) old.remove();
    const inside = root.querySelector("dialog[open] .notes");
    (inside ?? notes).append(box);
    inside?.closest("dialog").addEventListener("close", () => notes.append(...inside.children), { once: true });
    box.parentNode.scrollTop = box.parentNode.scrollHeight;
    if (!stay) setTimeout(() => box.remove(), action ? UNDO_MS : NOTE_MS);
    return box;
  };
  const clearBad = () => root.querySelectorAll(".note.bad").forEach((box) => box.remove());
  let arriving = 0;
  /** Files come: what was said of earlier ones goes, what is said of these stays until they are all there. */
  const coming = () => {
    clearBad();
    arriving++;
    return () => arriving--;
  };
  const explain = (found) => explainInto(explanation, found);
  const explainHere = () => {
    const { head } = view.state.selection.main;
    fieldAt(view.state, head).then((found) => found ?? kindAt(view.state, head))
      .then((found) => (found ? explain(found) : note(say("explain_nothing"))));
    return true;
  };
  const tidy = () => {
    const text = view.state.doc.toString();
    const result = format(text);
    root.querySelector(".note[data-of=format]")?.remove();
    if (result.message) note(say("format_broken", { reason: told(result.message) }), { bad: true, of: "format" });
    else if (result.text !== text) view.dispatch({ changes: changesBetween(text, result.text), userEvent: "input.format" });
    view.focus();
    return true;
  };
  const apply = () => {
    // What is applied has been heard of before, however quickly the key came after the last letter.
    if (hearing !== undefined) heard();
    if (files.open === files.edit) onSave?.();
    else onApply?.(view.state.doc.toString());
    return true;
  };

  /** A whole cluster that was pasted is offered as one, as if its file had been dropped. */
  const pasted = (text) => {
    if (mayBeMore(text)) offer(text, files.open.name, { note, open });
  };

  /** What is refused as a file is refused here too, and the page does not stand still over it. */
  const refuses = (event) => {
    const size = event.clipboardData?.getData("text/plain").length ?? 0;
    if (size <= MOST_TEXT) return false;
    event.preventDefault();
    note(tooLarge(say("pasted"), size, MOST_TEXT), { bad: true, of: "pasted" });
    return true;
  };

  const extensions = [
    Prec.highest(EditorView.domEventHandlers({ paste: refuses })), EditorView.clipboardInputFilter.of(manifestsOf), notTooDeep, isFramed ? still : [],
    Prec.highest(keymap.of([
      { key: "Mod-Enter", run: apply }, { key: "F1", run: explainHere }, { key: "Shift-Alt-f", run: tidy },
    ])),
    // The gutter's own cards close under the pointer in a shadow root: the text's cards and the line below say the same.
    lineNumbers(), foldGutter(), lintGutter({ tooltipFilter: () => [] }), history(), drawSelection(), search({ top: true }),
    // Several places at once: Ctrl with a click or with Alt and an arrow, Alt with the pointer for columns.
    EditorState.allowMultipleSelections.of(true), rectangularSelection(), crosshairCursor(),
    phrases.of(spoken()),
    indentOnInput(), indentUnit.of("  "), EditorState.tabSize.of(2), bracketMatching(), closeBrackets(),
    tooltips({ position: "fixed", parent: tips }), autocompletion({ override: [complete], positionInfo: besideList, activateOnCompletion: wantsValue }), listInSight, hover(explain), linked({ relate, run }),
    highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(),
    syntaxHighlighting(highlighting), theme, typeOver,
    EditorView.contentAttributes.of({ "aria-label": element.getAttribute("aria-label") ?? "YAML" }),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      faults.soon(update.view);
      if (update.transactions.some((step) => step.isUserEvent("input.paste"))) pasted(update.state.doc.toString());
      if (update.transactions.some((step) => !step.annotation(byProgram))) hearSoon();
    }),
    // Tab indents, as in every editor of YAML; Escape and then Tab leaves, for those who use the keyboard only.
    keymap.of([
      ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
      ...completionKeymap, ...lintKeymap, indentWithTab,
    ]),
  ];
  const begin = (doc) => EditorState.create({ doc, extensions: [colouring.of(colours(isTooDeep(doc))), ...extensions] });
  const view = new EditorView({ parent: host, root, state: begin(text) });
  readFrom(() => view.state.doc);
  /** Tells below the text, of which less may be seen then: not less than where one writes. */
  const put = (...parts) => {
    const { offsetHeight } = state;
    state.replaceChildren(...parts);
    if (view.hasFocus && state.offsetHeight > offsetHeight) view.dispatch({ effects: EditorView.scrollIntoView(view.state.selection.main.head) });
  };
  const faults = checker(({ ok, stdout = "", shown: found }) => {
    files.count(found.length);
    const lines = stdout.trim().split("\n").filter(Boolean);
    const [first] = found;
    if (!first) return put(...(ok && lines.length ? [make("b", { class: "good", text: "would" }), make("span", {}, lines.join(" · "))] : []));
    const line = view.state.doc.lineAt(Math.min(first.from, view.state.doc.length)).number;
    const go = () => {
      view.dispatch({ selection: { anchor: Math.min(first.from, view.state.doc.length) }, scrollIntoView: true });
      view.focus();
    };
    return put(
      make("b", { class: "bad" }, say(found.length === 1 ? "fault" : "faults", { count: found.length })),
      make("button", { class: "link", onclick: go }, `${say("line", { line })} ${told(first.message)}`),
      ...(first.actions ?? []).slice(0, 1).map(({ name, apply: mend }) => make("button", {
        class: "quiet", onclick: () => {
          mend(view);
          view.focus();
        },
      }, name)));
  }, (text) => isOther(files.open.name, text));
  let hearing;
  const hearSoon = () => {
    clearTimeout(hearing);
    hearing = setTimeout(heard, view.state.doc.length < LARGE ? 0 : PAUSE_MS);
  };
  let keeping;
  const heard = () => {
    clearTimeout(hearing);
    hearing = undefined;
    onChange?.(view.state.doc.toString());
    onFiles?.(files.texts());
    clearTimeout(keeping);
    keeping = setTimeout(() => keepFiles(files.saved()), KEEP_MS);
  };
  const leave = () => {
    if (untouched()) return;
    handOver(files.saved());
    keepFiles(files.saved());
  };
  addEventListener("pagehide", leave);
  const shown = () => ({ root, text: view.state.doc.toString(), name: files.open.name, looks: [syntaxHighlighting(highlighting), theme, spoken()] });
  const replace = (next) => view.dispatch({
    changes: { from: 0, to: view.state.doc.length, insert: next }, annotations: byProgram.of(true),
  });
  const files = new Files(bar, {
    begin,
    show: (shown, focus) => {
      view.setState(shown);
      view.dispatch({ effects: phrases.reconfigure(spoken()) });
      if (!arriving) clearBad();
      state.replaceChildren();
      onShow?.();
      faults.soon(view);
      if (focus) view.focus();
    },
    current: () => view.state,
    written: (state, next) => state.update({
      changes: { from: 0, to: state.doc.length, insert: next }, annotations: [byProgram.of(true), isolateHistory.of("full")],
    }).state,
    changed: heard,
    undoable: (words, act) => note(words, { action: say("undo"), act }),
  });
  files.list.push({ name: "editor.yaml", state: view.state, brought: text });
  files.open = files.list[0];
  files.draw();
  tools.append(
    make("button", { text: "format", title: "format_says", onclick: tidy }),
    make("button", { text: "explain", title: "explain_says", onclick: explainHere }),
    make("button", { text: "diff", title: "diff_says", onclick: () => compare({ ...shown(), apply }) }),
    make("button", { text: "live", title: "live_title", onclick: () => live(shown()) }),
    more({ root, files, note, open, coming }),
  );
  takeFiles(host, (list) => bringAll(list, { files, note, open, coming }));
  followStage(() => view);
  const unfollowOpened = followOpened((found) => files.bring(found.files));
  // The search panel is written once, when it is opened.
  const language = new MutationObserver(() => {
    closeSearchPanel(view);
    view.dispatch({ effects: phrases.reconfigure(spoken()) });
  });
  language.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  // Its letters are larger for a room.
  const looks = new MutationObserver(() => view.requestMeasure());
  looks.observe(document.documentElement, { attributeFilter: ["data-present"] });
  const unfollow = followCluster(host, (isOther) => {
    // It would speak of what is no more.
    if (isOther) state.replaceChildren();
  }, () => faults.soon(view));
  faults.soon(view);
  onFiles?.(files.texts());
  // What was written here last time is there again, unless the page brings a text of its own.
  const untouched = () => {
    const own = files.texts();
    return own.length === 1 && own[0][1] === text;
  };
  loadFiles().then(async (kept) => {
    if (!untouched()) return;
    if (kept?.files?.some((file) => file.text.trim())) {
      files.restore(kept);
      return heard();
    }
    const found = isBrought() && await brought();
    if (found && untouched()) files.restore(found);
  }).finally(() => {
    // Programs of the terminal write files.
    window.kubarium.files = {
      most: MOST_TEXT,
      write: (name, next) => (next.length > MOST_TEXT ? tooLarge(name, next.length, MOST_TEXT) : files.write(name, next)),
      remove: (name) => files.remove(name),
      nameOf: (text) => files.texts().find(([, known]) => known === text)?.[0],
      open: (name) => {
        files.reopen(name);
        focusWhenSeen(view);
      },
    };
    dispatchEvent(new Event("files"));
  });

  return {
    getText: () => view.state.doc.toString(),
    setText: (next) => {
      files.showOwn();
      files.keep();
      files.replaced(next);
      replace(next);
      onFiles?.(files.texts());
    },
    beginEdit: (text) => files.beginEdit(text),
    endEdit: () => files.endEdit(),
    /** Each is `[[line, column], [line, column] or null for the line's end, message]`, counted from 1. */
    setDiagnostics: (list) => {
      if (list.length) showFaults(view, list.map(([from, to, message]) => ({ from, to, message })));
      // Applying has changed what applying would do.
      else faults.soon(view);
    },
    light: (namespace, name) => light(view, namespace, name),
    // A page that frames this keeps the focus where its reader is.
    focus: () => isFramed || view.focus(),
    destroy: () => {
      removeEventListener("pagehide", leave);
      unfollowOpened();
      faults.stop();
      unfollow();
      language.disconnect();
      looks.disconnect();
      view.destroy();
    },
  };
}

/** Tells of the cluster's changes: `now` at once, with whether it is another one, and `look` a little later, once `host` is seen. */
function followCluster(host, now, look) {
  const { engine } = window.kubarium;
  let waiting;
  let due = false;
  let seen = true;
  const ready = () => {
    due = !seen;
    if (seen) look();
  };
  const hear = ({ data }) => {
    const [, change] = (typeof data === "string" && data.match(CHANGES)) || [];
    if (!change) return;
    now(change.startsWith('"frame"'));
    clearTimeout(waiting);
    waiting = setTimeout(ready, CHANGED_MS);
  };
  engine.addEventListener("message", hear);
  const watch = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen && due) ready();
  });
  watch.observe(host);
  return () => {
    clearTimeout(waiting);
    watch.disconnect();
    engine.removeEventListener("message", hear);
  };
}

/** What is hidden cannot have the focus: its panel is on the way. */
function focusWhenSeen(view) {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) return;
    watch.disconnect();
    view.focus();
  });
  watch.observe(view.dom);
}

/** Hands on the files that are dropped on `host`. */
function takeFiles(host, take) {
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    host.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") take([...event.dataTransfer.files]);
  };
  for (const kind of ["dragover", "dragleave", "drop"]) host.addEventListener(kind, over, { capture: true });
}

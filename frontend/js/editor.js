// The YAML editor: one ES module, loaded when the editor is first opened (frontend/src/editor.rs).
// Colours come from the page's CSS variables, so light and dark follow without a word from here.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState, Prec } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

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
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "var(--surface)", backgroundColor: "var(--accent)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--danger)" },
});

const highlighting = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--syntax-key, var(--accent))" },
  { tag: [tags.comment, tags.lineComment], color: "var(--text-muted)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--syntax-string, var(--text))" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--syntax-literal, var(--text))" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace, tags.meta], color: "var(--text-muted)" },
]);

/** Marks a change made by the program: only the user's own edits are reported. */
const byProgram = Annotation.define();

/**
 * Puts an editor into `element`.
 * Callbacks: `onApply(text)` on Ctrl/Cmd+Enter, `onChange(text)` after an edit of the user's;
 * `complete(context)` is a CodeMirror completion source. Each may be left out.
 */
export function create(element, text, { onApply, onChange, complete } = {}) {
  const apply = (view) => {
    onApply?.(view.state.doc.toString());
    return true;
  };
  // In a shadow root CodeMirror adopts its style sheets; in the page it would add <style> elements, which the
  // Content-Security-Policy refuses. CSS variables pass through.
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: apply }])),
        lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), search({ top: true }),
        indentOnInput(), indentUnit.of("  "), EditorState.tabSize.of(2), bracketMatching(), closeBrackets(),
        autocompletion(complete ? { override: [complete] } : {}),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(),
        yaml(), syntaxHighlighting(highlighting), theme,
        EditorView.contentAttributes.of({ "aria-label": element.getAttribute("aria-label") ?? "YAML" }),
        EditorView.updateListener.of((update) => {
          const edited = update.docChanged && update.transactions.some((step) => !step.annotation(byProgram));
          if (edited) onChange?.(update.state.doc.toString());
        }),
        // Tab indents, as in every editor of YAML; Escape and then Tab leaves, for those who use the keyboard only.
        keymap.of([
          ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
          ...completionKeymap, ...lintKeymap, indentWithTab,
        ]),
      ],
    }),
  });

  /** The offset of a 1-based line and column, kept inside the text; columns count characters, not UTF-16 units. */
  const offset = ([line, column]) => {
    const place = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
    const before = Array.from(place.text).slice(0, Math.max(column - 1, 0)).join("");
    return place.from + before.length;
  };

  return {
    getText: () => view.state.doc.toString(),
    setText: (next) =>
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: next },
        annotations: byProgram.of(true),
      }),
    /** Each is `[[line, column], [line, column] or null for the line's end, message]`, counted from 1. */
    setDiagnostics: (list) => {
      const diagnostics = list.map(([start, end, message]) => {
        const from = offset(start);
        const to = end ? offset(end) : view.state.doc.lineAt(from).to;
        return { from, to: Math.max(from, to), severity: "error", message };
      });
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

// Typing over a selection. Left to the browser, the new text takes over how the old one looked, as a style in the text
// itself: the Content-Security-Policy refuses that, and the console says so.

import { EditorView } from "@codemirror/view";

export const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { state } = view;
    const { main: { from, to }, ranges } = state.selection;
    const { data } = event;
    if (ranges.every(({ empty }) => empty) || view.composing || event.inputType !== "insertText" || !data) return false;
    event.preventDefault();
    if (ranges.length > 1) {
      view.dispatch(state.update(state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true }));
      return true;
    }
    // An end of a line may have two letters, and is one.
    const text = state.toText(data);
    const insert = () => state.update({
      changes: { from, to, insert: text }, selection: { anchor: from + text.length }, userEvent: "input.type", scrollIntoView: true,
    });
    const handlers = state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
    return true;
  },
});

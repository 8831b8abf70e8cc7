// Where lists and cards stand: on the screen, and not over what they are about.

import { completionStatus } from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";

/** What there is to say of an option takes no less than so many pixels beside the list. */
const BESIDE = 220;
const MOST = 400;

/** Beside the list where there is room; on a phone above all of it or below, where more of the screen is. */
export function besideList(_, list, option, info, space, { offsetWidth }) {
  const scale = (list.right - list.left) / offsetWidth || 1;
  const [left, right] = [list.left - space.left, space.right - list.right];
  const width = Math.min(info.right - info.left, MOST);
  const room = Math.max(left, right);
  if (room >= Math.min(width, BESIDE)) {
    const top = Math.max(space.top, Math.min(option.top, space.bottom - (info.bottom - info.top))) - list.top;
    return { style: `top: ${top / scale}px; max-width: ${Math.min(MOST, room) / scale}px`, class: `cm-completionInfo-${right >= Math.min(width, left) ? "right" : "left"}` };
  }
  const [above, below] = [list.top - space.top, space.bottom - list.bottom];
  const side = above > below ? "bottom" : "top";
  const most = `max-width: 100%; max-height: ${(Math.max(above, below) - 4) / scale}px`;
  return { style: `${side}: 100%; left: 0; ${most}; overflow: auto`, class: "cm-completionInfo-whole" };
}

/** Whoever asks for a list where the cursor is not seen, because the text was moved, sees the cursor again. */
export const listInSight = EditorView.updateListener.of(({ view, state, startState }) => {
  if (!completionStatus(state) || completionStatus(startState)) return;
  view.requestMeasure({
    read: () => {
      const at = view.coordsAtPos(state.selection.main.head);
      const box = view.scrollDOM.getBoundingClientRect();
      return !at || at.left < box.left || at.right > box.right || at.top < box.top || at.bottom > box.bottom;
    },
    write: (hidden) => hidden && queueMicrotask(() => view.dispatch({ effects: EditorView.scrollIntoView(view.state.selection.main.head) })),
  });
});

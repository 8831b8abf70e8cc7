// Format leaves a person where they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content, drawer, openEditor, paste, text } from "./editor.mjs";

const object = (number) => `apiVersion: v1
kind: ConfigMap
metadata:
    name: map-${number}
data:
    - not
    -   in: {order: 1,and: 2}
---
`;

/** Where the cursor is, in words: what stands before it on its line, and after; which line is at the top, once that is measured. */
const place = (page) => content(page).evaluate(async (element) => {
  const view = element.cmTile?.view ?? element.cmView.view;
  await new Promise((measured) => view.requestMeasure({ read: () => {}, write: measured }));
  const { head } = view.state.selection.main;
  const line = view.state.doc.lineAt(head);
  const box = view.scrollDOM.getBoundingClientRect();
  return {
    number: line.number, before: line.text.slice(0, head - line.from).trim(), after: line.text.slice(head - line.from),
    selected: view.state.sliceDoc(view.state.selection.main.from, view.state.selection.main.to),
    top: view.state.doc.lineAt(view.posAtCoords({ x: box.x + 80, y: box.y + 12 }, false)).text.trim(), scrolled: view.scrollDOM.scrollTop,
  };
});

test("formatting keeps the cursor, what is selected, what is folded and what is seen, and is undone in one step", async (t) => {
  const page = await openEditor(t);
  const before = Array.from({ length: 60 }, (_, number) => object(number)).join("");
  await paste(page, before);
  const line = content(page).locator(".cm-line", { hasText: "name: map-30" });
  await content(page).evaluate((element) => {
    const view = element.cmTile?.view ?? element.cmView.view;
    const at = view.state.doc.toString().indexOf("map-30");
    view.dispatch({ selection: { anchor: at, head: at + 6 }, scrollIntoView: true });
  });
  // What has colours has been read, and can be folded.
  await line.locator("span").first().waitFor();
  // The object above it is folded.
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Home");
  for (let step = 0; step < 7; step++) await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Control+Shift+BracketLeft");
  await content(page).locator(".cm-foldPlaceholder").waitFor();
  for (let step = 0; step < 5; step++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Home");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("Shift+End");
  const was = await place(page);
  await drawer(page).getByRole("button", { name: "Format" }).click();
  const formatted = await text(page);
  assert.match(formatted, /^metadata:\n {2}name: map-30\ndata:\n- not\n- in: \{order: 1, and: 2\}$/m);
  const is = await place(page);
  const { scrolled: _, ...same } = was;
  const { scrolled: __, ...now } = is;
  assert.deepEqual(now, same);
  assert.ok(is.scrolled > 200, `it is scrolled by ${is.scrolled}`);
  assert.equal(await content(page).locator(".cm-foldPlaceholder").count(), 1, "what was folded is folded");
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), before);
  assert.deepEqual(await place(page), was);
  await page.keyboard.press("Control+y");
  assert.equal(await text(page), formatted);
});

// Texts without end: refused the same way however they come, and the page lives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content, DEPLOYMENT, drawer, openEditor, paste, text } from "./editor.mjs";

test("what is too large for a file is too large to be pasted; nothing is lost by it", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await paste(page, "a: b\n".repeat(800_000));
  await drawer(page).getByText("What was pasted has 3.8 MB. Up to 3 MB can be opened.").waitFor();
  assert.equal(await text(page), DEPLOYMENT);
  // Many lines are no more trouble than their bytes.
  await paste(page, "# one line of many\n".repeat(100_000));
  await content(page).getByText("# one line of many").first().waitFor();
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), DEPLOYMENT);
});

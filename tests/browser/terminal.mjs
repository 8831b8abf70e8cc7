// The terminal, as the tests that type in it open and read it.

import assert from "node:assert/strict";
import { openPage, startServer } from "./harness.mjs";

export async function openTerminal(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".node[data-state=ready]").nth(2).waitFor();
  await page.getByRole("button", { name: /^(Terminal|ターミナル)$/ }).click();
  await says(page, /\$ $/);
  return page;
}

/** The rows that are on the screen. */
export const rows = (page) => page.evaluate(() =>
  Array.from(document.querySelector(".terminal-host")?.shadowRoot?.querySelectorAll(".xterm-rows > div") ?? [],
    (row) => row.textContent.replaceAll("\u00a0", " ").trimEnd()).join("\n").trimEnd() + " ");

/** Waits until `pattern` is on the screen. */
export async function says(page, pattern) {
  const end = Date.now() + 15_000;
  for (;;) {
    const text = await rows(page);
    if (pattern.test(text)) return text;
    assert.ok(Date.now() < end, `${pattern} is not in\n${text}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

export async function enter(page, line, pattern) {
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
  return says(page, pattern);
}

/** As a terminal gets what is pasted. */
export const paste = (page, text) => page.evaluate((pasted) => {
  const area = document.querySelector(".terminal-host").shadowRoot.querySelector("textarea");
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", pasted);
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}, text);

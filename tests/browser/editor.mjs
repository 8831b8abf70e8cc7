// The YAML panel, as the tests that work in it open and use it.

import { openPage, startServer } from "./harness.mjs";
import { paste as pasteInto } from "./paste.mjs";

export async function openEditor(t, options) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  // What accompanies the page (desk.js) comes a moment after it.
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  await page.getByRole("button", { name: "YAML" }).click();
  await content(page).waitFor();
  return page;
}

export const drawer = (page) => page.locator("#drawer");
export const content = (page) => drawer(page).locator(".cm-content").first();
export const text = (page) => content(page).evaluate((element) => element.cmTile?.view?.state.doc.toString()
  ?? element.cmView.view.state.doc.toString());

/** Puts `text` in place of what is there. */
export const paste = (page, text) => pasteInto(content(page), text);

/** Resolves once this browser keeps the page's files, one with `words` among them. (`waitForFunction` waits for no promise.) */
export async function isKept(page, words) {
  const end = Date.now() + 30_000;
  while (!(await page.evaluate(keeps, words))) {
    if (Date.now() > end) throw new Error(`no file with ${JSON.stringify(words)} is kept`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

const keeps = (words) => new Promise((resolve) => {
  const opened = indexedDB.open("kubarium");
  opened.onsuccess = () => {
    const { result } = opened;
    const end = (found) => {
      result.close();
      resolve(found);
    };
    if (!result.objectStoreNames.length) return end(false);
    const asked = result.transaction("playgrounds").objectStore("playgrounds").get(" files");
    asked.onsuccess = () => end(Boolean(asked.result?.files.some(({ text }) => text.includes(words))));
  };
});

/** What the worker was asked so far is answered, and the page has heard it. */
export const answered = (page) => page.evaluate(() => new Promise((resolve) => {
  const { engine } = window.kubarium;
  engine.addEventListener("message", function hear({ data }) {
    if (!Array.isArray(data) || JSON.parse(data[0]).scenario?.id !== 7) return;
    engine.removeEventListener("message", hear);
    setTimeout(resolve);
  });
  engine.postMessage([JSON.stringify({ id: 7, scenario: true })]);
}));

/** Asks for what may stand after `text`. */
export async function after(page, text) {
  await paste(page, text);
  await page.keyboard.press("Control+Space");
}

export const option = (page, label) => page.locator(".cm-tooltip-autocomplete li", { has: page.locator(".cm-completionLabel", { hasText: new RegExp(`^${label}$`) }) });

export const DEPLOYMENT = `# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
      - name: shop
        image: nginx   # pinned later
`;

/** Drops a file on the editor. */
export const drop = (page, name, bytes) => drawer(page).locator(".host").evaluate((element, { name, bytes }) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([typeof bytes === "number" ? "x".repeat(bytes) : typeof bytes === "string" ? bytes : new Uint8Array(bytes)], name));
  for (const kind of ["dragover", "drop"]) element.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}, { name, bytes });

// How long a person who types waits for the editor's word: from the key to the marks of a fault on the screen and back, in a file
// of 2,000 lines, in headless Chromium. `node tests/benches/typing.mjs [rounds] [url]`, as stage.mjs.

import { chromium } from "playwright-core";
import { serve } from "./cluster.mjs";
import { quantile } from "./svg.mjs";
import { paste } from "../browser/paste.mjs";

const rounds = Number(process.argv[2] ?? 30);
const LINES = 2_000;
const GATE_MS = 50;

const deployment = (number) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-${number}
  labels: {app: web-${number}}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web-${number}}
  template:
    metadata:
      labels: {app: web-${number}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
        resources:
          requests: {cpu: 100m, memory: 64Mi}
---
`;
const each = deployment(0).split("\n").length - 1;
const many = Array.from({ length: Math.ceil(LINES / each) }, (_, number) => deployment(number));
const item = (text) => text.replace("---\n", "").replace(/^/gm, "  ").replace(/^ {2}/, "- ").replace(/ +$/, "");
/** The same as documents, with anchors that are none (`&&`), and as one List; all end with the word that is typed at. */
const FILES = {
  documents: many.join(""),
  "documents with &&": many.join("").replace("        ports:", "        command: [sh, -c, 'a && b']\n        ports:"),
  "one List": `apiVersion: v1\nkind: List\nitems:\n${many.map(item).join("")}---\n`,
};

/** In the page: how long until there are marks, or none, from the key on; the display's next picture counts in. */
function answers(content) {
  window.answer = (wanted) => new Promise((resolve) => {
    content.addEventListener("keydown", ({ timeStamp }) => {
      const look = () => {
        if (Boolean(content.querySelector(".cm-lintRange-error")) !== wanted) return;
        watcher.disconnect();
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now() - timeStamp);
          port2.postMessage(0);
        });
      };
      const watcher = new MutationObserver(look);
      watcher.observe(content, { subtree: true, childList: true, attributes: true });
    }, { once: true, capture: true });
  });
}

const server = await serve(process.argv[3]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(server.url);
await page.locator(".pod.serving").nth(2).waitFor();
await page.waitForFunction(() => window.kubarium.dressed);
await page.locator(".tabs .tab").first().click();
const content = page.locator("#drawer .cm-content").first();
await content.evaluate(answers);

/** How long a key that makes a fault takes in a file, and the key that mends it. */
async function type(file) {
  await paste(content, "");
  await page.locator("#drawer .state > *").waitFor({ state: "detached" });
  await paste(content, file);
  // Into the word `image` of the last document.
  await page.keyboard.press("Control+End");
  for (let up = 0; up < 6; up++) await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  for (let right = 0; right < 4; right++) await page.keyboard.press("ArrowRight");
  // The whole was rehearsed: nothing is under way when the first key comes.
  await page.locator("#drawer .state .good").waitFor();
  const found = { "a key that makes a fault": [], "a key that mends it": [] };
  const [faults, mends] = Object.values(found);
  for (let round = 0; round < rounds; round++) {
    for (const [key, wanted, answers] of [["x", true, faults], ["Backspace", false, mends]]) {
      await page.evaluate((wanted) => void (window.told = window.answer(wanted)), wanted);
      await page.keyboard.press(key);
      answers.push(await page.evaluate(() => window.told));
      // The pace of one who types, never in step with the display.
      await page.waitForTimeout(150 + 20 * (round % 7));
    }
  }
  return found;
}

const cell = (value) => `${value.toFixed(0)} ms`.padStart(8);
console.log(`a file of ${LINES.toLocaleString("en")} lines`.padEnd(46) + "  median     p95   worst   from the key to the picture");
for (const [name, file] of Object.entries(FILES)) {
  for (const [what, answers] of Object.entries(await type(file))) {
    const late = quantile(answers, 0.95);
    console.log(`${name}: ${what}`.padEnd(46) + `${cell(quantile(answers, 0.5))}${cell(late)}${late > GATE_MS ? "!" : ""}${cell(Math.max(...answers))}`);
  }
}
await browser.close();
await server.stop();

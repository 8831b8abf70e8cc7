// How long a person waits for an answer, for each thing that a person does: from the event to the next paint, with time passing
// and pods coming up, in headless Chromium. Of the longest the parts are told: until the handlers began, the handlers, and until
// it was painted. `node tests/benches/answers.mjs [rounds] [url]`, as stage.mjs. `NODES=3,100` chooses the clusters.

import { chromium } from "playwright-core";
import { scenario, serve } from "./cluster.mjs";
import { quantile } from "./svg.mjs";

const rounds = Number(process.argv[2] ?? 12);
const SCENES = [[3, 10], [100, 1_000], [1_000, 10_000], [5_000, 150_000]];
const wanted = (process.env.NODES ?? "3,100,1000").split(",").map(Number);
/** The longest answer that a person may wait for, in milliseconds. */
const GATE_MS = 50;
/** Answers that take less are not told by the browser. */
const LEAST_MS = 16;

const tab = (index) => ({ page }) => page.locator(".tabs .tab").nth(index).click();
const key = (name) => ({ page }) => page.keyboard.press(name);
/** What is done in each round, in this order. */
const DEEDS = {
  "click a thing": async ({ page, round }) => {
    const thing = page.locator(".stage .pod, .stage canvas").first();
    await thing.click({ position: { x: 8 + (round % 5), y: 9 } });
  },
  "close the panel": key("Escape"),
  "open the timeline": tab(2),
  "open the inspector": tab(3),
  "open the faults": tab(4),
  "open the tree": tab(5),
  "close it": key("Escape"),
  "look back (←)": key("ArrowLeft"),
  "to the present (n)": key("n"),
  "pause (space)": key("Space"),
  "go on (space)": key("Space"),
  "open Share": ({ page }) => page.locator(".tools .menu > button").first().click(),
  "close Share": key("Escape"),
};

const server = await serve(process.argv[3]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
for (const [nodes, pods] of SCENES.filter(([nodes]) => wanted.includes(nodes))) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.evaluate(([text, least]) => {
    const post = (message) => window.kubarium.engine.postMessage(JSON.stringify(message));
    post({ open: { scenario: text } });
    post({ pace: { speed: { milli: 20_000 } } });
    window.answers = [];
    new PerformanceObserver((list) => {
      for (const { interactionId, name, duration, startTime, processingStart, processingEnd } of list.getEntries()) {
        if (interactionId) window.answers.push({ interactionId, name, duration, before: processingStart - startTime, handlers: processingEnd - processingStart });
      }
    }).observe({ type: "event", durationThreshold: least, buffered: false });
  }, [scenario(nodes, pods), LEAST_MS]);
  await page.locator(nodes > 24 ? ".map-counts" : `.node[data-place="node/node-${nodes - 1}"]`).waitFor({ timeout: 120_000 });
  const found = Object.fromEntries(Object.keys(DEEDS).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, act] of Object.entries(DEEDS)) {
      await act({ page, round }).catch(({ message }) => console.error(`${name}: ${message.split("\n")[0]}`));
      // The browser tells of an answer after it was painted.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)))));
      const said = await page.evaluate(() => window.answers.splice(0));
      const longest = said.reduce((one, other) => (other.duration > one.duration ? other : one), { duration: LEAST_MS });
      found[name].push(longest);
    }
  }
  await page.close();
  console.log(`\n${nodes} nodes, ${pods} pods`.padEnd(27) + "median    p95  worst   of it: before  handlers   after");
  for (const [name, answers] of Object.entries(found)) {
    const lengths = answers.map(({ duration }) => duration);
    const worst = answers.reduce((one, other) => (other.duration > one.duration ? other : one));
    const cell = (value, width) => (value === undefined ? "" : value.toFixed(0)).padStart(width);
    const late = quantile(lengths, 0.95);
    const parts = worst.handlers === undefined ? "" : cell(worst.before, 15) + cell(worst.handlers, 10) + cell(worst.duration - worst.before - worst.handlers, 8);
    console.log(`${name.padEnd(24)} ${cell(quantile(lengths, 0.5), 7)} ${cell(late, 6)}${late > GATE_MS ? "!" : " "}${cell(worst.duration, 6)} ${parts}`);
  }
  const all = Object.values(found).flat().map(({ duration }) => duration);
  console.log(`${"all".padEnd(24)} ${quantile(all, 0.5).toFixed(0).padStart(7)} ${quantile(all, 0.95).toFixed(0).padStart(6)}  INP ${[...all].sort((a, b) => b - a)[Math.floor(all.length / 50)].toFixed(0)}`);
}
await browser.close();
await server.stop();

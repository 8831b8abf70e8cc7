// Frame times and the longest answer to a person in headless Chromium, with the page and the real worker: time passes at 20×,
// pods come up, what moves is drawn, and something is clicked, typed and dragged all the while. Beside it a plain SVG drawing
// of as many things. `node tests/benches/stage.mjs [seconds] [url]`: with a URL, the page that a server gives there; else that
// of `target/release/kubarium`. `LARGE=1` adds 5,000 nodes with 150,000 pods.

import { chromium } from "playwright-core";
import { scenario, serve } from "./cluster.mjs";
import { drawSvg, quantile } from "./svg.mjs";

const seconds = Number(process.argv[2] ?? 6);
const SCENES = [[3, 10], [100, 1_000], [1_000, 10_000], ...(process.env.LARGE ? [[5_000, 150_000]] : [])];
/** The longest answer that a person may wait for, in milliseconds. */
const GATE_INP_MS = 50;

/** In the page: the lengths of frames for so long, and how long the page took to answer a person. */
function watch(length) {
  return new Promise((resolve) => {
    const frames = [];
    const begun = performance.now();
    let last = begun;
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (now - begun > length) resolve(frames.slice(2));
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
}

/** What a person does meanwhile. */
async function act(page, until) {
  let round = 0;
  while (Date.now() < until) {
    round++;
    const thing = page.locator(".stage .pod, .stage canvas").first();
    await thing.click({ timeout: 2000, position: { x: 8 + (round % 5), y: 9 } }).catch(() => {});
    await page.locator(".tabs .tab").nth(2 + (round % 3)).click({ timeout: 2000 }).catch(() => {});
    for (const key of ["Escape", "ArrowLeft", "n"]) await page.keyboard.press(key);
    await page.locator(".time select").selectOption("20000", { timeout: 2000 }).catch(() => {});
  }
}

const server = await serve(process.argv[3]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
console.log("nodes    pods  there  page median    p95   INP   SVG median    p95   SVG / page");
for (const [nodes, pods] of SCENES) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(server.url);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.evaluate((text) => {
    const post = (message) => window.kubarium.engine.postMessage(JSON.stringify(message));
    post({ open: { scenario: text } });
    post({ pace: { speed: { milli: 20_000 } } });
    window.slow = [];
    new PerformanceObserver((list) => window.slow.push(...list.getEntries().filter(({ interactionId }) => interactionId).map(({ duration }) => duration)))
      .observe({ type: "event", durationThreshold: 16, buffered: false });
  }, scenario(nodes, pods));
  await page.locator(nodes > 24 ? ".map-counts" : `.node[data-place="node/node-${nodes - 1}"]`).waitFor({ timeout: 120_000 });
  const [frames] = await Promise.all([page.evaluate(watch, seconds * 1000), act(page, Date.now() + seconds * 1000)]);
  const [slow, there] = await page.evaluate(() => [window.slow, document.querySelector(".map-counts")?.textContent.match(/([\d,.]+) pods/)?.[1] ?? String(document.querySelectorAll(".pod").length)]);
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/stage-${nodes}.png` });
  await page.close();
  const plain = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await plain.evaluate(drawSvg, [nodes, pods]);
  const svg = await plain.evaluate((length) => new Promise((resolve) => {
    const group = document.querySelector("svg g");
    const frames = [];
    const begun = performance.now();
    let [last, round] = [begun, 0];
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      group.setAttribute("transform", `translate(${Math.sin(round++ / 20) * 50} 0)`);
      if (now - begun > length) resolve(frames.slice(2));
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }), Math.max(2000, (seconds * 1000) / 2));
  await plain.close();
  // INP: the longest but one in fifty of what was answered; what took less than 16 ms is not told.
  const inp = slow.length ? [...slow].sort((a, b) => b - a)[Math.floor(slow.length / 50)] : 16;
  const cell = (value, width) => value.toFixed(1).padStart(width);
  const [median, late, svgMedian, svgLate] = [quantile(frames, 0.5), quantile(frames, 0.95), quantile(svg, 0.5), quantile(svg, 0.95)];
  console.log(`${String(nodes).padStart(5)} ${String(pods).padStart(7)} ${there.padStart(6)} ${cell(median, 8)} ms ${cell(late, 6)} ${cell(inp, 5)}${inp > GATE_INP_MS ? "!" : " "} ${cell(svgMedian, 8)} ms ${cell(svgLate, 6)} ${cell(svgMedian / median, 10)}`);
}
await browser.close();
await server.stop();

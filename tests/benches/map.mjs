// Frame times of the map in headless Chromium, with everything moving: panned and zoomed in every frame while pods
// change their state. Beside it the same scene as plain SVG. `node tests/benches/map.mjs [seconds]`

import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { drawSvg, quantile } from "./svg.mjs";

const seconds = Number(process.argv[2] ?? 3);
const SCENES = [[3, 10], [100, 1_000], [1_000, 10_000], [5_000, 150_000]];

const file = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const { outputFiles: [{ text: source }] } = await build({
  stdin: {
    contents: `import { create } from "./map.js"; import { createLayout, createModel, hit } from "./map/model.js"; window.map = { create, createLayout, createModel, hit };`,
    resolveDir: new URL("../../frontend/js", import.meta.url).pathname,
  },
  bundle: true, format: "esm", write: false, loader: { ".css": "text" },
});
const styles = (await Promise.all(["tokens", "base", "map"].map((name) => file(`public/styles/${name}.css`)))).join("\n");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
await page.setContent(`<style>${styles}</style><div id="map" class="map" style="height:520px;display:flex"></div>`);
await page.addScriptTag({ type: "module", content: source });
await page.waitForFunction(() => window.map);

/** In the page: a worker's stand-in that tells a cluster of this size, and a view on it. */
function begin([nodes, pods]) {
  const listeners = [];
  const say = (data) => listeners.forEach((listener) => listener({ data }));
  const texts = { label: "Map", help: "", find: "Find", notFound: "", in: "in", out: "out", all: "all", cpu: "CPU", memory: "Mem", node: "%name", counts: "%nodes %pods", states: ["", "", "", "", "", ""], zone: "zone %name", noZone: "", menu: "%name" };
  const engine = { addEventListener: (_, listener) => listeners.push(listener), removeEventListener() {}, postMessage() {} };
  window.inspected = 0;
  window.view?.destroy();
  window.view = window.map.create(document.getElementById("map"), { engine, texts, onInspect: () => (window.inspected = performance.now()), onMenu() {} });
  say(JSON.stringify({ mapNames: { zones: ["a", "b", "c"], nodes: Array.from({ length: nodes }, (_, node) => [`node-${node}`, node % 3]) } }));
  const words = [1, nodes, pods, 0];
  for (let node = 0; node < nodes; node++) words.push(node, (node % 97 ? 0 : 3) | (40 << 8) | (30 << 16), 110);
  for (let pod = 0; pod < pods; pod++) words.push(pod % nodes, Math.floor(pod / nodes) | ((pod % 53 ? 3 : 5) << 16));
  say(Uint32Array.from(words));
  window.change = (round) => {
    const some = Math.min(pods, 200);
    const words = [0, 0, some, 0];
    for (let index = 0; index < some; index++) {
      const pod = (index * 7919 + round * 104729) % pods;
      words.push(pod % nodes, Math.floor(pod / nodes) | ((round % 2 ? 1 : 3) << 16));
    }
    say(Uint32Array.from(words));
  };
}

/** In the page: draws for so long, moving by `move(round)` each frame; the lengths of the frames, in milliseconds. */
function watch([length, svg]) {
  return new Promise((resolve) => {
    const canvas = document.querySelector("canvas");
    const group = document.querySelector("svg g");
    const frames = [];
    const begun = performance.now();
    let last = begun;
    let round = 0;
    const tick = (now) => {
      if (round > 1) frames.push(now - last);
      last = now;
      round++;
      if (now - begun > length) return resolve(frames);
      if (svg) group.setAttribute("transform", `translate(${Math.sin(round / 20) * 50} 0) scale(${1 + 0.3 * Math.sin(round / 30)})`);
      else {
        window.change(round);
        // From all of it to a few nodes and back, again and again.
        if (round % 90 === 0) canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
        const wheel = { deltaY: round % 90 < 45 ? 0 : -40, clientX: 400 + (round % 200), clientY: 300, cancelable: true };
        canvas.dispatchEvent(new WheelEvent("wheel", wheel));
        const key = round % 2 ? "ArrowRight" : "ArrowLeft";
        if (round % 90 > 80) canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
}

/** In the page: how long from a click on the map until the page has heard of it and drawn. */
async function click() {
  const canvas = document.querySelector("canvas");
  const rect = canvas.getBoundingClientRect();
  const point = { clientX: rect.x + rect.width * 0.31, clientY: rect.y + rect.height * 0.37, pointerId: 1, button: 0, bubbles: true };
  canvas.setPointerCapture = () => {};
  const before = performance.now();
  canvas.dispatchEvent(new PointerEvent("pointerdown", point));
  canvas.dispatchEvent(new PointerEvent("pointerup", point));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - before;
}

console.log("nodes    pods  map median    p95   click   SVG median    p95   SVG / map");
for (const scene of SCENES) {
  await page.evaluate(begin, scene);
  await page.waitForTimeout(200);
  const map = await page.evaluate(watch, [seconds * 1000, false]);
  const clicked = await page.evaluate(click);
  await page.evaluate(drawSvg, scene);
  const svg = await page.evaluate(watch, [seconds * 4000, true]);
  await page.evaluate(() => document.querySelector("svg").remove());
  const [median, slow, svgMedian, svgSlow] = [quantile(map, 0.5), quantile(map, 0.95), quantile(svg, 0.5), quantile(svg, 0.95)];
  const cell = (value, width) => value.toFixed(1).padStart(width);
  console.log(`${String(scene[0]).padStart(5)} ${String(scene[1]).padStart(7)} ${cell(median, 8)} ms ${cell(slow, 6)} ${cell(clicked, 7)} ${cell(svgMedian, 9)} ms ${cell(svgSlow, 6)} ${cell(svgMedian / median, 9)}`);
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/map-${scene[0]}.png` });
}
await browser.close();

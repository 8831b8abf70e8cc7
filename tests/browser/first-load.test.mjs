// The page's program comes in two parts: the first one alone shows a living cluster to everybody, and what people do before the
// other is there happens when it is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, startServer } from "./harness.mjs";

const LATER = /\/app_later-\w+\.wasm$/;

/** Keeps the later part back: `[prepare, asked, release]`. */
function keepBack() {
  let heard;
  let release;
  const asked = new Promise((resolve) => (heard = resolve));
  const released = new Promise((resolve) => (release = resolve));
  const prepare = (page) => page.route(LATER, async (route) => {
    heard();
    await released;
    await route.continue();
  });
  return [prepare, asked, release];
}

const VISITS = {
  "in English": {},
  "in Japanese, at night": { locale: "ja-JP", colorScheme: "dark" },
  "on a phone": { viewport: { width: 390, height: 800 }, hasTouch: true },
  "without movement": { reducedMotion: "reduce" },
};
for (const [who, options] of Object.entries(VISITS)) {
  test(`the first part alone shows a living cluster ${who}, and keeps what is pressed`, async (t) => {
    const server = await startServer(t);
    const [prepare, asked, release] = keepBack();
    const page = await openPage(t, server.url, { prepare, ...options });
    await asked;
    await page.locator("#frame").waitFor({ state: "detached" });
    const switches = page.locator("[data-place='node/node-1'] .power");
    await switches.click();
    await page.keyboard.press("p");
    // Life goes on: visitors come, the pointer shows what belongs together.
    const clock = page.locator(".clock b");
    const then = await clock.textContent();
    await page.waitForFunction(([was]) => document.querySelector(".clock b").textContent > was, [then]);
    for (const pod of await page.locator(".pod").all()) await pod.hover();
    await page.setViewportSize({ width: 700, height: 900 });
    await page.locator(".dot:not([hidden])").first().waitFor({ state: "attached" });
    assert.equal(await switches.getAttribute("aria-checked"), "true");
    release();
    await page.locator("[data-place='node/node-1'] .power[aria-checked=false]").waitFor();
  });
}

test("who looks back before the page has taken the frame's place sees the page all the same", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url, {
    prepare: async (page) => {
      // The worker is quicker than the page, so that its answers come while the page is being made.
      await (await page.context().newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: 6 });
      await page.addInitScript(() => {
        const moments = [20_000, 25_000, 15_000];
        window.Worker = class extends Worker {
          constructor(...given) {
            super(...given);
            this.addEventListener("message", ({ data }) => {
              if (typeof data !== "string" || !data.startsWith('{"frame":{"reset":true') || !moments.length) return;
              this.postMessage([JSON.stringify({ look: moments.pop() })]);
            });
          }
        };
      });
    },
  });
  await page.locator("#frame").waitFor({ state: "detached" });
  await page.locator(".rewind.back").waitFor();
});

test("who comes by a link waits for the whole program, once", async (t) => {
  const server = await startServer(t);
  const asked = [];
  const page = await openPage(t, `${server.url}/#nothing`, {
    prepare: (page) => page.on("request", (request) => {
      if (LATER.test(request.url())) asked.push(request.resourceType());
    }),
  });
  await page.locator(".notice").waitFor();
  assert.deepEqual(asked, ["fetch"]);
});

test("a later part that did not arrive is asked for again when it is needed", async (t) => {
  const server = await startServer(t);
  let refused = 0;
  const page = await openPage(t, server.url, {
    expected: [/app_later/, /Synchronous XMLHttpRequest/],
    prepare: (page) => page.route(LATER, (route) => (refused++ ? route.continue() : route.abort())),
  });
  await page.locator("[data-place='node/node-1'] .power").click();
  await page.locator("[data-place='node/node-1'] .power[aria-checked=false]").waitFor();
  assert.equal(refused, 2);
});

test("the cluster that comes with the engine is the one that the engine makes", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  const [shipped, made] = await page.evaluate(async () => {
    const [source] = document.documentElement.innerHTML.match(/worker-\w+\.js/);
    const engine = new Worker(source);
    const ask = () => new Promise((resolve) => {
      engine.onmessage = ({ data }) => {
        const { fingerprint } = JSON.parse(data);
        if (fingerprint) resolve(fingerprint);
      };
      for (const request of [{ open: "default" }, { pace: "pause" }, "fingerprint"]) engine.postMessage(JSON.stringify(request));
    });
    const both = [await ask(), await ask()];
    engine.terminate();
    return both;
  });
  assert.deepEqual(shipped, made);
});

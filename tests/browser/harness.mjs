// What every browser test needs: the built program on a free port, Chromium, and the rule that a page says nothing
// on its console that is worth a warning.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { chromium } from "playwright-core";

export const root = new URL("../..", import.meta.url).pathname;
export const program = join(root, "target/release/kubarium");
const results = join(root, "tests/browser/results");
const READY_MS = 20_000;
const CLOSED_MS = 15_000;
/** So long a page may take to keep a promise. */
const KEPT_MS = 120_000;

/**
 * Starts the server on a free port, or again on `previous`'s port and data. Resolves when it answers.
 * `stop(signal)` resolves when it is gone; after the test it is stopped, and its data removed.
 */
export async function startServer(t, previous) {
  const data = previous?.data ?? (await mkdtemp(join(tmpdir(), "kubarium-")));
  const listen = previous ? new URL(previous.url).host : "127.0.0.1:0";
  const child = spawn(program, ["serve", "--listen", listen, "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (text) => (complaints += text));
  const gone = new Promise((resolve) => child.once("close", resolve));
  const stop = (signal = "SIGTERM") => {
    child.kill(signal);
    return gone;
  };
  t.after(async () => {
    // What a page is still loading would fail without its server.
    for (const context of browser?.contexts() ?? []) await close(context);
    await stop();
    if (!previous) await rm(data, { recursive: true, force: true });
  });
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer in ${READY_MS} ms\n${complaints}`)), READY_MS);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/http:\/\/\S+/);
      if (found) resolve(found[0]);
    });
    child.once("error", reject);
    gone.then((code) => reject(new Error(`the server ended with ${code}\n${complaints}`)));
    gone.then(() => clearTimeout(late));
  });
  return { url, data, stop };
}

let browser;
after(() => browser && close(browser));

/** Browsers do not always say that they closed something; no test waits for ever for that. */
const close = (what) => Promise.race([what.close(), new Promise((done) => setTimeout(done, CLOSED_MS).unref())]);

/**
 * Opens `url` in a browser context of its own (`options` are Playwright's: locale, viewport, colorScheme …); before that,
 * `prepare` is given the page.
 * Anything on the console from "warning" up, an uncaught error and a failed request make the test fail at its end,
 * unless one of `expected` (regular expressions) matches.
 */
export async function openPage(t, url, { expected = [], prepare, ...options } = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run",
      "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...options });
  const page = await context.newPage();
  // Playwright waits for ever for what a page promises and does not keep: the test ends, and tells where.
  const evaluate = page.evaluate.bind(page);
  page.evaluate = (what, ...given) => within(KEPT_MS, evaluate(what, ...given), String(what).slice(0, 200));
  const complaints = [];
  const complain = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  page.on("console", (message) => {
    const { url, lineNumber } = message.location();
    if (["warning", "error", "assert"].includes(message.type())) complain(`console: ${message.text()} (${url}:${lineNumber})`);
  });
  page.on("pageerror", (error) => complain(`uncaught: ${error.stack ?? error}`));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    // Whoever leaves early breaks off what is still on its way.
    if (why !== "net::ERR_ABORTED") complain(`request: ${request.url()} ${why}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complain(`response: ${response.status()} ${response.url()}`);
  });
  t.after(async () => {
    await close(context);
    assert.deepEqual(complaints, [], "the page complained");
  });
  await prepare?.(page);
  await page.goto(url);
  return page;
}

/** What `promise` resolves to, unless that takes longer than `ms`. */
export function within(ms, promise, what) {
  let late;
  const over = new Promise((_, reject) => (late = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms)));
  return Promise.race([promise, over]).finally(() => clearTimeout(late));
}

/** A page with its cluster alive, and all that comes later with it; with `scenario`, that one in its place. */
export async function openCluster(t, { scenario, ...options } = {}) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, options);
  await page.locator(".pod.serving").nth(2).waitFor();
  await page.locator(".words-open").waitFor();
  if (scenario) await openScenario(page, scenario);
  return page;
}

/** Asks the page's engine for something, as the page does. */
export const ask = (page, request) => page.evaluate((text) => window.kubarium.engine.postMessage(text), JSON.stringify(request));
export const openScenario = (page, scenario) => ask(page, { open: { scenario } });

/** Time goes fast from now on: for what is waited for and not looked at. */
export const hurry = (page) => page.locator(".time select").selectOption("20000");

/** Keeps a picture of the page in tests/browser/results/NAME.png. */
export async function screenshot(page, name) {
  await mkdir(results, { recursive: true });
  await page.screenshot({ path: join(results, `${name}.png`) });
}

/**
 * What tells the cluster that `opening` leads to from all others, by a worker of its own whose time stands still: the
 * moment and the hash of its state.
 */
export function askWorker(page, opening) {
  return page.evaluate(async (opening) => {
    const [source] = document.documentElement.innerHTML.match(/worker(-\w+)?\.js/);
    const engine = new Worker(source);
    const answer = await new Promise((resolve, reject) => {
      engine.onerror = ({ message }) => reject(new Error(message));
      engine.onmessage = ({ data }) => {
        const reply = JSON.parse(data);
        if (reply.fingerprint) resolve(reply.fingerprint);
        if (reply.badLink) reject(new Error(reply.badLink.reason));
      };
      for (const request of [opening, { pace: "pause" }, "fingerprint"]) engine.postMessage(JSON.stringify(request));
    });
    engine.terminate();
    return answer;
  }, opening);
}

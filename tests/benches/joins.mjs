// How long it takes to join a live session after so many commands: from opening the link to the first picture and to the
// present, in headless Chromium. `node tests/benches/joins.mjs [commands…]`.

import { chromium } from "playwright-core";
import { scenario, serve } from "./cluster.mjs";
import { quantile } from "./svg.mjs";

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1_000, 10_000];
const ROUNDS = 5;
/** A command that changes something each time, and leaves the cluster as small as it was. */
const command = (number) => `annotate deployment web --overwrite round=${number}`;
/** So many go over one connection: the server takes no more at once, and hangs up on who does not keep up with the answers. */
const A_CONNECTION = 100;

const server = await serve(undefined, ["--commands-per-second", "100000"]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** Sends commands over a connection of its own, in the page. */
const send = ({ id, hello, commands }) => new Promise((done, failed) => {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/sessions/${id}/ws`);
  let left = commands.length;
  socket.onopen = () => [{ hello }, ...commands].forEach((message) => socket.send(JSON.stringify(message)));
  socket.onclose = ({ reason }) => failed(new Error(`the server hangs up: ${reason}`));
  socket.onmessage = ({ data }) => {
    const { accepted, refused } = JSON.parse(data);
    if (refused) failed(new Error(refused.why));
    if (accepted && --left === 0) done(socket.close());
  };
});

/** A session with so many commands in its log. */
async function session(count) {
  const made = await (await fetch(`${server.url}/api/v1/sessions`, { method: "POST", body: scenario(3, 10) })).json();
  const { engine } = await (await fetch(`${server.url}/api/v1/sessions/${made.id}`)).json();
  const page = await browser.newPage();
  await page.goto(`${server.url}/healthz`);
  const token = made.links.owner.split(".").at(-1);
  for (let from = 0; from < count; from += A_CONNECTION) {
    const commands = Array.from({ length: Math.min(A_CONNECTION, count - from) }, (_, id) => ({ submit: { id, action: { kubectl: command(from + id) } } }));
    await page.evaluate(send, { id: made.id, hello: { token, engine: engine.now, after: from }, commands });
  }
  await page.close();
  const { commands } = await (await fetch(`${server.url}/api/v1/sessions/${made.id}`)).json();
  if (commands !== count) throw new Error(`the log has ${commands} commands instead of ${count}`);
  return made.links.owner;
}

for (const count of counts) {
  const link = await session(count);
  const found = [];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await browser.newPage();
    const began = performance.now();
    await page.goto(link, { waitUntil: "commit" });
    await page.locator(".pod").first().waitFor();
    const seen = performance.now() - began;
    await page.waitForFunction(() => /joined|synced/.test(document.querySelector(".live")?.dataset.state), undefined, { polling: "raf" });
    found.push([seen, performance.now() - began]);
    await page.close();
  }
  const middle = (which) => `${quantile(found.map((times) => times[which]), 0.5).toFixed(0).padStart(6)} ms`;
  console.log(`${String(count).padStart(6)} commands: first picture after ${middle(0)}, at the present after ${middle(1)} (medians of ${ROUNDS})`);
}
await browser.close();
await server.stop();

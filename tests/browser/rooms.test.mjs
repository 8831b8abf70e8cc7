// A whole workshop, by clicks: an instructor and learners, each with a browser of their own.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

const LONG_MS = 60_000;
const wait = (locator) => locator.waitFor({ timeout: LONG_MS });

/** Opens a room as an instructor does; its code is on the desk. */
async function teach(t, server, options) {
  const page = await openPage(t, server.url, options);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Teach a workshop" }).click();
  const sheet = page.getByRole("dialog", { name: "Teach a workshop" });
  await sheet.getByLabel("Everybody begins with").selectOption("first-cluster");
  await sheet.getByLabel("Name of the workshop").fill("Monday <b>");
  await sheet.getByRole("button", { name: "Open the room" }).click();
  const desk = page.getByRole("region", { name: "Instructor's desk" });
  await wait(desk.getByText("Nobody is here yet"));
  const code = await desk.locator(".room-code").textContent();
  return { page, desk, code };
}

async function join(t, server, code, name, options) {
  const page = await openPage(t, `${server.url}/#room=${code.toLowerCase()}`, options);
  const sheet = page.getByRole("dialog", { name: "Join a workshop" });
  await sheet.getByLabel("Your name").fill(name);
  await sheet.getByRole("button", { name: "Come in" }).click();
  const strip = page.getByRole("region", { name: "Workshop" });
  await wait(strip.getByRole("button", { name: "Raise hand" }));
  return { page, strip, sheet };
}

async function kubectl(page, ...lines) {
  await page.getByRole("button", { name: "Terminal" }).click();
  await wait(page.locator(".xterm-screen"));
  for (const line of lines) await page.keyboard.type(`kubectl ${line}\n`);
}

test("a workshop from its opening to its end", async (t) => {
  const server = await startServer(t);
  const { page: teacher, desk, code } = await teach(t, server);
  assert.match(code, /^[A-Z]{6}$/);
  assert.equal(new URL(teacher.url()).hash, `#room=${code}`, "no token stays in the address");
  await wait(desk.getByRole("heading", { name: "Monday <b>" }));

  const ana = await join(t, server, code, "Ana");
  const bo = await join(t, server, code, "ana");
  await wait(bo.strip.getByText("ana 2"));
  const card = (name) => desk.getByRole("listitem").filter({ has: teacher.getByRole("checkbox", { name: `Select ${name}`, exact: true }) });
  await wait(card("Ana"));
  await wait(card("ana 2"));
  await wait(card("Ana").locator(".room-node").nth(2));

  // What a learner reaches, both see.
  await kubectl(ana.page, "create deployment todo-api --image=todo-api:v1.0");
  await wait(ana.strip.locator("li[data-met]").first());
  await wait(card("Ana").locator(".room-marks [data-met]").first());

  await ana.strip.getByRole("button", { name: "Raise hand" }).click();
  await wait(desk.getByText("Hands up: 1").first());
  await screenshot(teacher, "desk");
  await screenshot(ana.page, "seat");

  // Help, with consent.
  await card("Ana").getByText("More").click();
  await card("Ana").getByRole("button", { name: "Ask to come in" }).click();
  await ana.strip.getByRole("button", { name: "Let them in" }).click();
  await wait(ana.strip.getByText("can act in it"));
  await wait(teacher.locator(".pod[data-shape=ready]").first());
  // Who came to help is seen pointing.
  await teacher.locator(".node[data-place='node/node-1']").hover();
  await wait(ana.page.locator(".together-pointer"));
  await teacher.getByRole("button", { name: "Leave: Ana" }).click();
  await ana.strip.getByText("can act in it").waitFor({ state: "detached" });

  // Words, a question, a fault for one, and the instructor's screen.
  await desk.getByLabel("Note to the room").fill("Look at <i>node-1</i>");
  await desk.getByRole("button", { name: "Send", exact: true }).click();
  for (const { strip } of [ana, bo]) await wait(strip.getByText("Look at <i>node-1</i>"));
  await desk.getByRole("button", { name: "Ask", exact: true }).click();
  await ana.strip.getByRole("button", { name: "node-1" }).click();
  await wait(desk.locator(".room-tally li").filter({ hasText: "node-1" }).getByText("1", { exact: true }));
  await card("ana 2").getByRole("checkbox").check();
  await desk.getByLabel("Break something").selectOption("node/node-1 PowerOff");
  await desk.getByRole("button", { name: "Break it" }).click();
  await wait(bo.page.locator(".node[data-place='node/node-1'] [role=switch][aria-checked=false]"));
  await wait(card("ana 2").locator("[data-node=o]"));
  assert.equal(await ana.page.locator(".node[data-place='node/node-1'] [role=switch][aria-checked=true]").count(), 1);
  await card("ana 2").getByRole("checkbox").uncheck();
  await desk.getByRole("button", { name: "Look at my screen" }).click();
  await wait(ana.strip.getByText("showing something"));
  await desk.getByRole("button", { name: "Back to their own" }).click();
  await wait(ana.page.locator(".pod").first());

  // A crash costs nobody their work.
  await ana.page.goto("about:blank");
  await wait(card("Ana").getByText("not connected"));
  await ana.page.goto(`${server.url}/#room=${code}`);
  await wait(ana.page.locator(".pod[data-shape=ready]").first());

  const csv = teacher.waitForEvent("download");
  await desk.getByRole("button", { name: "As a table (CSV)" }).click();
  assert.match(await readFile(await (await csv).path(), "utf8"), /1,Ana,.*,1,\d+,/);

  await desk.getByRole("button", { name: "End the workshop" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "End the workshop" }).click();
  await wait(ana.strip.getByText("This workshop has ended"));
  await desk.getByRole("button", { name: "Delete the room" }).click();
  await teacher.getByRole("dialog").getByRole("button", { name: "Delete the room" }).click();
  await teacher.waitForURL((url) => url.hash === "");
});

test("who cannot come in is told why", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, `${server.url}/#room=`, { expected: [/404/] });
  const sheet = page.getByRole("dialog", { name: "Join a workshop" });
  await sheet.getByLabel("Room code").fill("bcd fgh");
  await sheet.getByLabel("Your name").fill("Ana");
  await sheet.getByRole("button", { name: "Come in" }).click();
  await wait(sheet.getByText("There is no room with this code"));
});

test("a rehearsal fills the room, and the projector shows the way in", async (t) => {
  const server = await startServer(t);
  const { page, desk, code } = await teach(t, server, { colorScheme: "dark", viewport: { width: 1920, height: 1080 } });
  await desk.getByRole("button", { name: "Let 30 in" }).click();
  await wait(desk.getByText("30 of 30 here"));
  await screenshot(page, "rehearsal");
  await desk.getByRole("button", { name: "For the projector" }).click();
  const corner = page.getByRole("complementary", { name: "Workshop" });
  await wait(corner.getByText(code));
  assert.ok(await corner.getByRole("img").evaluate((image) => image.complete && image.naturalWidth > 0), "a QR picture");
  await screenshot(page, "projector");
  await corner.getByRole("button", { name: "End the projector view" }).click();
  await desk.getByRole("button", { name: "Send the simulated learners home" }).click();
  await wait(desk.getByText("Nobody is here yet"));
});

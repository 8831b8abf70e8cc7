// Sharing beyond a plain link: a moment, for looking only; and kubectl, connected to what one sees.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";

test("a link opens at a moment, for looking only, until somebody makes it theirs", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Moment, web page, picture" }).click();
  const sheet = page.locator("dialog.share");
  const link = sheet.getByRole("textbox", { name: "Link" });
  await sheet.getByLabel("Opens at").fill("99:00");
  await sheet.getByText("Write minutes and seconds").waitFor();
  await sheet.getByLabel("Opens at").fill("0:20");
  await sheet.getByText("For looking only").click();
  await screenshot(page, "share");
  const address = await link.inputValue();
  assert.match(address, /\/\?at=20&readonly#1\./);
  await sheet.getByRole("tab", { name: "Moving picture" }).click();
  assert.equal(await link.isVisible(), false);
  await sheet.getByRole("button", { name: "Record five seconds" }).click();
  const picture = sheet.getByRole("img", { name: "The cluster, moving" });
  await picture.waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), sheet.getByRole("button", { name: "Download" }).click()]);
  const bytes = await readFile(await download.path());
  const pictures = await page.evaluate(async (bytes) => {
    const decoder = new ImageDecoder({ data: new Uint8Array(bytes), type: "image/gif" });
    await decoder.tracks.ready;
    const { frameCount } = decoder.tracks.selectedTrack;
    await decoder.decode({ frameIndex: frameCount - 1 });
    return frameCount;
  }, [...bytes]);
  assert.ok(bytes.length < 1_000_000 && pictures > 5, `${pictures} pictures in ${bytes.length} bytes`);
  assert.match(await sheet.getByLabel("Markdown").inputValue(), /^\[!\[.+\]\(kubarium\.gif\)\]\(http.+at=20&readonly#1\./);

  await page.goto("about:blank");
  await page.goto(address);
  await page.locator(".clock").getByText("0:20").waitFor();
  await page.locator(".clock").getByText("paused").waitFor();
  const power = page.locator(".node .power").first();
  await power.click();
  await page.getByText("This copy is for looking only.").waitFor();
  assert.equal(await power.getAttribute("aria-checked"), "true");
  await page.getByRole("button", { name: "Make it mine" }).click();
  await power.click();
  await page.locator(".node .power[aria-checked=false]").waitFor();
  assert.doesNotMatch(page.url(), /readonly/);
});

test("one goes live and connects kubectl; a viewer's file only looks", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Connect kubectl" }).click();
  const sheet = page.locator("dialog.share");
  await sheet.getByRole("button", { name: "Go live" }).click();
  const file = sheet.getByLabel("The kubeconfig");
  await sheet.getByText("This key may change everything").waitFor();
  const command = await sheet.getByLabel("In a terminal").inputValue();
  const [, authorization, address] = command.match(/-H "Authorization: (.+?)" (\S+) -o/);
  assert.equal(await (await fetch(address, { headers: { authorization } })).text(), await file.inputValue());
  const [download] = await Promise.all([page.waitForEvent("download"), sheet.getByRole("button", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), "kubarium.yaml");

  const create = async () => {
    const [, at] = (await file.inputValue()).match(/server: (\S+)/);
    const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "mine" } });
    return (await fetch(`${at}/api/v1/namespaces`, { method: "POST", headers: { "content-type": "application/json" }, body })).status;
  };
  assert.equal(await create(), 201);
  await sheet.getByText("those who only look").click();
  await sheet.getByText("This key only looks").waitFor();
  assert.equal(await create(), 403);
  await screenshot(page, "connect-kubectl");
});

// Sharing beyond a plain link: a moment, for looking only; and kubectl, connected to what one sees.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openPage, screenshot, startServer } from "./harness.mjs";
import { paste } from "./paste.mjs";

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

test("a link that is too long is kept by the server under a short name", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.getByRole("button", { name: "YAML" }).click();
  const drawer = page.locator("#drawer");
  const words = Array.from({ length: 60 }, (_, at) => createHash("sha256").update(`${at}`).digest("base64"));
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: long}\ndata: {words: "${words.join(" ")}"}\n`;
  await paste(drawer.locator(".cm-content"), text);
  await drawer.getByRole("button", { name: "Apply", exact: true }).click();
  await drawer.getByText("configmap/long created").waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Make it short" }).click();
  const sheet = page.locator("dialog.share");
  const link = sheet.getByRole("textbox", { name: "Link" });
  const long = await link.inputValue();
  assert.ok(long.length > 2000, long);
  await screenshot(page, "long-link");
  await sheet.getByRole("button", { name: "Make a short link" }).click();
  await sheet.getByRole("button", { name: "Use the long link" }).waitFor();
  const short = await link.inputValue();
  assert.match(short, /\/#l=[\w-]{16}$/);

  const other = await openPage(t, short);
  await other.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await other.getByRole("button", { name: "Share" }).click();
  const same = other.locator(".sheet").getByRole("textbox");
  await other.getByRole("button", { name: "Make it short" }).waitFor();
  assert.ok((await same.inputValue()).length > 2000);
  const none = await openPage(t, `${server.url}#l=AAAAAAAAAAAAAAAA`, { expected: [/404/] });
  await none.getByText("This server keeps no link of that name").waitFor();
  await none.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
});

/** What the Secrets of the cluster behind a link hold. */
async function secretsBehind(t, address) {
  const page = await openPage(t, address);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  return page.evaluate(() => new Promise((resolve) => {
    const { engine } = window.kubarium;
    let text = "";
    engine.addEventListener("message", ({ data }) => {
      const [kind, of] = Object.entries(JSON.parse(String(data)).terminal ?? {})[0] ?? [];
      if (of?.id !== 33) return;
      text += of.stdout ?? "";
      if (kind === "done") resolve(Object.fromEntries(JSON.parse(text).items.map(({ metadata, data }) => [metadata.name, data])));
    });
    engine.postMessage(JSON.stringify({ terminal: { run: { id: 33, args: ["get", "secrets", "-o", "json"], stdin: "" } } }));
  }));
}

test("a link leaves the values of Secrets empty, unless whoever sends it wants them along and is told what that means", async (t) => {
  for (const [locale, button, leaves, says] of [
    ["en-US", "Share", "Leave the values of Secrets empty: token, listed, typed", "This link carries the values of Secrets: token, listed, typed. Whoever opens it can read them."],
    ["ja-JP", "共有", "Secretの値は空にする（token, listed, typed）", "このリンクにはSecretの値が含まれています（token, listed, typed）。開いた人はだれでも読めます。"],
  ]) {
    const server = await startServer(t);
    const page = await openPage(t, server.url, { locale, colorScheme: locale === "ja-JP" ? "dark" : "light" });
    await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
    await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
    const share = page.getByRole("button", { name: button, exact: true });
    const carries = page.locator(".sheet .carries");
    await share.click();
    await page.locator(".sheet .fingerprint").waitFor();
    await share.click();
    await page.evaluate((done) => {
      const { engine } = window.kubarium;
      done.forEach((command, at) => engine.postMessage(JSON.stringify({ command: { id: 900 + at, command } })));
      return new Promise((resolve) => engine.addEventListener("message", ({ data }) => String(data).startsWith(`{"outcome":{"id":${899 + done.length},`) && resolve()));
    }, [
      { apply: "apiVersion: v1\nkind: Secret\nmetadata:\n  labels:\n    name: label\n  name: token\nstringData:\n  word: hush\n" },
      { apply: "apiVersion: v1\nkind: Secret\nmetadata: {name: empty}\ndata: {word: \"\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {word: loud}\n" },
      { apply: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: listed\n  data:\n    word: aHVzaA==\n" },
      { kubectl: "create secret generic typed --from-literal=word=hush" },
    ]);
    const link = page.locator(".sheet > input");
    const fingerprint = page.locator(".sheet .fingerprint");
    const EMPTY = { empty: { word: "" }, listed: { word: "" }, token: { word: "" }, typed: { word: "" } };
    const FULL = { empty: { word: "" }, listed: { word: "aHVzaA==" }, token: { word: "aHVzaA==" }, typed: { word: "aHVzaA==" } };
    // A link says when it was made: now it is the same for as long as one looks.
    await page.evaluate(() => window.kubarium.engine.postMessage(JSON.stringify({ pace: "pause" })));
    await page.locator(".clock").getByText(/paused|停止/).waitFor();
    await share.click();
    const tick = carries.getByLabel(leaves);
    await tick.and(page.locator(":checked")).waitFor();
    await screenshot(page, `secrets-left-${locale}`);
    const left = await link.inputValue();
    assert.deepEqual(await secretsBehind(t, left), EMPTY);
    // What is told of the beginning is told of a link that is exactly this cluster.
    await page.bringToFront();
    assert.equal(await fingerprint.isVisible(), false);
    await tick.uncheck();
    await carries.getByText(says).waitFor();
    await page.waitForFunction((left) => document.querySelector(".sheet > input").value !== left, left);
    assert.equal(await fingerprint.isVisible(), true);
    await screenshot(page, `carries-${locale}`);
    assert.deepEqual(await secretsBehind(t, await link.inputValue()), FULL);
    await page.bringToFront();
    await tick.check();
    await page.waitForFunction((left) => document.querySelector(".sheet > input").value === left, left);

    await page.getByRole("button", { name: /Moment, web page|時点/ }).click();
    const sheet = page.locator("dialog.share");
    const again = sheet.locator(".share-carries").getByLabel(leaves);
    await again.and(page.locator(":checked")).waitFor();
    const other = sheet.getByRole("textbox", { name: /^(Link|リンク)$/ });
    assert.equal(await other.inputValue(), left);
    await again.uncheck();
    await sheet.locator(".share-carries [role=alert]").getByText("token, listed, typed").waitFor();
    await page.waitForFunction((left) => document.querySelector("dialog.share .share-text").value !== left, left);
    await screenshot(page, `carries-sheet-${locale}`);
  }
});

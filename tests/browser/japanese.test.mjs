// What the page says in words of its own is Japanese for those who read that; what Kubernetes and kubectl print is as everywhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content, drawer, drop, paste } from "./editor.mjs";
import { openPage, startServer } from "./harness.mjs";

const ENGLISH = /[A-Za-z]+ [a-z]+ [a-z]+/;

async function openInJapanese(t) {
  const server = await startServer(t);
  const page = await openPage(t, server.url, { locale: "ja-JP" });
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await page.waitForFunction(() => Object.hasOwn(window.kubarium.engine, "postMessage"));
  await page.getByRole("button", { name: "YAML" }).click();
  await content(page).waitFor();
  return page;
}

const BROKEN = [
  "a:\n\tb: 1\n", "x: {{ .Name }}\n", "a: *none\n", "a: \"open\n", "a: 'b' c\n", "a: [1, 2\nb: 1\n", "a:\n  -b\n  c: 1\n", "a:b\nc: 1\n", "a: b: c\n",
  "a: 1\n   b: 2\n", "a:\n    b: 1\n  c: 2\n", "a: @b\n", "a: \"\\q\"\n", "a: ]\n", "a: 1\na: 2\n", "a: .inf\n", "a: !!int b\n", "a: &b [*b]\n", "- a\nb: 1\n",
];

test("what is wrong with a YAML text is said in Japanese, while one types and when it is formatted", async (t) => {
  const page = await openInJapanese(t);
  const seen = [];
  for (const text of BROKEN) {
    await paste(page, text);
    const line = drawer(page).locator(".state .link");
    await line.waitFor();
    const said = await line.innerText();
    await drawer(page).getByRole("button", { name: "整形" }).click();
    const notes = await drawer(page).locator(".note.bad p").allInnerTexts();
    for (const words of [said, ...notes]) if (ENGLISH.test(words) || !/[ぁ-ん]/.test(words)) seen.push(`${JSON.stringify(text)}: ${words}`);
    assert.equal(await content(page).locator(".cm-lintRange-error").first().isVisible(), true);
    await paste(page, "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n");
    await drawer(page).locator(".state .good").waitFor();
    // What was said of another text goes with the next one that is in order.
    await drawer(page).getByRole("button", { name: "整形" }).click();
    assert.equal(await drawer(page).locator(".note.bad").count(), 0);
  }
  assert.deepEqual(seen, []);
});

test("comparing and the terminal speak Japanese too", async (t) => {
  const page = await openInJapanese(t);
  await paste(page, "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata:\n  a: b\n");
  await drawer(page).getByRole("button", { name: "比較" }).click();
  const titles = drawer(page).locator("dialog .cm-foldGutter [title]");
  await titles.first().waitFor({ state: "attached" });
  assert.deepEqual((await titles.evaluateAll((all) => all.map(({ title }) => title))).filter((title) => /[a-z]/i.test(title)), []);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "ターミナル" }).click();
  await page.locator(".xterm").waitFor();
  await page.keyboard.type("get pods\nset -v\nk get pods > a\ngrep x\n| head\ncat nothing\n");
  const rows = page.locator(".xterm-rows");
  for (const words of ["help で使い方を表示", "このターミナルでは使えません", "YAMLパネルのタブです", "前のプログラムの出力を読みます", "前に何もありません", "ls でエディタのファイルを表示"]) {
    await rows.getByText(words.slice(0, 8)).first().waitFor();
  }
});

test("a scenario that cannot be opened takes nothing away, and nothing is said to be opened or refused", async (t) => {
  const page = await openInJapanese(t);
  await paste(page, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replica: 1}\n");
  await page.locator("#drawer").getByRole("button", { name: "適用", exact: true }).click();
  await page.locator("#drawer .outcome").getByText("unknown field").waitFor();
  await drop(page, "broken.yaml", "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  clusterr: {}\n");
  // Whoever looks whether something of a cluster was refused listens to the worker as long as that may be.
  await page.evaluate(() => {
    const { engine } = window.kubarium;
    const remove = engine.removeEventListener;
    window.looked = new Promise((resolve) => (engine.removeEventListener = (...what) => {
      resolve();
      return remove.apply(engine, what);
    }));
  });
  await drawer(page).locator(".note").getByRole("button", { name: "開く" }).click();
  const notice = page.locator(".notice").getByText("クラスタは元のままです");
  await notice.waitFor();
  assert.match(await notice.innerText(), /5行目: spec\.clusterr: 「clusterr」というフィールドはありません。書けるのは .*`nodes`|5行目: .*「clusterr」というフィールドはありません/);
  await page.evaluate(() => window.looked);
  assert.equal(await drawer(page).locator(".note").filter({ hasText: "拒否" }).count(), 0);
  assert.equal(await page.getByText("別のクラスタを開きました").filter({ visible: true }).count(), 0);
});

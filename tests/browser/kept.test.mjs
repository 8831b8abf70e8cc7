// Nothing that somebody made is lost: work that is kept, clusters that others came in place of, files that are closed or come in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content, DEPLOYMENT, drawer, drop, openEditor, paste, text } from "./editor.mjs";
import { screenshot } from "./harness.mjs";

test("work is kept: files and cluster are there after loading again, under a name for ever", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await page.keyboard.press("Control+Enter");
  await drawer(page).locator(".outcome").getByText("created").waitFor();
  await drawer(page).getByText("More", { exact: true }).click();
  await drawer(page).getByRole("button", { name: "Playgrounds…" }).click();
  const dialog = page.locator("dialog");
  await dialog.getByLabel("Name").fill("my shop");
  await dialog.getByRole("button", { name: "Keep" }).click();
  await dialog.getByRole("button", { name: "my shop" }).waitFor();
  await screenshot(page, "playgrounds");
  await page.reload();
  await page.locator(".doing").getByText(/Your cluster of .* is kept/).waitFor();
  await page.locator(".doing").getByRole("button", { name: "Go on with it" }).click();
  await page.locator(".pod", { hasText: "shop" }).nth(1).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "YAML" }).click();
  await page.waitForFunction(() => document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content")?.textContent.includes("The shop."));

  await paste(page, "");
  await drawer(page).getByText("More", { exact: true }).click();
  await drawer(page).getByRole("button", { name: "Playgrounds…" }).click();
  await dialog.getByRole("button", { name: "Forget" }).click();
  await dialog.getByRole("button", { name: "my shop" }).waitFor({ state: "detached" });
  await dialog.locator("header").getByRole("button", { name: "Close" }).click();
  await drawer(page).getByRole("button", { name: "Undo" }).click();
  await drawer(page).getByText("More", { exact: true }).click();
  await drawer(page).getByRole("button", { name: "Playgrounds…" }).click();
  await dialog.getByRole("button", { name: "my shop" }).click();
  await page.waitForFunction(() => document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content")?.textContent.includes("The shop."));
});

/** Does something with the playgrounds' window open; one that takes a playground closes the window itself. */
async function inPlaygrounds(page, act, takes = false) {
  await drawer(page).getByText("More", { exact: true }).click();
  await drawer(page).getByRole("button", { name: "Playgrounds…" }).click();
  const dialog = page.locator("dialog");
  await act(dialog);
  if (!takes) await dialog.locator("header").getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
}
const keepAs = async (dialog, name) => {
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Keep" }).click();
  await dialog.getByRole("button", { name: name.trim(), exact: true }).waitFor();
};

test("when the engine stops, all that was done until then is handed out", async (t) => {
  const page = await openEditor(t);
  const kubectl = (id, line) => page.evaluate(([id, kubectl]) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id, command: { kubectl } } })), [id, line]);
  await kubectl(900, "cordon node-1");
  await untilKept(page, "cordon node-1");
  await kubectl(901, "scale deployment/todo-api --replicas=5");
  await page.evaluate(() => window.kubarium.engine.dispatchEvent(new ErrorEvent("error", { message: "unreachable" })));
  await page.getByText("The engine stopped: unreachable.").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".doing").getByRole("button", { name: "Save the cluster with its history" }).click()]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const saved = Buffer.concat(chunks).toString();
  assert.deepEqual(JSON.parse(saved).spec.steps.slice(-2).map(({ kubectl }) => kubectl), ["cordon node-1", "scale deployment/todo-api --replicas=5"]);
  // It opens, and is played to its end.
  const other = await openEditor(t);
  await drop(other, "scenario.json", saved);
  await drawer(other).getByRole("button", { name: "Open it" }).click();
  await other.locator(".pod", { hasText: "todo-api" }).nth(4).waitFor();
});

test("what is offered of last time and what is told of a command stand beside each other, whichever came first", async (t) => {
  const page = await openEditor(t);
  const doing = page.locator(".doing");
  const kubectl = (id, line) => page.evaluate(([id, kubectl]) => window.kubarium.engine.postMessage(JSON.stringify({ command: { id, command: { kubectl } } })), [id, line]);
  const offered = doing.getByRole("button", { name: /^To your cluster of / });
  await kubectl(900, "cordon node-1");
  await doing.getByText("kubectl cordon node-1").waitFor();
  await untilKept(page, "cordon node-1");

  // Before this is asked what was kept, or after: the first thing that the page is asked to do is told.
  await page.reload();
  await page.waitForFunction(() => window.kubarium?.engine);
  await page.locator(".pod[data-shape=ready].serving").nth(2).waitFor();
  await kubectl(901, "cordon node-2");
  await doing.locator("code").getByText("kubectl cordon node-2").waitFor();
  await offered.waitFor();
  await screenshot(page, "offered");
  await untilKept(page, "cordon node-2");

  await page.reload();
  await doing.getByText(/Your cluster of .* is kept/).waitFor();
  await page.locator(".pod[data-shape=ready]").first().click();
  await doing.locator("code").getByText("kubectl describe pod").waitFor();
  await offered.click();
  await page.locator(".node[data-place='node/node-2']").getByText(/Scheduling.?Disabled/).waitFor();
});

/** Until the cluster that is kept by itself was last done that to. */
const untilKept = (page, last) => page.evaluate((last) => new Promise((resolve) => {
  const asked = indexedDB.open("kubarium");
  asked.onsuccess = () => {
    const look = () => (asked.result.transaction("playgrounds").objectStore("playgrounds").get(" cluster").onsuccess = ({ target }) => {
      const steps = JSON.parse(target.result?.scenario ?? "{}").spec?.steps ?? [];
      if (!JSON.stringify(steps.at(-1) ?? "").includes(last)) return requestAnimationFrame(look);
      asked.result.close();
      resolve();
    });
    look();
  };
}), last);

test("a cluster that something else came in place of is not lost", async (t) => {
  const page = await openEditor(t);
  await paste(page, DEPLOYMENT);
  await page.keyboard.press("Control+Enter");
  await drawer(page).locator(".outcome").getByText("created").waitFor();
  const doing = page.locator(".doing");
  const shop = page.locator(".pod", { hasText: "shop" });
  await untilKept(page, "shop");

  // Another visit: what is offered is passed over, and something is done.
  await page.reload();
  await doing.getByText(/Your cluster of .* is kept/).waitFor();
  await page.locator(".node[data-place='node/node-1']").getByRole("switch").click();
  await untilKept(page, "node-1");
  await page.getByRole("button", { name: "YAML" }).click();
  await content(page).waitFor();
  await inPlaygrounds(page, async (dialog) => {
    await dialog.getByText("Earlier clusters").waitFor();
    await screenshot(page, "earlier");
    const earlier = dialog.locator("li", { hasText: "Deployment shop" });
    assert.equal(await earlier.count(), 1);
    await earlier.locator(".link").click();
  }, true);
  await shop.nth(1).waitFor({ timeout: 60_000 });
  // What was done before that is an earlier one now, and comes back whatever is looked at meanwhile.
  await page.locator(".pod[data-shape=ready]").first().click();
  await doing.getByText(/^kubectl describe pod/).waitFor();
  await screenshot(page, "former");
  await doing.getByRole("button", { name: "Back to the cluster before" }).click();
  await page.locator(".node[data-place='node/node-1'] .power[aria-checked=false]").waitFor();
  assert.equal(await shop.count(), 0);

  // A visit on which nothing is done changes nothing of that; what is forgotten comes back.
  await untilKept(page, "node-1");
  await page.reload();
  await doing.getByText(/Your cluster of .* is kept/).waitFor();
  await doing.getByRole("button", { name: "Forget" }).click();
  await doing.getByText(/Your cluster of .* is forgotten/).waitFor();
  await doing.getByRole("button", { name: "Undo" }).click();
  await doing.getByText(/Your cluster of .* is kept/).waitFor();
  await page.reload();
  await doing.getByRole("button", { name: "Go on with it" }).click();
  await page.locator(".node[data-place='node/node-1'] .power[aria-checked=false]").waitFor();
});

test("playgrounds bring their files, and what they take the place of comes back; names are clean", async (t) => {
  const page = await openEditor(t);
  await paste(page, "# precious");
  await inPlaygrounds(page, async (dialog) => {
    await dialog.getByLabel("Name").fill("   ");
    await dialog.getByRole("button", { name: "Keep" }).click();
    await page.waitForFunction(() => document.querySelector(".editor-host").shadowRoot.querySelector("dialog form input").value === "");
    assert.equal(await dialog.locator("li .link").count(), 0);
    await keepAs(dialog, " one ");
  });
  await paste(page, "# newer");
  await inPlaygrounds(page, async (dialog) => {
    await keepAs(dialog, "one");
    // What was kept under that name comes back, beside the field where it was written.
    await dialog.getByText("one was there: it is replaced.").waitFor();
    await screenshot(page, "replaced");
    await dialog.getByRole("button", { name: "Undo" }).click();
    await keepAs(dialog, "two");
    await dialog.locator("li", { hasText: "two" }).getByRole("button", { name: "Rename" }).click();
    await dialog.locator("li").getByLabel("Name").fill("one");
    await page.keyboard.press("Enter");
    await dialog.getByText("one is there already.").waitFor();
    await dialog.locator("li", { hasText: "two" }).getByRole("button", { name: "Rename" }).click();
    await dialog.locator("li").getByLabel("Name").fill("three");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "three", exact: true }).waitFor();
    // Each that is forgotten can come back, in whatever order.
    for (const name of ["one", "three"]) await dialog.locator("li", { hasText: name }).getByRole("button", { name: "Forget" }).click();
    await dialog.locator("li .link").waitFor({ state: "detached" });
    await screenshot(page, "forgotten");
    for (const name of ["one", "three"]) await dialog.locator(".note", { hasText: name }).getByRole("button", { name: "Undo" }).click();
    await dialog.getByRole("button", { name: "three", exact: true }).waitFor();
    await dialog.getByRole("button", { name: "one", exact: true }).click();
  }, true);
  const until = (wanted) => page.waitForFunction((wanted) => document.querySelector(".editor-host").shadowRoot.querySelector(".cm-content").textContent === wanted, wanted);
  await until("# precious");
  await page.locator(".doing").getByRole("button", { name: "Undo" }).click();
  await until("# newer");
});

test("every file that is closed comes back", async (t) => {
  const page = await openEditor(t);
  for (const name of ["x", "y", "z"]) await drop(page, `${name}.yaml`, `# ${name}`);
  await drawer(page).locator(".file[data-open]", { hasText: "z.yaml" }).waitFor();
  for (const name of ["x", "y", "z"]) await drawer(page).locator(".file", { hasText: `${name}.yaml` }).getByRole("button").last().click();
  assert.equal(await drawer(page).locator(".file").count(), 1);
  await screenshot(page, "closed");
  for (const name of ["y", "x", "z"]) await drawer(page).locator(".note", { hasText: `${name}.yaml` }).getByRole("button", { name: "Undo" }).click();
  assert.equal(await drawer(page).locator(".file").count(), 4);
});

test("of several files that are dropped at once each is opened or refused, and every refusal can be read", async (t) => {
  const page = await openEditor(t);
  await drawer(page).locator(".host").evaluate((element) => {
    const dataTransfer = new DataTransfer();
    const files = [["a.yaml", "# a"], ["large.yaml", "x".repeat(17 << 20)], ["program", "\0\u0001"], ["c.yaml", "# c"]];
    for (const [name, text] of files) dataTransfer.items.add(new File([text], name));
    element.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await drawer(page).locator(".file[data-open]", { hasText: "c.yaml" }).waitFor();
  await drawer(page).getByText("large.yaml has 17.0 MB.").waitFor();
  await drawer(page).getByText("program is no text.").waitFor();
  await drawer(page).locator(".pick", { hasText: "a.yaml" }).waitFor();
  await screenshot(page, "dropped");
  await drop(page, "latin.yaml", [0x61, 0x3a, 0x20, 0xe4, 0x0a]);
  await drawer(page).getByText("latin.yaml is no UTF-8 text").waitFor();
  assert.equal(await drawer(page).locator(".note").count(), 1);
});

test("of what Helm says before and after its manifests nothing comes along", async (t) => {
  const page = await openEditor(t);
  const map = "---\n# Source: shop/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\n";
  const before = "NAME: shop\nLAST DEPLOYED: Mon Nov 30 09:00:00 2026\nNAMESPACE: default\nSTATUS: pending-install\nREVISION: 1\n";
  const said = (hooks) => `${before}${hooks}MANIFEST:\n${map}\nNOTES:\n1. Get the URL: kubectl get svc\n`;
  await drop(page, "dry-run.txt", said("HOOKS:\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: test\nspec: {}\n"));
  await drawer(page).locator(".file[data-open]", { hasText: "dry-run.txt" }).waitFor();
  assert.equal(await text(page), map);
  await content(page).press("Control+a");
  await paste(page, `Release "shop" has been upgraded. Happy Helming!\n${said("TEST SUITE: None\n")}`.replaceAll("\n", "\r\n"));
  assert.equal(await text(page), map);
});

test("what cannot be saved is said", async (t) => {
  const page = await openEditor(t);
  await page.evaluate(() => window.kubarium.engine.postMessage(JSON.stringify(
    { command: { id: 900, command: { fault: { target: "component/kube-apiserver", kind: "Stop" } } } })));
  await page.locator(".doing").getByText("no kubectl command does this").waitFor();
  for (const item of ["Save the cluster as manifests", "Save the Events as JSON"]) {
    await drawer(page).getByText("More", { exact: true }).click();
    await drawer(page).getByRole("button", { name: item }).click();
    const note = drawer(page).locator(".note.bad", { hasText: "was refused" });
    await note.waitFor();
    await note.getByRole("button", { name: "Close" }).click();
  }
});

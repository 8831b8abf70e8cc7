// What goes on in the terminal while something else does: streams through pipes and loops, jobs behind, and what would have no end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { content } from "./editor.mjs";
import { ask } from "./harness.mjs";
import { enter, openTerminal, paste, rows, says } from "./terminal.mjs";

const interrupt = async (page) => {
  await page.keyboard.press("Control+c");
  await says(page, /\^C\n(?:[^]*\n)?kubarium \$ $/);
};

test("a loop behind a pipe hears of each line when it comes", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "clear; k get deploy -w | while read name ready _; do echo \"<$name $ready>\"; done", /<NAME READY>\n<todo-api 3\/3>\s/);
  await ask(page, { command: { id: 900, command: { kubectl: "scale deployment/todo-api --replicas=4" } } });
  await says(page, /<todo-api 3\/4>\s/);
  await interrupt(page);
  // Whoever wants no more ends what would go on.
  await enter(page, "clear; k get pods -w --no-headers | sed 's/ .*//' | while read p; do echo \"[$p]\"; break; done; echo over", /^\[todo-api-\S+\]\nover\n/);
});

test("what runs behind says so above the line that is typed, and is ended by its number", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "clear; k get deploy -w &", /\[1\] 1001\nNAME [^]*todo-api +3\/3[^\n]*\n(?:\n)*kubarium \$ $/);
  await page.keyboard.type("echo typed");
  await ask(page, { command: { id: 900, command: { kubectl: "scale deployment/todo-api --replicas=4" } } });
  await says(page, /todo-api +3\/4 [^]*\nkubarium \$ echo typed\s*$/);
  await enter(page, "", /\ntyped\n/);
  await enter(page, "clear; jobs", /^\[1\] +Running +k get deploy -w &\n/);
  await enter(page, "kill %1; wait; jobs | wc -l", /\n0\n/);
  // In front again, Ctrl-C ends it.
  await enter(page, "clear; while true; do sleep 100; done & fg", /\nwhile true; do sleep 100; done\s/);
  await interrupt(page);
});

test("what has no end ends with Ctrl-C, and the page lives", async (t) => {
  const page = await openTerminal(t);
  for (const line of ["while true; do :; done", "yes", "yes | while read x; do echo $x; done", "f() { f | f; }; f 2>/dev/null", "x=$(yes)", "yes | sort"]) {
    await page.keyboard.type(`clear; ${line}\n`);
    // It runs, and the page draws: keys that are typed meanwhile are for who reads next.
    await page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), 300)));
    await interrupt(page);
  }
  await enter(page, "clear; yes > big.txt", /big\.txt has 3\.0 MB\. Up to 3 MB can be opened\.\n/);
  await enter(page, "clear; a=(x); while true; do a+=(\"${a[@]}\"); done", /too many items\n/);
  await enter(page, "clear; f() { f | f & }; f", /fork: Resource temporarily unavailable\s/);
  await enter(page, "clear; seq 100000", /\n99999\n100000\n/);
  await enter(page, "clear; for i in $(seq 100000); do :; done; echo $i", /^100000\n/);
  await enter(page, "clear; k get nodes -o name", /^node\/node-0\n/);
});

test("what is pasted is read however much it is, or refused", async (t) => {
  const page = await openTerminal(t);
  await page.keyboard.type("echo before");
  await paste(page, "x".repeat(5 << 20));
  await says(page, /That is too much for a line[^]*\$ echo before\s*$/);
  await paste(page, "a: 1\n".repeat(1 << 20));
  await says(page, /(That is too much for a line[^]*){2}\$ echo before\s*$/);
  await page.keyboard.press("Control+c");
  const lines = "  key: value with $X\n".repeat(20_000);
  await paste(page, `clear; cat <<EOF | wc -l\n${lines}EOF\n`);
  await says(page, /^20000\n/);
  await paste(page, `clear; echo '${lines}' | wc -l\n`);
  await says(page, /^20001\n/);
  for (const deep of ["$(", "\"$(", "(", "{ ", "if ", "`", "${x:-"]) {
    await page.keyboard.press("Control+c");
    await enter(page, "clear", /^kubarium \$ $/);
    // An odd number: two of one sign are its beginning and its end.
    await paste(page, `${deep.repeat(5001)}\n`);
    await says(page, /(too much inside of each other\n|\w> |bad substitution|unexpected token)[^]*$/);
  }
  await page.keyboard.press("Control+c");
  await paste(page, "clear; echo \u0000\u0007\u001b[31mred\u009b31m\u202e!\n");
  assert.match(await says(page, /red/), /\[31mred31m!\s/);
});

test("what comes of base64 is in a file to the letter", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "k create secret generic s --from-literal=p='s3cret' && k get secret s -o jsonpath='{.data.p}' | base64 -d > p.txt", /\$ $/);
  await enter(page, "clear; wc -c p.txt; k create secret generic t --from-file=p=p.txt; k get secret t -o jsonpath={.data.p}", /^6\nsecret\/t created\nczNjcmV0\n/);
  await enter(page, "clear; vi p.txt", /[^]*/);
  await page.waitForFunction(() => document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content")?.textContent === "s3cret");
  assert.equal(await content(page).evaluate((element) => (element.cmTile?.view ?? element.cmView.view).state.doc.toString()), "s3cret");
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.waitForFunction(() => document.activeElement?.matches(".terminal-host"));
  await enter(page, "clear; echo /9j/4AAQ | base64 -d > picture.jpg", /base64: what this stands for is no UTF-8 text/);
  assert.doesNotMatch(await rows(page), /is a tab/);
});

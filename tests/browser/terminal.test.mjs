// The terminal, typed in as a person would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { joined, open, wanted } from "../../frontend/js/terminal/open.js";
import { painted } from "../../frontend/js/terminal/paint.js";
import { HERE } from "../../frontend/js/terminal/syntax.js";
import { isKept } from "./editor.mjs";
import { hurry, openPage, openScenario, root, screenshot, startServer } from "./harness.mjs";
import { paste as pasteInto } from "./paste.mjs";
import { enter, openTerminal, paste, says } from "./terminal.mjs";

const axe = readFileSync(`${root}/node_modules/axe-core/axe.min.js`, "utf8");

test("kubectl does what it says, and the diagram shows it", async (t) => {
  const page = await openTerminal(t);
  await hurry(page);
  await page.locator(".terminal-host").click();
  await enter(page, "k get pods", /todo-api-\S+ +1\/1 +Running/);
  await enter(page, "kubectl scale deployment/todo-api --replicas=4", /deployment\.apps\/todo-api scaled/);
  await page.locator(".pod[data-shape=ready]", { hasText: "todo-api" }).nth(3).waitFor();
  await enter(page, "k get pods -o name | grep -c todo-api", /\n4\n/);
  await enter(page, "k get deploy todo-api -o json | jq .spec.replicas | cat", /\|\s+cat\n4\n/);
  await enter(page, "k get nothing", /the server doesn't have a resource type "nothing"/);
  await enter(page, "k get pods | frobnicate", /frobnicate: command not found/);
  await enter(page, "| grep x", /\|: nothing comes before it/);
  await enter(page, "k get pods | | wc -l", /\|: nothing comes after it/);
  await enter(page, "grep x", /grep: reads what a program before it says/);
  await screenshot(page, "terminal");
});

test("a command may take several lines, and bring the text that it reads", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "echo 'one", /\nquote> $/);
  await enter(page, "two' | wc -l", /\n2\n[^]*\$ $/);
  await enter(page, "echo 'never", /\nquote> never|quote> $/);
  await page.keyboard.press("Control+c");
  await enter(page, "kubectl get pods \\", /\n> $/);
  await enter(page, "-o name |", /\npipe> $/);
  await enter(page, "grep -c todo-api", /\n3\n[^]*\$ $/);
  await paste(page, "kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: here\ndata:\n  price: $5\nEOF\nk get cm here -o jsonpath={.data.price}");
  // The last line has no end yet: whoever pasted it looks at it first.
  await says(page, /configmap\/here created\n[^]*k get cm here -o jsonpath=\{\.data\.price\} $/);
  await page.keyboard.press("Enter");
  await says(page, /\n\$5/);
  await page.keyboard.press("Enter");
  await enter(page, "cat <<EOF | kubectl create -f - -o name", /\nheredoc> $/);
  for (const line of ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: other}"]) await enter(page, line, /\nheredoc> $/);
  await enter(page, "EOF", /\nconfigmap\/other\n[^]*\$ $/);
  await page.keyboard.press("ArrowUp");
  await says(page, /\$ cat <<EOF \| kubectl create -f - -o name $/);
  await page.keyboard.press("Control+c");
  // The text is for the command where it is asked for, whatever stands before.
  for (const [line, told] of [
    ["echo one; k apply -f - <<EOF", /configmap\/late created/],
    ["k get ns default -o name && cat <<EOF | k delete -f -", /configmap "late" deleted/],
  ]) {
    await enter(page, line, /\nheredoc> $/);
    for (const row of ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: late}"]) await enter(page, row, /\nheredoc> $/);
    await enter(page, "EOF", told);
  }
});

/** What the editor shows, from its document. */
const inEditor = (page) => page.evaluate(() => {
  const content = document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content");
  return (content?.cmTile?.view ?? content?.cmView?.view)?.state.doc.toString();
});
const tabs = (page) => page.locator("#drawer .file .pick").allTextContents();

test("what goes into a file is a tab of the editor, can be taken back there, and is kept", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "kubectl create deployment web --image=nginx --dry-run=client -o yaml > web.yaml", /web\.yaml: a tab of the YAML panel\n[^]*\$ $/);
  await enter(page, "clear; sed -i 's/replicas: 1/replicas: 2/' web.yaml; kubectl apply -f web.yaml; ls", /deployment\.apps\/web created\neditor\.yaml\nweb\.yaml\n/);
  await enter(page, "clear; k get deploy web -o jsonpath={.spec.replicas}", /^2\n/);
  await enter(page, "clear; k get pods > pods.txt; k create cm all --from-file=pods.txt; k get cm all -o jsonpath={.data} | grep -c NAME", /configmap\/all created\n1\n/);
  assert.deepEqual(await tabs(page), ["editor.yaml", "web.yaml", "pods.txt"]);
  // What is no manifest is not read as one.
  assert.equal(await page.locator("#drawer .file[data-count]").count(), 0);
  await enter(page, "clear; cat >> web.yaml <<EOF", /\nheredoc> $/);
  await enter(page, "# $USER was here", /heredoc> $/);
  await enter(page, "EOF", /\$ $/);
  await page.getByRole("button", { name: "YAML", exact: true }).click();
  await page.waitForFunction(() => document.querySelector("#drawer .editor-host").shadowRoot.querySelector(".file[data-open] .pick").textContent === "web.yaml");
  assert.match(await inEditor(page), /replicas: 2[^]*\n# root was here\n$/);
  await page.locator("#drawer .cm-content").first().click();
  await page.keyboard.press("Control+z");
  assert.match(await inEditor(page), /replicas: 2[^]*status: \{\}\n$/);
  await page.keyboard.press("Control+z");
  assert.match(await inEditor(page), /replicas: 1/);
  await screenshot(page, "written");
  await isKept(page, "replicas: 1");

  await page.reload();
  await page.getByRole("button", { name: "Terminal" }).click();
  await says(page, /\$ $/);
  // The editor takes the terminal's place: no prompt is seen there.
  await page.keyboard.type("clear; rm pods.txt && vi web.yaml");
  await page.keyboard.press("Enter");
  await page.locator("#drawer .file[data-open] .pick", { hasText: "web.yaml" }).waitFor();
  await page.waitForFunction(() => document.querySelector(".editor-host").shadowRoot.activeElement?.classList.contains("cm-content"));
  await page.keyboard.type("# with vi\n");
  assert.match(await inEditor(page), /^# with vi\n/);
  await page.keyboard.press("Control+Enter");
  await page.locator(".doing code").getByText("kubectl apply -f web.yaml").waitFor({ timeout: 12_000 });
  assert.deepEqual(await tabs(page), ["editor.yaml", "web.yaml"]);
  await page.locator("#drawer").getByRole("button", { name: "Undo" }).click();
  assert.deepEqual(await tabs(page), ["editor.yaml", "web.yaml", "pods.txt"]);
});

test("functions, case, and loops behind pipes, typed over several lines", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "state() {", /\ncursh> $/);
  await enter(page, "case $1 in Running) echo fine;; *) echo \"$1?\"; esac", /cursh> $/);
  await enter(page, "}", /\n[^\n]*\$ $/);
  await enter(page, "clear; k get pods | grep todo | while read name ready status _; do state $status; done", /fine\nfine\nfine\n/);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  // A line that is typed is whole in a panel that becomes narrower or wider, too.
  const typed = '$ state() { case $1 in Running) echo fine;; *) echo "$1?"; esac; }';
  let wide;
  for (const width of [1280, 1100, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    await page.waitForFunction(([typed, wide]) => {
      const rows = Array.from(document.querySelector(".terminal-host").shadowRoot.querySelectorAll(".xterm-rows > div"), (row) => row.textContent);
      const seen = rows.join("").replace(/\s/g, "");
      return seen.endsWith(typed.replace(/\s/g, "")) && document.querySelector(".terminal-host").clientWidth !== wide;
    }, [typed, wide]);
    wide = await page.locator(".terminal-host").evaluate((host) => host.clientWidth);
  }
  await page.keyboard.press("Control+c");
  await enter(page, "clear; read -p 'which? ' X", /which\? $/);
  await enter(page, "node-1", /\$ $/);
  await enter(page, "k get node $X -o name; k get nope 2>/dev/null || echo \"none of $NOBODY those\"", /node\/node-1\nnone of  those\n/);
});

test("what the editor will show is there for the terminal, opened or not", async (t) => {
  const page = await openTerminal(t);
  await page.locator(".drawer .cm-content").waitFor({ state: "attached" });
  await enter(page, "ls", /\neditor\.yaml\n/);
  // What fields are for comes with the first question.
  await enter(page, "k explain pod.spec.nodeName | head -8", /DESCRIPTION:\s+nodeName indicates in which node this pod is scheduled/i);
  await enter(page, "k apply -f editor.yaml --dry-run=client -o name", /\ndeployment\.apps\/todo-api\n/);
});

test("an edit that is no object comes back with what is wrong, and the same once more is given up", async (t) => {
  const page = await openTerminal(t);
  const editor = page.locator(".drawer .cm-content");
  const save = page.getByRole("button", { name: "Save" });
  await page.keyboard.type("k edit deployment todo-api\n");
  await editor.getByText("Please edit the object below").waitFor();
  await editor.press("Control+a");
  await page.keyboard.type("garbage");
  await save.click();
  await editor.getByText("garbage").waitFor();
  await editor.getByText(/^# /).first().waitFor();
  await save.click();
  await says(page, /Edit cancelled, no valid changes were saved\./);
});

test("a watch ends with Ctrl-C, and history survives a reload", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "k get pods -w", /Running/);
  await page.keyboard.press("Control+c");
  await says(page, /\^C[^]*\$ $/);
  await page.reload();
  await page.getByRole("button", { name: "Terminal" }).click();
  await says(page, /\$ $/);
  await page.keyboard.press("Control+r");
  await page.keyboard.type("-w");
  await says(page, /reverse-i-search\)'-w': k get pods -w/);
  await page.keyboard.press("Control+c");
  await page.keyboard.press("ArrowUp");
  await says(page, /\$ k get pods -w $/);
  await page.keyboard.press("Control+c");
  // What is taken from lines before is shown, and kept as it was run.
  await enter(page, "clear", /\$ $/);
  await enter(page, "echo todo-api", /\ntodo-api\n/);
  await enter(page, "k get deploy !$ -o name", /\nk get deploy todo-api -o name\ndeployment\.apps\/todo-api\n/);
  await enter(page, "!! | wc -l", /\nk get deploy todo-api -o name \| wc -l\n1\n/);
  await enter(page, "!nothing", /\n!nothing: event not found\nkubarium \$ $/);
  await page.keyboard.press("ArrowUp");
  await says(page, /\$ k get deploy todo-api -o name \| wc -l $/);
});

test("loops, variables and $(…) over kubectl", async (t) => {
  const page = await openTerminal(t);
  await enter(page, "for p in $(k get deploy -o name); do k get $p -o name; done", /done\ndeployment\.apps\/todo-api\n/);
  await enter(page, "N=$(k get deploy todo-api -o jsonpath='{.spec.replicas}'); echo \"<$N>\"", /\n<3>\n/);
  await enter(page, "if [ $N -eq 3 ]", /\nif> $/);
  await enter(page, "then echo three; fi", /\nthree\n/);
  await enter(page, "while true; do echo again; sleep 1; done", /again\nagain\n/);
  await page.keyboard.press("Control+c");
  await says(page, /\^C\nkubarium \$ $/);
});

test("Tab completes verbs, kinds, names and flags", async (t) => {
  const page = await openTerminal(t);
  for (const [typed, becomes] of [
    ["k desc", "k describe "], ["serv", "k describe service"], ["s", "k describe services "], ["todo", "k describe services todo-api "],
    ["-n kube-s", "k describe services todo-api -n kube-system "],
  ]) {
    await page.keyboard.type(typed);
    await page.keyboard.press("Tab");
    await says(page, new RegExp(`\\$ ${becomes.trimEnd()} *$`));
  }
});

test("an edit opens in the editor, and saving applies it", async (t) => {
  const page = await openTerminal(t);
  await page.keyboard.type("k edit deployment todo-api");
  await page.keyboard.press("Enter");
  const editor = page.locator(".drawer .cm-content");
  await editor.getByText("Please edit the object below").waitFor();
  await page.getByText("kubectl edit waits for this text").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await says(page, /Edit cancelled, no changes made\./);
  await enter(page, "k exec -it deploy/todo-api -- sh", /\/ # $/);
  await enter(page, "X=inside; cd /tmp", /\/tmp # $/);
  await enter(page, "echo $X", /# echo \$X\ninside\n\/tmp # $/);
  await enter(page, "while true; do echo tick; sleep 1; done", /tick\ntick\ntick\n/);
  await page.keyboard.press("Control+c");
  await says(page, /\^C\n\n?\/tmp # $/);
  await enter(page, "exit", /kubarium \$ $/);
});

/** Until the editor's files that are kept are so many. */
const untilKept = (page, count) => page.evaluate((count) => new Promise((resolve) => {
  const asked = indexedDB.open("kubarium");
  asked.onsuccess = () => {
    const look = () => (asked.result.transaction("playgrounds").objectStore("playgrounds").get(" files").onsuccess = ({ target }) => {
      if (target.result?.files.length !== count) return requestAnimationFrame(look);
      asked.result.close();
      resolve();
    });
    look();
  };
}), count);

test("an edit is a file of its own, beside the person's, and is kept nowhere", async (t) => {
  const page = await openTerminal(t);
  const drawer = page.locator("#drawer");
  const files = drawer.locator(".file");
  const file = (name) => files.locator(".pick", { hasText: new RegExp(`^${name}$`) });
  const shows = (wanted) => page.waitForFunction((wanted) =>
    document.querySelector(".editor-host")?.shadowRoot?.querySelector(".cm-content")?.textContent.includes(wanted), wanted);
  const tab = (name) => page.getByRole("button", { name, exact: true }).click();
  await tab("YAML");
  await shows("Three copies of the app");
  await pasteInto(drawer.locator(".cm-content").first(), "# MINE");
  await tab("Terminal");
  await page.locator(".terminal-host").click();
  await page.keyboard.type("clear; k edit deployment todo-api\n");
  await shows("Please edit the object below");
  assert.equal(await files.count(), 2);
  await screenshot(page, "edit");
  // It is no file for the terminal, and what is written elsewhere meanwhile stays where it is.
  await drawer.getByRole("button", { name: "New file" }).click();
  await page.keyboard.type("# x");
  await file("kubectl-edit.yaml").click();
  await shows("Please edit the object below");
  await drawer.locator(".cm-line", { hasText: "replicas: 3" }).click({ position: { x: 40, y: 8 } });
  await page.keyboard.press("End");
  await page.keyboard.press("Backspace");
  await page.keyboard.type("2");
  await file("editor-2.yaml").click();
  await drawer.getByRole("button", { name: "Save" }).click();
  await says(page, /deployment\.apps\/todo-api edited/);
  await enter(page, "clear; ls; k get deploy todo-api -o jsonpath={.spec.replicas}", /(^|\n)editor-2\.yaml\neditor\.yaml\n2\n/);
  await tab("YAML");
  await shows("# x");
  await file("editor.yaml").click();
  await shows("# MINE");

  // Interrupted, it is gone; and who loads the page again in the middle of one has the own files.
  await tab("Terminal");
  await page.locator(".terminal-host").click();
  await page.keyboard.type("clear; k edit svc todo-api\n");
  await file("kubectl-edit.yaml").waitFor();
  await tab("Terminal");
  await page.locator(".terminal-host").click();
  await page.keyboard.press("Control+c");
  await file("kubectl-edit.yaml").waitFor({ state: "detached" });
  await says(page, /\$ $/);
  await page.keyboard.type("clear; k edit svc todo-api\n");
  await shows("Please edit the object below");
  await drawer.locator(".cm-line").first().click();
  await page.keyboard.type("# and more");
  await drawer.getByRole("button", { name: "New file" }).click();
  await untilKept(page, 3);
  await page.reload();
  await tab("YAML");
  await file("editor-3.yaml").waitFor();
  await file("editor.yaml").click();
  await shows("# MINE");
  assert.deepEqual(await files.locator(".pick").allTextContents(), ["editor.yaml", "editor-2.yaml", "editor-3.yaml"]);
});

test("the terminal itself speaks the language of the page", async (t) => {
  const page = await openTerminal(t, { locale: "ja-JP" });
  await says(page, /このクラスタのkubectl/);
  await enter(page, "help", /パイプの後ろ: grep/);
  await enter(page, "k get pod nobody", /Error from server \(NotFound\): pods "nobody" not found/);
});

test("escapes in what the cluster holds are text", async (t) => {
  const page = await openTerminal(t);
  const hostile = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\ndata: {x: "\\e[2J\\e]0;gone\\ahere"}\n';
  await page.evaluate((apply) => new Promise((applied) => {
    const { engine } = window.kubarium;
    engine.addEventListener("message", ({ data }) => String(data).includes("configmap/hostile created") && applied());
    engine.postMessage(JSON.stringify({ command: { id: 900, command: { apply } } }));
  }), hostile);
  await enter(page, "k get cm hostile -o jsonpath='{.data.x}'", /\^\[\[2J\^\[\]0;gone\^Ghere/);
});

test("a hundred thousand lines, and escapes in labels and logs, leave a page that lives", async (t) => {
  const page = await openTerminal(t);
  const title = await page.title();
  const hostile = `apiVersion: v1
kind: Pod
metadata: {name: hostile, annotations: {a: "\\e[31mred\\e]52;c;aGk=\\a"}}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    env: [{name: E, value: "\\e[2J\\e]0;gone\\a\\e[?1049h\\eP+q544e\\e\\\\here"}]
    command: [sh, -c, "echo $E; echo end"]
`;
  await page.evaluate((apply) => new Promise((applied) => {
    const { engine } = window.kubarium;
    engine.addEventListener("message", ({ data }) => String(data).includes("pod/hostile created") && applied());
    engine.postMessage(JSON.stringify({ command: { id: 901, command: { apply } } }));
  }), hostile);
  await enter(page, "k wait pod/hostile --for=jsonpath='{.status.phase}'=Succeeded", /condition met/);
  await enter(page, "k logs hostile", /\^\[\[2J\^\[\]0;gone\^G\^\[\[\?1049h\^\[P\+q544e\^\[\\here\nend\n/);
  await enter(page, "k get pod hostile -o jsonpath='{.metadata.annotations.a}'", /\^\[\[31mred\^\[\]52;c;aGk=\^G/);
  await enter(page, "k describe pod hostile | grep -i red", /\^\[\[31mred/);
  assert.equal(await page.title(), title);

  // What was applied last is kept beside the object, within 256 kB: the lines are empty.
  const lines = "\\n".repeat(100_000);
  await page.evaluate((apply) => new Promise((applied) => {
    const { engine } = window.kubarium;
    engine.addEventListener("message", ({ data }) => String(data).includes("configmap/long created") && applied());
    engine.postMessage(JSON.stringify({ command: { id: 902, command: { apply } } }));
  }), `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: long}\ndata: {x: "${lines}end of it"}\n`);
  const begun = Date.now();
  await enter(page, "k get cm long -o jsonpath='{.data.x}'", /end of it/);
  t.diagnostic(`100,000 lines: ${Date.now() - begun} ms`);
  await enter(page, "k get nodes -o name", /node\/node-2/);
});

test("nothing that axe knows is wrong, light or dark", async (t) => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await openTerminal(t, { colorScheme });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document.querySelector(".drawer")));
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
  }
});

test("a ready cluster opens in place of the present one", async (t) => {
  const server = await startServer(t);
  const page = await openPage(t, server.url);
  await page.locator(".node[data-state=ready]").nth(2).waitFor();
  await page.getByRole("button", { name: "YAML" }).click();
  await page.getByLabel("Ready clusters").selectOption("zone-failure");
  await page.locator(".gallery").getByRole("button", { name: "Open" }).click();
  await page.locator(".node").nth(5).waitFor();
  // Its author says what there is to see.
  await page.getByRole("heading", { name: "Zone b loses its power in ten seconds." }).waitFor();
  await screenshot(page, "gallery");
  // So may whoever makes another.
  const text = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: mine, annotations: {kubarium.dev/headline-en: <b>Mine</b> is small.}}\nspec: {cluster: {nodes: [{count: 1}]}}\n";
  await openScenario(page, text);
  await page.getByRole("heading", { name: "<b>Mine</b> is small." }).waitFor();
});

const COLOURS = [
  ["node-0   Ready    <none>   3d", "node-0   <green>Ready   <none>   3d"],
  ["node-0   NotReady   <none>   3d", "node-0   <red>NotReady   <none>   3d"],
  ["Status:       Running", "Status:       <green>Running"],
  // In `describe`, conditions have a heading and names of their own.
  ["  Type                        Status", "  Type                        Status"],
  ["  Ready                       True ", "  Ready                       <green>True "],
  ["  MemoryPressure   False   KubeletHasSufficientMemory", "  MemoryPressure   False   KubeletHasSufficientMemory"],
  ["  MemoryPressure   True   KubeletHasInsufficientMemory", "  MemoryPressure   <red>True   KubeletHasInsufficientMemory"],
  ["  Warning  Failed  5s", "  <yellow>Warning  <red>Failed  5s"],
];

test("what a line waits for is known from its quotes, its end and its here-documents", () => {
  for (const [line, waits] of [
    ["kubectl get pods", undefined], ["echo 'a", "quote"], ['echo "a\\"', "dquote"], ["echo it\\'s", undefined], ["echo 'a' \"b\"", undefined],
    ["echo a \\", ""], ["echo a \\\\", undefined], ["echo '\\", "quote"], ["echo a # it's", undefined], ["echo a#'b", "quote"],
    ["kubectl get pods | ", "pipe"], ["a &&", "cmdand"], ["a ||", "cmdor"], ["a;", undefined],
  ]) assert.equal(open(line), waits, line);
  assert.equal(joined("a \\", "b"), "a b");
  assert.equal(joined("echo 'a\\", "b'"), "echo 'a\\\nb'");
  assert.deepEqual(["cat <<-EOF | wc", "cat << 'A.B'", "cat<<E", "echo '<<EOF'", "read x <<<word", "echo $((1<<2))"].map((line) => {
    const here = wanted(line, 3);
    return here && [here.line, here.end, here.tabs, here.literal];
  }), [[`cat  ${HERE}3  | wc`, "EOF", true, false], [`cat  ${HERE}3 `, "A.B", false, true], [`cat ${HERE}3 `, "E", false, false], undefined, undefined, undefined]);
});

test("only statuses are coloured", () => {
  const names = { 31: "<red>", 32: "<green>", 33: "<yellow>", 39: "" };
  for (const [line, shown] of COLOURS) {
    const named = painted(line).replace(/\x1b\[(\d+)m/g, (_, sign) => names[sign]);
    assert.equal(named.replace(/\s+/g, " "), shown.replace(/\s+/g, " "));
  }
});

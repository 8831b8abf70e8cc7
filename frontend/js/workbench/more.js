// The menu behind "More": playgrounds, files from and for outside.

import { clusterOf, manifests, mayBeMore, natureOf, objectsOf, read } from "./bring.js";
import { sheet } from "./compare.js";
import { kubectl, objects, scenario } from "./line.js";
import { all, forget, load, save } from "./playgrounds.js";
import { element, say } from "./words.js";

/** Hands a file to the person. */
function download(name, text, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** All kinds that a person writes. */
const KINDS = "customresourcedefinitions,namespaces,priorityclasses,storageclasses,serviceaccounts,configmaps,secrets,services,deployments,"
  + "statefulsets,daemonsets,replicasets,pods,jobs,cronjobs,horizontalpodautoscalers,poddisruptionbudgets,ingresses,ingressclasses,"
  + "networkpolicies,persistentvolumeclaims,resourcequotas,limitranges,roles,rolebindings,clusterroles,clusterrolebindings";

const EXPORTS = [
  ["export_manifests", async () => {
    const found = await objects(["get", KINDS, "-A"]);
    const custom = (found?.items ?? []).filter(({ kind }) => kind === "CustomResourceDefinition").map(({ spec, metadata }) => metadata.name ?? spec.names.plural);
    const more = custom.length ? (await objects(["get", custom.join(","), "-A"]))?.items ?? [] : [];
    download("cluster.yaml", manifests([...(found?.items ?? []), ...more]), "application/yaml");
  }],
  ["export_scenario", async () => download("scenario.json", await scenario(), "application/json")],
  ["export_events", async () => download("events.json", (await kubectl(["get", "events", "-A", "-o", "json"])).stdout, "application/json")],
];

/**
 * What a file brings: manifests become a tab, a scenario or the output of a real cluster is offered as a cluster.
 * `tools` has the editor's `files`, `note` and `open`.
 */
export async function bring(file, { files, note, open }) {
  const { text, refused } = await read(file);
  if (refused) return note(refused, { bad: true });
  const more = mayBeMore(text);
  if (more) {
    note(say("reading", { name: file.name }));
    // The words are seen before the work begins.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const found = more ? objectsOf(text) : undefined;
  const nature = natureOf(found);
  if (more) note();
  if (nature === "manifests") return void files.add(text, file.name.replace(/\.json$/i, ".yaml"));
  if (nature === "scenario") return note(say("is_scenario", { name: file.name }), { action: say("open_it"), act: () => open(text), stay: true });
  const mine = clusterOf(found);
  return note(say("is_cluster", { nodes: mine.nodes, objects: mine.objects }), { action: say("open_it"), act: () => open(mine.scenario), stay: true });
}

/** The menu itself. */
export function more({ root, files, note, open }) {
  const picker = element("input", { type: "file", multiple: true, hidden: true, accept: ".yaml,.yml,.json,.txt" });
  picker.addEventListener("change", async () => {
    for (const file of picker.files) await bring(file, { files, note, open });
    picker.value = "";
  });
  const menu = element("details", { class: "more" });
  const close = () => (menu.open = false);
  const item = (text, act) => element("button", { text, onclick: () => { close(); act(); } });
  menu.append(element("summary", { text: "more" }), element("div", {},
    item("open_file", () => picker.click()),
    item("playgrounds", () => playgrounds({ root, files, note, open })),
    ...EXPORTS.map(([text, act]) => item(text, act)), picker));
  menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && close());
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    close();
    menu.querySelector("summary").focus();
  });
  return menu;
}

async function playgrounds({ root, files, note, open }) {
  const list = element("ul", { class: "kept" });
  const name = element("input", { type: "text", maxlength: "60", label: "playground_name", required: true, spellcheck: "false" });
  const form = element("form", { method: "dialog" }, name, element("button", { class: "primary", text: "keep" }));
  const body = element("div", { class: "body padded" }, element("p", { text: "playgrounds_say" }), form, list);
  const dialog = sheet(root, "playgrounds", body);
  dialog.classList.add("small");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const kept = await save({ name: name.value.trim(), ...files.saved(), scenario: await scenario() });
    if (!kept) return note(say("not_kept"), { bad: true });
    name.value = "";
    draw();
  });
  const take = async (wanted) => {
    const found = await load(wanted);
    if (!found) return;
    dialog.close();
    files.restore(found);
    open(found.scenario);
  };
  const remove = async (wanted) => {
    const was = await forget(wanted);
    draw();
    if (was) note(say("forgotten", { name: wanted }), { action: say("undo"), act: () => save(was), stay: true });
  };
  const draw = async () => list.replaceChildren(...(await all()).map((one) => element("li", {},
    element("button", { class: "link", onclick: () => take(one.name) }, one.name),
    element("span", {}, new Date(one.saved).toLocaleString(document.documentElement.lang)),
    element("button", { class: "quiet", text: "forget", onclick: () => remove(one.name) }))));
  draw();
}

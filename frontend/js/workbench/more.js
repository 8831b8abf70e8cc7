// The menu behind "More": playgrounds, files from and for outside.

import { mayBeMore, MOST_TEXT, read, tooLarge, understand } from "./bring.js";
import { sheet } from "./compare.js";
import { kubectl, objects, scenario } from "./line.js";
import { manifests } from "./objects.js";
import { all, forget, load, save } from "./playgrounds.js";
import { kinds } from "./schema.js";
import { element, say } from "./words.js";

/** Hands a file to the person. */
function download(name, text, type) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Kinds of which a person writes no object, or that a cluster brings itself. */
const NOBODYS = /^(bindings|componentstatuses|controllerrevisions|csinodes|csistoragecapacities|endpoints|endpointslices|events|ipaddresses|leases|nodes|servicecidrs|volumeattachments|resourceslices|apiservices|certificatesigningrequests|flowschemas|prioritylevelconfigurations)$/;

/** The names of all kinds that a person writes, definitions of people's own included. */
const own = async () => (await kinds())
  .filter(({ plural, apiVersion }) => !NOBODYS.test(plural) && !/^(authentication|authorization|metrics|events)\./.test(apiVersion))
  .map(({ plural, apiVersion }) => (apiVersion.includes("/") ? `${plural}.${apiVersion.split("/")[0]}` : plural));

const EXPORTS = [
  ["export_manifests", async () => {
    const found = await objects(["get", (await own()).join(","), "-A"]);
    download("cluster.yaml", manifests(found?.items ?? []), "application/yaml");
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
  const name = file.name.replace(/\.json$/i, ".yaml");
  if (await offer(text, file.name, { note, open })) files.add(text, name);
}

/** The same of a text that is in the editor already: whether it is manifests, and nothing more. */
export async function offer(text, name, { note, open }) {
  let found = { nature: "manifests" };
  if (mayBeMore(text)) {
    const reading = (part) => note(say("reading", { name, percent: Math.round(part * 100) }), { stay: true });
    reading(0);
    found = await understand(text, reading);
    note();
  }
  const { nature } = found;
  const largest = nature === "cluster" ? found.scenario : text;
  if (largest.length > MOST_TEXT) note(tooLarge(name, largest.length, MOST_TEXT), { bad: true });
  else if (nature === "manifests") return true;
  else if (nature === "scenario") note(say("is_scenario", { name }), { action: say("open_it"), act: () => open(text), stay: true });
  else {
    const made = found.made ? ` ${say("is_made", { made: found.made })}` : "";
    note(say("is_cluster", { nodes: found.nodes, objects: found.objects }) + made, { action: say("open_it"), act: () => open(found.scenario), stay: true });
  }
  return false;
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

// The menu behind "More": playgrounds, files from and for outside.

import { mayBeMore, MOST_TEXT, read, tooLarge, understand } from "./bring.js";
import { download } from "./download.js";
import { playgrounds } from "./kept.js";
import { ask, kubectl, parsed, scenario } from "./line.js";
import { manifests } from "./objects.js";
import { kinds } from "./schema.js";
import { element, say } from "./words.js";

/** Kinds of which a person writes no object, or that a cluster brings itself. */
const NOBODYS = /^(bindings|componentstatuses|controllerrevisions|csinodes|csistoragecapacities|endpoints|endpointslices|events|ipaddresses|leases|nodes|servicecidrs|volumeattachments|resourceslices|apiservices|certificatesigningrequests|flowschemas|prioritylevelconfigurations)$/;

/** The names of all kinds that a person writes, definitions of people's own included. */
const own = async () => (await kinds())
  .filter(({ plural, apiVersion }) => !NOBODYS.test(plural) && !/^(authentication|authorization|metrics|events)\./.test(apiVersion))
  .map(({ plural, apiVersion }) => (apiVersion.includes("/") ? `${plural}.${apiVersion.split("/")[0]}` : plural));

/** Saves what the objects of some kinds become, and says what is not there to be saved: the API server may not answer. */
async function saveObjects(kinds, name, type, write, note) {
  // Whoever does not even say which kinds there are says why.
  const { stdout, stderr } = await kubectl(kinds ? ["get", kinds, "-A", "-o", "json"] : ["api-resources"]);
  const items = parsed(stdout)?.items ?? [];
  const text = items.length ? write(items, stdout) : "";
  if (text) download(name, text, type);
  if (!text || stderr) note(stderr.trim() || say("nothing_to_save"), { bad: true, of: name });
}

const EXPORTS = [
  ["export_manifests", async (note) => saveObjects((await own()).join(","), "cluster.yaml", "application/yaml", manifests, note)],
  ["export_scenario", async () => download("scenario.json", await scenario(), "application/json")],
  ["export_events", (note) => saveObjects("events", "events.json", "application/json", (_, text) => text, note)],
];

/**
 * What a file brings: manifests become a tab, a scenario or the output of a real cluster is offered as a cluster.
 * `tools` has the editor's `files`, `note` and `open`.
 */
async function bring(file, { files, note, open }) {
  const { text, refused } = await read(file);
  if (refused) return note(refused, { bad: true });
  const name = file.name.replace(/\.json$/i, ".yaml");
  if (await offer(text, file.name, { note, open })) files.add(text, name);
}

/** What several files bring, one after the other, so that each finds its place; `tools` also tells when they come. */
export async function bringAll(list, { coming, ...tools }) {
  const gone = coming();
  try {
    for (const file of list) await bring(file, tools);
  } finally {
    gone();
  }
}

/** How often it is looked whether a cluster is open, in milliseconds, and how often at most. */
const LOOK_MS = 500;
const LOOKS = 240;

/** Opens a cluster, and says what of it was refused meanwhile: nobody has seen it. */
async function opened(open, scenario, note) {
  const { engine } = window.kubarium;
  let bad = false;
  const hear = ({ data }) => (bad ||= typeof data === "string" && data.startsWith('{"badLink":'));
  engine.addEventListener("message", hear);
  open(scenario);
  for (let look = 0; look < LOOKS && !bad; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const refused = !bad && await ask({ ask: "refused" });
    if (!refused) continue;
    if (refused.count) note(say("were_refused", refused), { bad: true, of: "refused" });
    break;
  }
  engine.removeEventListener("message", hear);
}

/** The same of a text that is in the editor already: whether it is manifests, and nothing more. */
export async function offer(text, name, { note, open }) {
  let found = { nature: "manifests" };
  if (mayBeMore(text)) {
    const reading = (part) => note(say("reading", { name, percent: Math.round(part * 100) }), { stay: true, of: "reading" });
    reading(0);
    try {
      found = await understand(text, reading);
    } finally {
      reading(1).remove();
    }
  }
  const { nature } = found;
  const largest = nature === "cluster" ? found.scenario : text;
  if (largest.length > MOST_TEXT) note(tooLarge(name, largest.length, MOST_TEXT), { bad: true });
  else if (nature === "manifests") return true;
  else if (nature === "scenario") note(say("is_scenario", { name }), { action: say("open_it"), act: () => opened(open, text, note), stay: true });
  else {
    const made = found.made ? ` ${say("is_made", { made: found.made })}` : "";
    note(say("is_cluster", { nodes: found.nodes, objects: found.objects }) + made, { action: say("open_it"), act: () => opened(open, found.scenario, note), stay: true });
  }
  return false;
}

/** The menu itself. */
export function more({ root, files, note, open, coming }) {
  const picker = element("input", { type: "file", multiple: true, hidden: true, accept: ".yaml,.yml,.json,.txt" });
  picker.addEventListener("change", async () => {
    const list = [...picker.files];
    picker.value = "";
    await bringAll(list, { files, note, open, coming });
  });
  const menu = element("details", { class: "more" });
  const close = () => (menu.open = false);
  const item = (text, act) => element("button", { text, onclick: () => { close(); act(); } });
  menu.append(element("summary", { text: "more" }), element("div", {},
    item("open_file", () => picker.click()),
    item("playgrounds", () => playgrounds({ root, files, note, open })),
    ...EXPORTS.map(([text, act]) => item(text, () => act(note))), picker));
  menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && close());
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    close();
    menu.querySelector("summary").focus();
  });
  return menu;
}

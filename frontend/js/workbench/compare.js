// Two texts beside each other: what applying would change, and the cluster's own YAML beside yours.

import { foldGutter } from "@codemirror/language";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, RangeSetBuilder } from "@codemirror/state";
import { Decoration, EditorView, lineNumbers } from "@codemirror/view";
import { yaml } from "@codemirror/lang-yaml";
import { isMap, isPair, isSeq, parseDocument, visit } from "yaml";
import { copyButton } from "./clipboard.js";
import { kubectl, parsed } from "./line.js";
import { objectsOf } from "./objects.js";
import { print } from "./reading.js";
import { element, say } from "./words.js";

const LAST = "kubectl.kubernetes.io/last-applied-configuration";
const nameOf = ({ kind, metadata }) => `${kind}/${metadata?.namespace ?? ""}/${metadata?.name}`;
const listed = (json) => (json?.kind === "List" ? json.items : json ? [json] : []);

/** The object without what every write changes. */
function plain(object) {
  const { status, ...rest } = object;
  const { managedFields, resourceVersion, generation, uid, creationTimestamp, annotations, ...metadata } = rest.metadata ?? {};
  const { [LAST]: _, ...others } = annotations ?? {};
  return { ...rest, metadata: { ...metadata, ...(Object.keys(others).length ? { annotations: others } : {}) } };
}

/** What is there and what would be, of all objects of a text: `{before, after, error}`. */
export async function difference(text) {
  const [live, next] = await Promise.all([
    kubectl(["get", "-f", "-", "--ignore-not-found", "-o", "json"], text),
    kubectl(["apply", "--dry-run=server", "-f", "-", "-o", "json"], text),
  ]);
  const after = listed(parsed(next.stdout));
  const known = new Map(listed(parsed(live.stdout)).map((object) => [nameOf(object), object]));
  const join = (objects) => objects.map((object) => (object ? print(plain(object)) : "")).filter(Boolean).join("---\n");
  return {
    before: join(after.map((object) => known.get(nameOf(object)))), after: join(after),
    error: next.stderr.split("\n").filter((line) => line && !line.startsWith("Warning:")).join("\n"),
  };
}

const readOnly = (looks, label) => [
  lineNumbers(), foldGutter(), yaml(), looks,
  EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ tabindex: "0", "aria-label": say(label) }),
];

/** A window over the page, in the editor's shadow root. */
export function sheet(root, title, ...children) {
  const close = () => dialog.close();
  const dialog = element("dialog", { label: title, onclose: () => dialog.remove() },
    element("div", { class: "inside" },
      element("header", {}, element("h2", { text: title }), element("button", { class: "round", label: "close", onclick: close }, "×")),
      ...children));
  // The page's own keys are not meant while it is open.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

const copyable = (command) => element("p", { class: "command" }, element("code", {}, command),
  copyButton({ element, say }, () => command));

/** Shows what applying would change; `apply` does it. */
export async function compare({ root, text, name, looks, apply }) {
  const body = element("div", { class: "body" });
  const heads = element("div", { class: "heads" }, element("span", { text: "is_now" }), element("span", { text: "would_be" }));
  // A phone has no room for two columns.
  const narrow = matchMedia("(max-width: 700px)").matches;
  heads.hidden = narrow;
  const go = element("button", { class: "primary", text: "apply", onclick: () => { dialog.close(); apply(); } });
  const dialog = sheet(root, "diff", heads, body, element("footer", {}, copyable(`kubectl diff -f ${name}`), go));
  const { before, after, error } = await difference(text);
  if (error) body.append(element("pre", { class: "bad" }, error));
  if (before === after) {
    if (!error) body.append(element("p", { class: "empty", text: "no_difference" }));
    return;
  }
  const collapseUnchanged = { margin: 3, minSize: 6 };
  const side = (doc, label) => ({ doc, extensions: readOnly(looks, label) });
  const view = narrow
    ? new EditorView({
      parent: body, root, doc: after,
      extensions: [...readOnly(looks, "would_be"), unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged })],
    })
    : new MergeView({ a: side(before, "is_now"), b: side(after, "would_be"), parent: body, root, gutter: true, highlightChanges: true, collapseUnchanged });
  dialog.addEventListener("close", () => view.destroy());
}

/** What people write with: their fields are theirs, and what the API server filled in beside them is its. */
const PEOPLE = /^(kubectl|kubarium|before-first-apply)/;

/** Who wrote a field of an object whose managedFields name no component: components of the control plane write these. */
function component(kind, path) {
  const [first, second] = path;
  if (first === "status") {
    if (["Pod", "Node"].includes(kind)) return "kubelet";
    // Where no controller has written there is what the API server begins with.
    return ["Service", "Namespace", "Ingress", "CertificateSigningRequest"].includes(kind) ? "kube-apiserver" : "kube-controller-manager";
  }
  if (kind === "Pod" && first === "spec" && second === "nodeName") return "kube-scheduler";
  if (first === "metadata" && ["uid", "resourceVersion", "generation", "creationTimestamp"].includes(second)) return "kube-apiserver";
  if (first === "metadata" && second === "annotations" && path[2] === "deployment.kubernetes.io/revision") return "kube-controller-manager";
  return undefined;
}

/** Whether `fieldsV1` has a path. An item of a list is found by the keys that the entry names. */
function owns(fields, path, object) {
  let [at, value] = [fields, object];
  for (const step of path) {
    if (!at) return false;
    if (typeof step === "number") {
      const item = value?.[step];
      const key = Object.keys(at).find((one) => (one.startsWith("k:")
        ? Object.entries(parsed(one.slice(2)) ?? {}).every(([name, wanted]) => item?.[name] === wanted)
        : one === `v:${JSON.stringify(item)}`));
      // A list that is owned as a whole has nothing below.
      if (!key) return Object.keys(at).length === 0;
      [at, value] = [at[key], item];
    } else {
      if (!(`f:${step}` in at)) return Object.keys(at).length === 0 && at !== fields;
      [at, value] = [at[`f:${step}`], value?.[step]];
    }
  }
  return true;
}

/** What a person wrote at a path, if anything; items of lists are the same when their names are. */
function written(mine, live, path) {
  let [here, there] = [mine, live];
  for (const step of path) {
    if (typeof step === "number") {
      const item = there?.[step];
      here = Array.isArray(here) ? here.find((one) => (item?.name !== undefined ? one?.name === item.name : JSON.stringify(one) === JSON.stringify(item))) ?? here[step] : undefined;
      there = item;
    } else [here, there] = [here?.[step], there?.[step]];
    if (here === undefined) return undefined;
  }
  return here;
}

/** The live object as text, with each line's origin: `{line, origin: "defaulted" | manager}`. */
export function origins(object, mine) {
  const { managedFields = [], annotations, ...metadata } = object.metadata;
  const { [LAST]: _, ...others } = annotations ?? {};
  const shown = { ...object, metadata: Object.keys(others).length ? { annotations: others, ...metadata } : metadata };
  const text = print(shown);
  const document = parseDocument(text);
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineOf = (offset) => starts.findLastIndex((start) => start <= offset) + 1;
  const lines = new Map();
  const [people, components] = [true, false].map((person) => managedFields.filter(({ manager }) => PEOPLE.test(manager) === person));
  const told = (path, managers = components) => managers.find(({ fieldsV1 }) => owns(fieldsV1, path, object))?.manager;
  const writer = (path) => told(path) ?? (components.length && path[0] !== "metadata" ? undefined : component(object.kind, path));
  visit(document, {
    Pair(__, pair, above) {
      const path = [];
      const chain = [...above, pair];
      chain.forEach((node, index) => {
        if (isPair(node)) path.push(node.key.value);
        else if (isSeq(node)) path.push(node.items.indexOf(chain[index + 1]));
      });
      const line = lineOf(pair.key.range[0]);
      if (lines.has(line)) return;
      const leaf = !isMap(pair.value) && !isSeq(pair.value);
      const own = written(mine, shown, path);
      if (own !== undefined) {
        // Somebody has changed it since.
        const since = leaf && own !== pair.value?.value && told(path);
        if (since) lines.set(line, { origin: since, leaf });
        return;
      }
      const manager = writer(path);
      // A person's by another way. In a spec their programs own what was filled in beside it, too.
      if (!manager && path[0] === "metadata" && told(path, people)) return;
      if (manager) lines.set(line, { origin: manager, leaf });
      else if (path[0] !== "apiVersion" && path[0] !== "kind") lines.set(line, { origin: "defaulted", leaf });
    },
    Scalar(key, node) {
      if (typeof key !== "number") return;
      const line = lineOf(node.range[0]);
      if (!lines.has(line) && lines.get(line - 1)) lines.set(line, { ...lines.get(line - 1) });
    },
  });
  return { text, lines };
}

function decorate(lines) {
  return EditorView.decorations.of((view) => {
    const builder = new RangeSetBuilder();
    let before;
    for (let number = 1; number <= view.state.doc.lines; number++) {
      const origin = lines.get(number)?.origin;
      const { from } = view.state.doc.line(number);
      if (origin === "defaulted") builder.add(from, from, Decoration.line({ class: "cm-defaulted" }));
      else if (origin && origin !== before) builder.add(from, from, Decoration.line({ class: "cm-managed cm-managed-line", attributes: { "data-manager": origin } }));
      else if (origin) builder.add(from, from, Decoration.line({ class: "cm-managed-line" }));
      before = origin;
    }
    return builder.finish();
  });
}

/** Shows the cluster's own objects beside the text that describes them. */
export async function live({ root, text, name, looks }) {
  const body = element("div", { class: "body" });
  const key = element("p", {}, element("span", { text: "live_says" }));
  const dialog = sheet(root, "live", body, element("footer", {}, key, copyable(`kubectl get -f ${name} -o yaml --show-managed-fields`)));
  const { stdout, stderr } = await kubectl(["get", "-f", "-", "--ignore-not-found", "-o", "json", "--show-managed-fields"], text);
  const found = listed(parsed(stdout));
  if (!found.length) {
    return body.append(stderr ? element("pre", { class: "bad" }, stderr) : element("p", { class: "empty", text: "not_there" }));
  }
  const mine = objectsOf(text) ?? [];
  let whole = "";
  const lines = new Map();
  for (const object of found) {
    const own = mine.find(({ kind, metadata }) => kind === object.kind && metadata?.name === object.metadata.name
      && (metadata.namespace ?? object.metadata.namespace) === object.metadata.namespace);
    const part = origins(object, own ?? {});
    const offset = whole ? whole.split("\n").length : 0;
    if (whole) whole += "---\n";
    part.lines.forEach((value, line) => lines.set(line + offset, value));
    whole += part.text;
  }
  // Each says whose it is: on a phone one stands below the other.
  const sides = ["yours", "in_cluster"].map((text) => element("div", {}, element("span", { class: "head", text })));
  body.append(element("div", { class: "pair" }, ...sides));
  const views = [
    new EditorView({ root, parent: sides[0], state: EditorState.create({ doc: text, extensions: readOnly(looks, "yours") }) }),
    new EditorView({ root, parent: sides[1], state: EditorState.create({ doc: whole, extensions: [...readOnly(looks, "in_cluster"), decorate(lines)] }) }),
  ];
  dialog.addEventListener("close", () => views.forEach((view) => view.destroy()));
}

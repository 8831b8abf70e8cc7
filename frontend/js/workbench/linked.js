// Editor and diagram speak of the same things: a selector lights up its pods, a pod its template's lines, and replicas have
// a slider.

import { isolateHistory } from "@codemirror/commands";
import { RangeSetBuilder, StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { isMap, visit } from "yaml";
import { kubectl, objects } from "./line.js";
import { documentsOf, valuesOf } from "./reading.js";
import { context, documentAt, documents, find, itemsOf, lastLine, parts } from "./text.js";
import { say } from "./words.js";

const MOST_REPLICAS = 20;

const setLit = StateEffect.define();
const lit = StateField.define({
  create: () => Decoration.none,
  update(now, transaction) {
    let next = now.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setLit)) next = effect.value;
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** What `make` makes of a document of a text, worked out once. */
const ofDocument = (make) => {
  const known = new WeakMap();
  return (doc, document) => {
    if (!known.has(doc)) known.set(doc, new Map());
    const made = known.get(doc);
    if (!made.has(document.from)) made.set(document.from, make(doc, document));
    return made.get(document.from);
  };
};
const last = (read) => (doc, { from, to }) => read(doc.sliceString(doc.line(from).from, doc.line(to).to))?.at(-1);
/** What a document of the text says; `undefined` while that is no YAML. */
const said = ofDocument(last(valuesOf));
const treeOf = ofDocument(last(documentsOf));

/** The objects of a document, `{object, from, to, path}` each: those of a List one by one. */
const objectsOf = ofDocument((doc, document) => {
  const whole = said(doc, document);
  const items = whole?.kind?.endsWith?.("List") && Array.isArray(whole.items) ? whole.items : undefined;
  if (!items) return whole?.kind ? [{ object: whole, ...document, path: [] }] : [];
  const places = itemsOf(doc, ["items"], document);
  return items.map((object, at) => ({
    object, from: places[at]?.line ?? document.from, to: (places[at + 1]?.line ?? document.to + 1) - 1, path: ["items", at],
  })).filter(({ object }) => object?.kind);
});

/** The object that a line is in. */
const objectAt = (doc, line) => objectsOf(doc, documentAt(doc, line)).find(({ from, to }) => line >= from && line <= to)?.object;

const namespaceOf = (object) => object.metadata?.namespace ?? "default";

/** A selector as `kubectl get -l` has it; empty where it asks for nothing. */
function asked({ matchLabels, matchExpressions = [] }) {
  const words = {
    In: ({ key, values }) => `${key} in (${values})`, NotIn: ({ key, values }) => `${key} notin (${values})`,
    Exists: ({ key }) => key, DoesNotExist: ({ key }) => `!${key}`,
  };
  return [...Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...[matchExpressions].flat().map((one) => words[one?.operator]?.(one)).filter(Boolean)].join(",");
}

/** Fields that choose pods; those of claims choose volumes. */
const SELECTORS = ["selector", "podSelector", "labelSelector"];
const choosesNone = ({ path, owner }) => owner.kind === "PersistentVolumeClaim" || path.includes("volumeClaimTemplates");

/** The innermost selector that an offset in a document is in. */
function around(document, offset) {
  let found;
  visit(document, { Pair(_, { key, value }) {
    if (offset < key.range[0] || offset > (value?.range ?? key.range)[1]) return visit.SKIP;
    if (SELECTORS.includes(key.value)) found = value;
    return undefined;
  } });
  return isMap(found) ? found.toJS(document) : undefined;
}

/** What the selector around a position asks for, with the namespace. */
function selectorAt(state, position) {
  const where = context(state, position);
  if (![...where.path, where.key].some((step) => SELECTORS.includes(step)) || choosesNone(where)) return undefined;
  const object = objectAt(state.doc, where.line.number);
  const from = Math.max(position, where.line.from + (where.flow ? 0 : where.part.column));
  const selector = object && around(treeOf(state.doc, where.document), from - state.doc.line(where.document.from).from);
  if (!selector) return undefined;
  const labels = asked(["Service", "ReplicationController"].includes(where.owner.kind) ? { matchLabels: selector } : selector);
  return labels ? { labels, namespace: namespaceOf(object) } : undefined;
}

/** Selectors light up their pods; `relate(uids)` shows them, `relate(null)` ends it. */
function selectors(relate) {
  let shown = "";
  const look = async (state, position) => {
    const found = position === null ? undefined : selectorAt(state, position);
    const key = found ? JSON.stringify(found) : "";
    if (key === shown) return;
    shown = key;
    if (!found) return relate(null);
    const { stdout } = await kubectl(["get", "pods", "-n", found.namespace, "-l", found.labels, "-o", "jsonpath={.items[*].metadata.uid}"]);
    if (shown === key) relate(stdout.split(" ").filter(Boolean));
  };
  return [
    EditorView.domEventHandlers({
      mousemove: (event, view) => void look(view.state, view.posAtCoords({ x: event.clientX, y: event.clientY })),
      mouseleave: (_, view) => void look(view.state, view.hasFocus ? view.state.selection.main.head : null),
      blur: (_, view) => void look(view.state, null),
    }),
    EditorView.updateListener.of((update) => {
      if (update.selectionSet && update.view.hasFocus) look(update.state, update.state.selection.main.head);
    }),
  ];
}

/** The lines of a text that a pod (as JSON) comes from. */
function linesOf(doc, pod) {
  const owned = pod.metadata.labels ?? {};
  for (const document of documents(doc)) {
    for (const { object, from, to, path } of objectsOf(doc, document)) {
      if (namespaceOf(object) !== pod.metadata.namespace) continue;
      if (object.kind === "Pod" && object.metadata?.name === pod.metadata.name) return [from, to];
      const below = object.kind === "CronJob" ? ["spec", "jobTemplate", "spec", "template"] : ["spec", "template"];
      const labels = below.reduce((at, step) => at?.[step], object)?.metadata?.labels;
      if (!labels || !Object.entries(labels).every(([key, wanted]) => owned[key] === String(wanted))) continue;
      const template = find(doc, [...path, ...below], document);
      if (template.depth === path.length + below.length) return [template.line, lastLine(doc, template.line, template.column, document.to)];
    }
  }
  return undefined;
}

/** Marks the lines from which a pod comes, in `view`; whether there are any. */
export async function light(view, namespace, name) {
  const pod = namespace && await objects(["get", "pod", name, "-n", namespace]);
  const { doc } = view.state;
  const found = pod?.metadata && linesOf(doc, pod);
  const builder = new RangeSetBuilder();
  if (found) {
    for (let number = found[0]; number <= found[1]; number++) {
      const { from } = doc.line(number);
      builder.add(from, from, Decoration.line({ class: "cm-lit" }));
    }
  }
  const effects = [setLit.of(builder.finish())];
  if (found) effects.push(EditorView.scrollIntoView(doc.line(found[0]).from, { y: "nearest", yMargin: 40 }));
  view.dispatch({ effects });
  return Boolean(found);
}

class Slider extends WidgetType {
  constructor(value, line, scale) {
    super();
    Object.assign(this, { value, line, scale });
  }

  eq(other) {
    return other.value === this.value && other.line === this.line;
  }

  /** The widget stays while it is dragged. */
  updateDOM(dom) {
    if (document.activeElement !== dom) dom.value = this.value;
    dom.line = this.line;
    return true;
  }

  toDOM(view) {
    const input = document.createElement("input");
    Object.assign(input, { type: "range", className: "cm-slider", min: 0, max: Math.max(MOST_REPLICAS, this.value), step: 1, value: this.value, line: this.line });
    input.setAttribute("aria-label", say("replicas"));
    input.title = say("replicas");
    let before;
    /** Writes a number; returns the one that stood there. */
    const put = (insert, spec = {}) => {
      const at = view.state.doc.line(input.line);
      const digits = at.text.match(/replicas:\s*(\d+)/);
      const from = at.from + digits.index + digits[0].length - digits[1].length;
      view.dispatch({ changes: { from, to: from + digits[1].length, insert }, userEvent: "input.slide", ...spec });
      return digits[1];
    };
    input.addEventListener("input", () => {
      const was = put(input.value, { annotations: Transaction.addToHistory.of(false) });
      before ??= was;
    });
    input.addEventListener("change", () => {
      const { value } = input;
      // However far it was dragged, one undo takes it back.
      if (before !== undefined) put(before, { annotations: Transaction.addToHistory.of(false) });
      before = undefined;
      put(value, { annotations: isolateHistory.of("full") });
      this.scale(view, input.line, value);
    });
    return input;
  }

  ignoreEvent() {
    return true;
  }
}

/** Where a List says what is in it: among its first lines. */
const isList = (doc, { from, to }) => {
  for (let number = from; number <= Math.min(to, from + 20); number++) if (/^items:\s*(#.*)?$/.test(doc.line(number).text)) return true;
  return false;
};

/** Whether a line belongs to an object's `spec:` right above it: a ConfigMap may have keys of any name. */
function isOfSpec(doc, line) {
  let { column } = parts(line.text);
  let found;
  for (let number = line.number - 1; number >= 1; number--) {
    const part = parts(doc.line(number).text);
    if (part.blank || (part.dashes[0] ?? part.column) >= column) continue;
    found ??= part;
    if (found.key !== "spec" || !found.column) return found.key === "spec";
    // The item's first line: its List is the whole document.
    if (part.dashes.length) return part.dashes.length === 1 && part.column === found.column && isList(doc, documentAt(doc, number));
    if (part.column < found.column) return false;
    column = found.column;
  }
  return false;
}

/** A slider beside every number of replicas; letting go of it scales what is in the cluster. */
const sliders = (run) => {
  const scale = async (view, line, replicas) => {
    const { doc } = view.state;
    const object = objectAt(doc, line);
    if (!object?.metadata?.name) return;
    const target = `${object.kind.toLowerCase()}/${object.metadata.name}`;
    const namespace = namespaceOf(object);
    const where = namespace === "default" ? [] : ["-n", namespace];
    if ((await kubectl(["get", target, ...where, "-o", "name"])).code === 0) run(["scale", target, `--replicas=${replicas}`, ...where].join(" "));
  };
  const build = (view) => {
    const builder = new RangeSetBuilder();
    const { doc } = view.state;
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to;) {
        const line = doc.lineAt(at);
        const found = line.text.match(/^ {1,8}replicas:\s*(\d{1,3})\s*(#.*)?$/);
        if (found && isOfSpec(doc, line)) builder.add(line.to, line.to, Decoration.widget({ widget: new Slider(Number(found[1]), line.number, scale), side: 1 }));
        at = line.to + 1;
      }
    }
    return builder.finish();
  };
  return ViewPlugin.fromClass(class {
    constructor(view) {
      this.decorations = build(view);
    }

    update(update) {
      if (update.docChanged || update.viewportChanged) this.decorations = build(update.view);
    }
  }, { decorations: (plugin) => plugin.decorations });
};

/** All of it, as an extension. */
export const linked = ({ relate, run }) => [lit, selectors(relate), sliders(run)];

/** Of each pod its UID, namespace and name: there may be thousands. */
const PLACES = 'jsonpath={range .items[*]}{.metadata.uid} {.metadata.namespace} {.metadata.name}{"\\n"}{end}';

/** Pods on the stage light up their lines while the pointer or the focus is on them. */
export function followStage(view) {
  let shown = "";
  const enter = async ({ target }) => {
    const uid = target.closest?.(".pod[data-place^='pod/']")?.dataset.place.slice(4) ?? "";
    if (uid === shown) return;
    shown = uid;
    if (!view().dom.isConnected || view().dom.getClientRects().length === 0) return;
    const { stdout } = uid ? await kubectl(["get", "pods", "-A", "-o", PLACES]) : { stdout: "" };
    if (shown !== uid) return;
    const [, namespace, name] = stdout.split("\n").map((line) => line.split(" ")).find(([one]) => one === uid) ?? [];
    light(view(), namespace, name);
  };
  document.addEventListener("pointerover", enter, { passive: true });
  document.addEventListener("focusin", enter);
}

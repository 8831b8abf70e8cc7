// Editor and diagram speak of the same things: a selector lights up its pods, a pod its template's lines, and replicas have
// a slider.

import { RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { kubectl, objects } from "./line.js";
import { context, documents, find, lastLine, parts, scalar, siblings } from "./text.js";
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

/** Keys and values of the mapping at a path, as text; `undefined` when it is not there. */
function mapping(doc, path, document) {
  const place = find(doc, path, document);
  if (place.depth !== path.length || !place.part) return undefined;
  const flow = doc.line(place.line).text.slice(place.part.value).match(/\{(.*)\}/)?.[1];
  if (flow !== undefined) {
    return Object.fromEntries(flow.split(",").map((pair) => pair.split(":").map((word) => word.trim().replace(/^(["'])(.*)\1$/, "$2"))).filter(([key]) => key));
  }
  const end = lastLine(doc, place.line, place.column, document.to);
  const found = {};
  for (let number = place.line + 1; number <= end; number++) {
    const text = doc.line(number).text;
    const part = parts(text);
    if (part.key !== undefined) found[part.key] = scalar(text, part);
  }
  return found;
}

const namespaceOf = (doc, document) => {
  const place = find(doc, ["metadata", "namespace"], document);
  return place.depth === 2 ? scalar(doc.line(place.line).text, place.part) : "default";
};

/** The labels that the selector around a position asks for, with the namespace. */
function selectorAt(state, position) {
  const { doc } = state;
  const where = context(state, position);
  const whole = [...where.path, ...(where.key === undefined ? [] : [where.key])];
  if (!(whole[0] === "spec" && ["selector", "podSelector"].includes(whole[1]))) return undefined;
  const path = ["spec", whole[1]];
  const labels = mapping(doc, [...path, "matchLabels"], where.document)
    ?? (where.owner.kind === "Service" ? mapping(doc, path, where.document) : undefined);
  return labels && Object.keys(labels).length ? { labels, namespace: namespaceOf(doc, where.document) } : undefined;
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
    const labels = Object.entries(found.labels).map(([name, value]) => `${name}=${value}`).join(",");
    const { stdout } = await kubectl(["get", "pods", "-n", found.namespace, "-l", labels, "-o", "jsonpath={.items[*].metadata.uid}"]);
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
    const first = find(doc, [], document);
    const root = siblings(doc, first.line, first.column, document);
    const value = (key) => root.find((one) => one.key === key)?.value;
    if (namespaceOf(doc, document) !== pod.metadata.namespace) continue;
    const name = find(doc, ["metadata", "name"], document);
    if (value("kind") === "Pod" && name.depth === 2 && scalar(doc.line(name.line).text, name.part) === pod.metadata.name) {
      return [document.from, document.to];
    }
    const path = value("kind") === "CronJob" ? ["spec", "jobTemplate", "spec", "template"] : ["spec", "template"];
    const labels = mapping(doc, [...path, "metadata", "labels"], document);
    const template = find(doc, path, document);
    if (labels && template.depth === path.length && Object.entries(labels).every(([key, wanted]) => owned[key] === wanted)) {
      return [template.line, lastLine(doc, template.line, template.column, document.to)];
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
    input.addEventListener("input", () => {
      const at = view.state.doc.line(input.line);
      const digits = at.text.match(/replicas:\s*(\d+)/);
      const from = at.from + digits.index + digits[0].length - digits[1].length;
      view.dispatch({ changes: { from, to: from + digits[1].length, insert: input.value }, userEvent: "input.slide" });
    });
    input.addEventListener("change", () => this.scale(view, input.line, input.value));
    return input;
  }

  ignoreEvent() {
    return true;
  }
}

/** A slider beside every number of replicas; letting go of it scales what is in the cluster. */
const sliders = (run) => {
  const scale = async (view, line, replicas) => {
    const { doc } = view.state;
    const document = documents(doc).find(({ from, to }) => line >= from && line <= to);
    const first = find(doc, [], document);
    const root = siblings(doc, first.line, first.column, document);
    const kind = root.find(({ key }) => key === "kind")?.value.toLowerCase();
    const place = find(doc, ["metadata", "name"], document);
    if (place.depth !== 2) return;
    const target = `${kind}/${scalar(doc.line(place.line).text, place.part)}`;
    const namespace = namespaceOf(doc, document);
    const where = namespace === "default" ? [] : ["-n", namespace];
    if ((await kubectl(["get", target, ...where, "-o", "name"])).code === 0) run(["scale", target, `--replicas=${replicas}`, ...where].join(" "));
  };
  const build = (view) => {
    const builder = new RangeSetBuilder();
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to;) {
        const line = view.state.doc.lineAt(at);
        const found = line.text.match(/^ {1,4}replicas:\s*(\d{1,3})\s*(#.*)?$/);
        if (found) builder.add(line.to, line.to, Decoration.widget({ widget: new Slider(Number(found[1]), line.number, scale), side: 1 }));
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

/** Pods on the stage light up their lines while the pointer or the focus is on them. */
export function followStage(view) {
  let shown = "";
  const enter = async ({ target }) => {
    const uid = target.closest?.(".pod[data-place^='pod/']")?.dataset.place.slice(4) ?? "";
    if (uid === shown) return;
    shown = uid;
    if (!view().dom.isConnected || view().dom.getClientRects().length === 0) return;
    const all = uid ? (await objects(["get", "pods", "-A"]))?.items ?? [] : [];
    if (shown !== uid) return;
    const pod = all.find(({ metadata }) => metadata.uid === uid);
    light(view(), pod?.metadata.namespace, pod?.metadata.name);
  };
  document.addEventListener("pointerover", enter, { passive: true });
  document.addEventListener("focusin", enter);
}

// Completion: keys and values that the served schemas allow, kinds, versions, names of what is in the cluster.

import { pickedCompletion, snippet } from "@codemirror/autocomplete";
import { names } from "./facts.js";
import { askedOf, labelsOf } from "./labels.js";
import { allKinds, at, defaultAt, ITEM, namesOf, says, schemaOf, valuesAt } from "./schema.js";
import { BODIES, isWritten, nameOf, onlyAnswers } from "./templates.js";
import { context, siblings, unit } from "./text.js";

/** Kinds that people write most come first. */
const COMMON = ["Deployment", "Service", "ConfigMap", "Pod", "Secret", "Ingress", "StatefulSet", "DaemonSet", "Job", "CronJob",
  "Namespace", "PersistentVolumeClaim", "HorizontalPodAutoscaler", "PodDisruptionBudget"];
const rank = (kind) => (COMMON.includes(kind) ? 50 - COMMON.indexOf(kind) : 0);

/** Whether a value is to stand behind what was taken: those that there are, if any, come at once. */
export const wantsValue = ({ asks, apply }) => asks ?? (typeof apply === "string" && apply.endsWith(": "));

/** A CodeMirror completion source. */
export async function complete(asking) {
  const { state, pos } = asking;
  const where = context(state, pos);
  const before = where.line.text.slice(0, pos - where.line.from);
  const word = before.match(/[\w./-]*$/)[0];
  const from = pos - word.length;
  const lead = before.slice(0, before.length - word.length);
  if (/(^|\s)#/.test(lead)) return null;
  let options;
  if (where.flow) options = await inFlow(state, where, from);
  else if (/^\s*(- +)*$/.test(lead)) {
    if (!word && !asking.explicit) return null;
    options = await keysAt(state, where, lead.length);
  } else if (/^\s*(?:- +)*[^:]+:\s+["']?$/.test(lead)) options = await valuesFor(state.doc, where, where.path, where.part.key);
  if (!options?.length) return null;
  return { from, options, validFor: /^[\w./-]*$/ };
}

async function keysAt(state, where, column) {
  const { doc } = state;
  // A word that is being written is no key yet: the place is where it begins.
  const keys = siblings(doc, where.line.number, column, where.document).filter(({ line }) => line !== where.line.number);
  const { path, owner } = where;
  const root = await schemaOf(owner.apiVersion, owner.kind);
  if (!root) return path.length ? null : beginning(owner, keys);
  const node = at(root, path);
  if (!node) return null;
  if (node.isList) return [{ label: "- ", apply: "- ", type: "keyword" }];
  // `args:` and then `- `: the item itself is a word.
  if (path.at(-1) === ITEM && !node.fields.length) return valuesFor(doc, where, path.slice(0, -2), path.at(-2));
  const have = new Set(keys.map(({ key }) => key));
  if (!node.fields.length) return labelOptions(doc, where, path, have);
  const missing = node.fields.filter((field) => !have.has(field) && !(path.length === 0 && field === "status"));
  return missing.map((field) => keyOption(node, field, column, unit(doc)));
}

/** Labels that a selector can ask for, those without that it asks for already. */
async function labelOptions(doc, { owner }, path, have) {
  const plural = askedOf(path, owner.kind);
  if (!plural) return null;
  const labels = (await labelsOf(plural, doc)).filter(([key]) => !have.has(key));
  return labels.map(([key, of]) => ({ words: [key, of], label: `${key}: ${of}`, type: "property", detail: plural, apply: `${key}: ${value(of).apply}` }));
}

/** The keys that every object begins with. */
async function beginning(owner, keys) {
  const have = new Set(keys.map(({ key }) => key));
  const plain = ["apiVersion", "kind", "metadata"].filter((key) => !have.has(key)).map((key) => ({
    label: key, type: "property", boost: 60, apply: key === "metadata" ? snippet("metadata:\n  name: ${name}") : `${key}: `,
  }));
  if (owner.apiVersion || owner.kind) return plain;
  return [...plain, ...(await allKinds()).filter(isWritten).map(({ kind, apiVersion }) => ({
    label: kind, detail: apiVersion, type: "class", boost: rank(kind),
    apply: snippet(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${nameOf(kind)}\n${BODIES[kind] ?? "${}"}`),
  }))];
}

function keyOption(node, field, column, deeper) {
  const below = node.below(field);
  const inner = " ".repeat(column + deeper);
  let apply = `${field}: `;
  if (below.isList) apply = `${field}:\n${" ".repeat(column)}- `;
  else if (below.isObject) apply = `${field}:\n${inner}`;
  const required = node.required.includes(field);
  return {
    label: field, type: "property", detail: `<${below.word}>${required ? " *" : ""}`, boost: required ? 20 : 0, apply,
    info: () => about(node, field),
  };
}

/** What a field is for, for the box beside the list. */
async function about(node, field) {
  const box = document.createElement("div");
  const text = (await says(node, field)) || "";
  const filled = defaultAt(node, field);
  box.textContent = [filled !== undefined && `= ${filled}`, text.length > 400 ? `${text.slice(0, 400)}…` : text].filter(Boolean).join("\n\n");
  return box.textContent ? box : null;
}

/** How far back the sign is looked for that says what may stand here. */
const BACK = 400;

async function inFlow(state, where, from) {
  const root = await schemaOf(where.owner.apiVersion, where.owner.kind);
  const before = state.sliceDoc(Math.max(0, from - BACK), from);
  const [quote] = before.match(/["']?$/);
  const sign = before.slice(0, before.length - quote.length).trimEnd().at(-1);
  const found = "{[,".includes(sign ?? " ") ? await keysInFlow(state.doc, where, root) : sign === ":" ? await valuesFor(state.doc, where, where.path.slice(0, -1), where.path.at(-1)) : null;
  return quote || where.isQuoted ? found?.map((option) => quoted(option, quote, sign === ":")) : found;
}

async function keysInFlow(doc, where, root) {
  const have = new Set(where.keys.map(({ key }) => key));
  if (!root && !where.path.length) {
    return ["apiVersion", "kind", "metadata"].filter((key) => !have.has(key)).map((key) => ({ label: key, type: "property", apply: `${key}: ` }));
  }
  const node = root && at(root, where.path);
  if (!node) return null;
  // In a list of words there are no keys.
  if (node.isList && !node.below(ITEM).fields.length) return valuesFor(doc, where, where.path.slice(0, -1), where.path.at(-1));
  if (where.path.at(-1) === ITEM && !node.fields.length) return valuesFor(doc, where, where.path.slice(0, -2), where.path.at(-2));
  if (!node.fields.length) return labelOptions(doc, where, where.path, have);
  return node.fields.filter((field) => !have.has(field)).map((field) => ({
    label: field, type: "property", detail: `<${node.below(field).word}>`, apply: `${field}: `, info: () => about(node, field),
  }));
}

/** The same in quotes, as JSON has them; `quote` is there already. */
function quoted({ words, apply: _, ...option }, quote, isValue) {
  const [own, ...more] = words ?? [option.label];
  const isWord = isValue && !quote && /^(true|false)$/.test(own);
  const sign = quote || '"';
  const apply = (view, taken, from, to) => {
    // What closes the quotes came with what opened them.
    const isClosed = quote && view.state.sliceDoc(to, to + 1) === quote;
    const end = isValue ? "" : more.length ? `: ${sign}${more[0]}${sign}` : ": ";
    const insert = isWord ? own : `${quote ? "" : sign}${own}${sign}${end}`;
    view.dispatch({
      changes: { from, to: to + (isClosed ? 1 : 0), insert }, selection: { anchor: from + insert.length }, userEvent: "input.complete", annotations: pickedCompletion.of(taken),
    });
  };
  return { ...option, apply, asks: !isValue && !more.length };
}

async function valuesFor(doc, where, path, key) {
  const { owner } = where;
  if (path.length === 0 && key === "apiVersion") {
    const all = await allKinds();
    const of = all.filter(({ kind }) => !owner.kind || kind === owner.kind);
    return [...new Set((of.length ? of : all).map(({ apiVersion }) => apiVersion))].map(value);
  }
  if (path.length === 0 && key === "kind") {
    const all = await allKinds();
    const of = all.filter(({ kind, apiVersion }) => !onlyAnswers(kind) && (!owner.apiVersion || apiVersion === owner.apiVersion));
    return (of.length ? of : all).map(({ kind, apiVersion }) => ({ ...value(kind), detail: apiVersion, boost: rank(kind) }));
  }
  const root = await schemaOf(owner.apiVersion, owner.kind);
  const node = root && at(root, path);
  if (!node) return null;
  const labelled = askedOf(path, owner.kind);
  if (labelled) {
    const labels = await labelsOf(labelled, doc);
    return labels.filter(([name]) => name === key).map(([, of]) => ({ ...value(of), detail: labelled }));
  }
  const listed = valuesAt(node, key);
  if (listed.length) {
    const filled = defaultAt(node, key);
    return listed.map((one) => ({ ...value(one), detail: one === filled ? "default" : undefined, boost: one === filled ? 10 : 0 }));
  }
  const plural = names[`${node.type}.${key}`];
  if (plural) return (await namesOf(plural)).map((name) => ({ label: name, type: "variable", detail: plural }));
  return null;
}

const value = (label) => ({ label, type: "enum", apply: /^[\w.][\w./-]*$/.test(label) && !/^(true|false|null|yes|no|on|off|\d+)$/i.test(label)
  ? label : ["true", "false"].includes(label) ? label : JSON.stringify(label) });

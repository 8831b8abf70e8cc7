// What a field is: a card where the pointer rests, and a page of its own that can be walked through.

import { hoverTooltip } from "@codemirror/view";
import { copyButton } from "./clipboard.js";
import { allKinds, at, defaultAt, isBuiltIn, ITEM, says, schemaOf, valuesAt } from "./schema.js";
import { context } from "./text.js";
import { element, say } from "./words.js";

/** The field at a position: its owner's schema, its name, and the path from the kind. */
export async function fieldAt(state, position) {
  const where = context(state, position);
  const { owner } = where;
  const root = await schemaOf(owner.apiVersion, owner.kind);
  if (!root) return undefined;
  let { path, key: field } = where;
  // Inside braces the pointer may be on a value: then its key is the last step of the way.
  if (where.flow && field === undefined) [field, path] = [path.at(-1), path.slice(0, -1)];
  if (field === undefined || field === ITEM) return undefined;
  const node = at(root, path);
  return node?.below(field) && { node, field, path, kind: owner.kind, apiVersion: owner.apiVersion };
}

/** `deployment.spec.replicas`, as kubectl explain takes it. */
async function dotted({ kind, path, field }) {
  const known = (await allKinds()).find((one) => one.kind === kind);
  return [known?.plural ?? kind.toLowerCase(), ...path.filter((step) => step !== ITEM), field].filter(Boolean).join(".");
}

function facts(node, field) {
  const filled = defaultAt(node, field);
  const values = valuesAt(node, field);
  return [
    filled !== undefined && element("p", { class: "fact" }, element("b", { text: "default" }), ` ${filled}`),
    values.length > 0 && node.below(field).schema.type !== "boolean"
      && element("p", { class: "fact" }, element("b", { text: "values" }), ` ${values.join(", ")}`),
  ];
}

/** The card, as an extension; `explain` opens the page. */
export const hover = (explain) => hoverTooltip(async (view, pos) => {
  const { state } = view;
  const found = await fieldAt(state, pos);
  if (!found) return null;
  const { node, field } = found;
  const word = state.wordAt(pos) ?? { from: pos, to: pos };
  const text = await says(node, field);
  // Another file may be there by now.
  if (view.state.doc !== state.doc) return null;
  return {
    pos: word.from, end: word.to, above: true,
    create: () => ({
      dom: element("div", { class: "card" },
        element("p", { class: "name" }, element("b", {}, field), ` <${node.below(field).word}>`,
          node.required.includes(field) ? element("i", { text: "required" }) : null),
        ...facts(node, field),
        text && element("p", { lang: "en" }, text.length > 360 ? `${text.slice(0, 360)}…` : text),
        text && isBuiltIn(found.apiVersion) && element("p", { class: "muted", text: "docs_language" }),
        element("button", { text: "explain", class: "quiet", onclick: () => explain(found) })),
    }),
  };
}, { hoverTime: 350 });

/** The kind of the document at a position, as a thing to explain. */
export async function kindAt(state, position) {
  const { apiVersion, kind } = context(state, position).owner;
  const node = await schemaOf(apiVersion, kind);
  return node && { node, path: [], kind, apiVersion };
}

/** Fills `panel` with what a field or a kind is and what is in it; each name there can be walked into. */
export async function explainInto(panel, found) {
  const { node, field, path, kind } = found;
  const own = field === undefined ? node : node.below(field);
  const below = own.isList ? own.below(ITEM) : own;
  const deeper = field === undefined ? [] : [...path, field, ...(own.isList ? [ITEM] : [])];
  const command = `kubectl explain ${await dotted(found)}`;
  const up = path.filter((step) => step !== ITEM);
  const climb = async () => {
    const root = await schemaOf(found.apiVersion, kind);
    const above = [...path];
    while (above.at(-1) === ITEM) above.pop();
    const name = above.pop();
    explainInto(panel, { ...found, node: at(root, above), field: name, path: above });
  };
  const text = (field !== undefined && await says(node, field)) || (await says(below)) || "";
  const fields = await Promise.all((below?.fields ?? []).map(async (name) => ({ name, text: await says(below, name) })));
  panel.replaceChildren(
    element("header", {},
      element("h3", {}, [kind, ...up, field].filter(Boolean).join(".")),
      element("button", { class: "round", label: "close", onclick: () => (panel.hidden = true) }, "×")),
    element("p", { class: "name" }, `<${own.word}>`, node.required.includes(field) ? element("i", { text: "required" }) : null),
    ...(field === undefined ? [] : facts(node, field).filter(Boolean)),
    element("p", { lang: "en" }, text),
    (text || fields.length) && isBuiltIn(found.apiVersion) ? element("p", { class: "muted", text: "docs_language" }) : "",
    element("p", { class: "command" }, element("code", {}, command), copyButton({ element, say }, () => command)),
    field === undefined ? "" : element("button", { class: "quiet up", onclick: climb }, `↑ ${[kind, ...up].join(".")}`),
    element("dl", {}, ...fields.flatMap(({ name, text: words }) => [
      element("dt", {}, element("button", {
        class: "link", onclick: () => explainInto(panel, { ...found, node: below, field: name, path: deeper }),
      }, name), ` <${below.below(name).word}>`),
      element("dd", { lang: "en" }, words.split(". ")[0]),
    ])));
  panel.hidden = false;
  panel.setAttribute("aria-label", say("explain"));
  panel.scrollTop = 0;
}

// A message that is on its way while time stands still: what it changes, and what led to it.

import { ask, clock, h, t } from "./base.js";

/** Changed fields that are shown at once. */
const FIELDS = 4;

/** Fields before and after. */
export function changed(changes) {
  const line = ({ path, old, new: now }) => [h("dt", {}, path || t("everything")), h("dd", {}, old && h("del", {}, old), now && h("ins", {}, now))];
  return h("dl", { class: "changes" }, ...changes.flatMap(line));
}

export async function message(element, record) {
  const told = await ask({ ask: "message", record });
  if (!told) return;
  const { change, revision, because } = told;
  // What was wanted comes first, then what is so, then what is kept about it.
  const rank = ({ path }) => ["spec", "status", "metadata"].findIndex((part) => path.startsWith(part)) % 3;
  const changes = [...(told.changes ?? [])].sort((a, b) => rank(a) - rank(b));
  const title = change && t(`change_${change}`, { revision });
  const rest = changes.slice(FIELDS);
  element.replaceChildren(
    ...(title ? [h("p", { class: "closer-title" }, title)] : []),
    ...(changes.length ? [changed(changes.slice(0, FIELDS))] : []),
    ...(rest.length ? [h("details", {}, h("summary", {}, t("more_fields", { count: rest.length })), changed(rest))] : []),
    ...(because.length ? [h("details", {}, h("summary", {}, t("because")),
      h("ol", { class: "chain" }, ...because.map(({ at, who, what, object, text }) =>
        h("li", {}, h("time", {}, clock(at)), h("span", {}, h("b", {}, who), " ", h("code", {}, what), " ", object), text && h("small", {}, text)))))] : []),
  );
}

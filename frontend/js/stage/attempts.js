// Why a pod is where it is, or nowhere: every attempt of the scheduler, the failed ones too, as nodes × plugins. Only columns
// that decided are shown; on the stage nodes that could take the pod glow, the others dim and say why not.

import { ask, clock, follow, h, t } from "./base.js";

const MOST_ROWS = 30;

/** A name such as `NodeResourcesFit` that a line may break before each of its words. */
const breakable = (name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, "\u200b");

/** The plugins whose scores tell the nodes apart. */
export function deciding(nodes) {
  const scored = nodes.filter(({ scores }) => scores.length);
  const names = [...new Set(scored.flatMap(({ scores }) => scores.map(({ plugin }) => plugin)))];
  const of = (node, name) => node.scores.find(({ plugin }) => plugin === name)?.numbers[3];
  return names.filter((name) => scored.some((node) => of(node, name) !== of(scored[0], name)));
}

export function attempts(element, { namespace, name }) {
  let wanted;
  let drawn = "";
  const choose = h("select", { onchange: ({ target }) => ((wanted = Number(target.value)), round()) });
  const label = h("label", { class: "closer-choose" }, h("span", {}), choose);
  const title = h("h4", {});
  const sentence = h("p", {});
  const said = h("div", {});
  const lit = h("input", { type: "checkbox", onchange: () => light(last) });
  const lights = h("label", { class: "closer-light" }, lit, h("span", {}));
  let last;
  const round = follow(element, 1000, async () => {
    const told = await ask({ ask: "attempts", namespace, name, index: wanted });
    const key = JSON.stringify([told, document.documentElement.lang]);
    if (!element.isConnected || key === drawn) return;
    drawn = key;
    if (!told?.attempts.length) return element.replaceChildren();
    last = told;
    show(told);
    return undefined;
  });
  function show({ attempts, index, shown }) {
    const now = attempts[index];
    const tied = (shown?.tied.length ?? 0) > 1;
    title.textContent = t(now.chosen ? "why_here" : "why_nowhere");
    sentence.textContent = now.chosen ? t(tied ? "placed_drawn" : "placed", { node: now.chosen }) : now.why;
    label.firstChild.textContent = t("attempts", { count: attempts.length });
    choose.replaceChildren(...attempts.map(({ at, chosen }, number) =>
      h("option", { value: String(number) }, `${number + 1} · ${clock(at)} · ${chosen ?? t("refused")}`)));
    choose.value = String(index);
    lights.lastChild.textContent = t("show_on_stage");
    said.replaceChildren(...(shown ? tables(shown, now) : [h("p", { class: "muted" }, t("forgotten"))]));
    element.replaceChildren(title, ...(attempts.length > 1 ? [label] : []), sentence, lights, said);
    light(last);
  }
  function tables({ nodes, all, preemption }, { chosen }) {
    if (!nodes.length) return [h("p", { class: "muted" }, t("before_nodes"))];
    const plugins = deciding(nodes);
    const filters = [...new Set(nodes.map(({ plugin }) => plugin).filter(Boolean))];
    const cell = (score) => score
      ? h("td", { title: t("score_says", { raw: score.numbers[0], normal: score.numbers[1], weight: score.numbers[2] }) },
        h("b", {}, String(score.numbers[3])), h("small", {}, `${score.numbers[0]} → ${score.numbers[1]} × ${score.numbers[2]}`))
      : h("td", {});
    const row = (node) => h("tr", { class: node.node === chosen ? "won" : undefined },
      h("th", { scope: "row" }, node.node),
      ...filters.map((filter) => h("td", { class: node.plugin === filter ? "refusal" : undefined },
        node.plugin === filter ? node.refusal : node.passed.includes(filter) ? h("span", { title: t("passed") }, "✓") : "–")),
      ...(node.plugin ? (plugins.length ? [h("td", { colspan: String(plugins.length + 1) })] : [])
        : plugins.length ? [h("td", {}, h("b", {}, String(node.total ?? ""))), ...plugins.map((plugin) => cell(node.scores.find((score) => score.plugin === plugin)))] : []));
    const head = (name) => h("th", { scope: "col" }, breakable(name));
    const order = [...nodes].sort((a, b) => Number(b.node === chosen) - Number(a.node === chosen) || (b.total ?? -1) - (a.total ?? -1));
    const table = h("table", { class: "placement" },
      h("thead", {}, h("tr", {}, head(t("node")), ...filters.map(head), ...(plugins.length ? [head(t("total")), ...plugins.map(head)] : []))),
      h("tbody", {}, ...order.slice(0, MOST_ROWS).map(row)));
    const parts = filters.length || plugins.length ? [h("div", { class: "scroll", tabindex: "0" }, table)] : [h("p", { class: "muted" }, t(nodes.length === 1 ? "only_one" : "all_alike", { count: nodes.length }))];
    if (plugins.length) parts.push(h("p", { class: "muted" }, t("score_legend")));
    // Of fewer than a hundred all are asked, but where preemption made room on one for it.
    if (nodes.length < all) parts.push(h("p", { class: "muted" }, t(all < 100 ? "nominated" : "not_all", { count: nodes.length, all, node: nodes[0].node })));
    if (nodes.length > MOST_ROWS) parts.push(h("p", { class: "muted" }, t("rows", { count: MOST_ROWS, all: nodes.length })));
    if (preemption.length) parts.push(h("h5", {}, t("preemption")), h("ul", { class: "closer-list" }, ...preemption.slice(0, MOST_ROWS).map(({ node, victims, why, chosen }) =>
      h("li", { class: chosen ? "won" : undefined }, h("b", {}, node), " ", why ?? (victims.length ? t("victims", { names: victims.join(", ") }) : t("no_victims"))))));
    return parts;
  }
  /** On the stage: who could take it, and why the others cannot. */
  function light(told) {
    const nodes = lit.checked && element.isConnected ? told?.shown?.nodes ?? [] : [];
    const chosen = told?.attempts[told.index]?.chosen;
    const found = new Map(nodes.map((node) => [`node/${node.node}`, node]));
    for (const card of document.querySelectorAll(".stages > .stage .node[data-place]")) {
      const node = found.get(card.dataset.place);
      if (!found.size) {
        delete card.dataset.fits;
        delete card.dataset.refusal;
      } else {
        card.dataset.fits = !node ? "unasked" : node.plugin ? "no" : node.node === chosen ? "chosen" : "yes";
        card.dataset.refusal = node?.plugin ? `${node.plugin}: ${node.refusal}` : node ? (node.total === null ? "" : t("points", { total: node.total })) : t("not_looked_at");
      }
    }
  }
  const gone = new MutationObserver(() => {
    if (element.isConnected) return;
    gone.disconnect();
    light();
  });
  gone.observe(document.getElementById("drawer") ?? document.body, { childList: true, subtree: true });
}

// A participant on the instructor's desk: a thumbnail of their cluster, how far they are, and what can be done for them.

import { button, h, t, titleOf } from "./base.js";

const MINUTE = 60_000;
/** Whoever has not moved for so long may be stuck. */
const STUCK_MS = 4 * MINUTE;
const BAD = /[fxt]/g;

const done = (person) => person.objectives.length > 0 && person.objectives.every(([, met]) => met);
const stuckFor = (person, now) => (done(person) || !person.here ? 0 : now - person.moved);
const minutes = (ms) => Math.max(1, Math.floor(ms / MINUTE));
/** The larger, the sooner somebody should look: raised hands first, then those at a stand. */
export const needsHelp = (person, now) => (person.hand ? 1e12 + now - person.hand : 0) + Math.max(0, stuckFor(person, now));

export function createCard(number, { titles, choose, act }) {
  const element = h("li", { class: "room-card" });
  let last = "";

  function thumbnail({ nodes, waiting }) {
    const pods = nodes.reduce((sum, [, pods]) => sum + pods.length, waiting.length);
    const bad = nodes.reduce((sum, [, pods]) => sum + (pods.match(BAD)?.length ?? 0), 0);
    const cell = (letter) => h("i", { "data-pod": letter });
    return h("div", { class: "room-thumb", role: "img", "aria-label": t("thumb", { nodes: nodes.length, pods, bad }) },
      nodes.map(([state, pods]) => h("span", { class: "room-node", "data-node": state }, [...pods].slice(0, 24).map(cell))),
      waiting && h("span", { class: "room-node", "data-node": "w", title: t("waiting_pods", { count: waiting.length }) },
        [...waiting].slice(0, 24).map(cell)));
  }

  function more(person) {
    const item = (name, what = name) => button(t(name), () => {
      element.querySelector("details").open = false;
      act(number, what);
    });
    return h("details", { class: "room-pop" }, h("summary", { class: "quiet" }, t("more")), h("div", { class: "room-menu" },
      person.visit === "none" && item("visit"),
      person.hand > 0 && item("lower"),
      item("reset_one", "reset"), item("run"), item("remove")));
  }

  function draw(person, now, chosen) {
    const stuck = stuckFor(person, now);
    const state = person.hand ? "hand" : !person.here ? "away" : stuck > STUCK_MS ? "stuck" : done(person) ? "done" : "";
    const says = [
      person.hand && t("hand_since", { minutes: minutes(now - person.hand) }),
      !person.here && t("away"),
      !person.hand && stuck > STUCK_MS && t("stuck", { minutes: minutes(stuck) }),
      !person.hand && person.here && done(person) && t("all_done"),
    ].filter(Boolean).join(" · ");
    // A card that says the same is left alone, with its menu open and the focus in it.
    const { time, ...seen } = person.status;
    const text = JSON.stringify([{ ...person, status: seen }, says, chosen, document.documentElement.lang]);
    if (text === last) return;
    last = text;
    const open = element.querySelector("details")?.open;
    const focus = element.contains(document.activeElement) ? document.activeElement.textContent : null;
    element.dataset.state = state;
    element.replaceChildren(
      h("label", { class: "room-who" },
        h("input", { type: "checkbox", checked: chosen, "aria-label": t("select", { name: person.name }),
          onchange: (event) => choose(number, event.target.checked) }),
        h("b", {}, person.name)),
      thumbnail(person.status),
      h("ul", { class: "room-marks", "aria-label": t("objectives_done",
        { done: person.objectives.filter(([, met]) => met).length, all: person.objectives.length }) },
      person.objectives.map(([id, met]) => h("li", { "data-met": met > 0, title: titleOf(titles, id) }))),
      h("p", { class: "room-says" }, says),
      h("p", { class: "room-buttons" },
        person.visit === "asked" && h("span", { class: "muted" }, t("visiting_asked")),
        person.visit === "granted" && button(t("enter"), () => act(number, "enter"), { class: "primary" }),
        person.visit === "granted" && button(t("leave"), () => act(number, "leave")),
        more(person)),
    );
    if (open) element.querySelector("details").open = true;
    if (focus) [...element.querySelectorAll("button, summary")].find((one) => one.textContent === focus)?.focus();
  }
  return { element, draw };
}

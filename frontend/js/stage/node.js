// What a node has: CPU, memory and pods as requested and as used, its images and what is being pulled.

import { ask, bytes, follow, h, number, t } from "./base.js";

/** A bar: how much is used, how much was requested, of how much. */
function bar(name, { used, asked, all, words }) {
  const part = (value) => `${Math.max(0, Math.min(100, (value / Math.max(1, all)) * 100))}%`;
  const fill = h("i", { class: "fill" });
  const mark = h("i", { class: "asked" });
  fill.style.width = part(used ?? 0);
  mark.style.width = part(asked);
  const text = [used === undefined || used === null ? undefined : t("bar_used", { value: words(used) }), t("bar_asked", { value: words(asked) }), t("bar_all", { value: words(all) })].filter(Boolean).join(" · ");
  return [h("dt", {}, name), h("dd", {}, h("span", { class: "closer-bar", "aria-hidden": "true" }, mark, fill), h("span", {}, text))];
}

export function node(element, name) {
  follow(element, 1000, async () => {
    const told = await ask({ ask: "nodes", name });
    const mine = told?.nodes.find((one) => one.node === name);
    if (!mine || !element.isConnected) return;
    const milli = (value) => (value >= 1000 ? number(value / 1000, 1) : `${number(value)}m`);
    const [cpuAsked, memoryAsked] = mine.asked;
    const bars = mine.all[0] ? h("dl", { class: "closer-bars" },
      ...bar(t("cpu"), { used: mine.cpu, asked: cpuAsked, all: mine.all[0], words: milli }),
      ...bar(t("memory"), { used: mine.memory, asked: memoryAsked, all: mine.all[1], words: bytes }),
      ...bar(t("pods"), { asked: mine.pods, all: mine.most, words: (count) => number(count) })) : undefined;
    const pulls = mine.pulls.map(({ image, begins, until }) => {
      const part = Math.max(0, Math.min(1, (told.now - begins) / Math.max(1, until - begins)));
      const meter = h("progress", { max: "1", value: undefined, "aria-label": image });
      meter.value = part;
      return h("li", {}, h("code", {}, image), h("span", {}, t("pulling", { seconds: number(Math.max(0, until - told.now) / 1000, 1) })), meter);
    });
    const images = mine.images.sort((a, b) => b.size - a.size).map(({ image, size, users }) =>
      h("li", {}, h("code", {}, image), h("span", {}, bytes(size)), h("small", {}, users ? t("used_by", { count: users }) : t("unused"))));
    // What is open and has the focus stays.
    const open = element.querySelector("details")?.open ?? images.length <= 6;
    if (element.contains(document.activeElement) && element.querySelector("summary") === document.activeElement) return;
    const list = h("details", { open }, h("summary", {}, t("images", { count: images.length })), h("ul", { class: "closer-list images" }, ...pulls, ...images));
    element.replaceChildren(h("h4", {}, t("capacity")), ...(bars ? [bars] : []), list);
  });
}

// The sheet of links: a moment, a pace and a language for whoever opens it; the same in a web page, or as a picture.

import { embed } from "./embed.js";
import { picture } from "./picture.js";
import { scenario } from "../workbench/line.js";
import { secretsOf, tick } from "../workbench/secrets.js";
import { copyable, heard, sheet } from "./base.js";
import { onlyAsFile, shorten } from "./short.js";
import { element, say } from "./words.js";

/** Parts of the page that can be left out, in the words of the address. */
const PARTS = ["story", "rewind", "tabs", "bar"];

/** `1:05` in milliseconds, hours before it if need be; `undefined` where it is none. */
export function moment(text) {
  const parts = text.trim().split(":");
  if (!parts.every((part) => /^\d{1,4}$/.test(part)) || parts.length > 3) return undefined;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;
}

/** Milliseconds as `1:05`. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** The address with what was chosen before its `#`; options without a value stand alone. */
export function addressOf({ paused, at, readOnly, hide = [], lang, embed }, link) {
  const options = [
    embed && "embed=1", embed && embed !== "diagram" && `show=${embed}`, paused && "paused", at !== undefined && `at=${at / 1000}`, readOnly && "readonly",
    hide.length && `hide=${hide.join(",")}`, lang && `lang=${lang}`,
  ].filter(Boolean).join("&");
  return `${location.origin}${location.pathname}${options && `?${options}`}${link && `#${link}`}`;
}

/** What can be chosen; `changed` hears of it. */
function optionsOf(now, changed) {
  const box = (name, text, checked = false) => element("label", {},
    element("input", { type: "checkbox", name, checked, onchange: changed }), element("span", { text }));
  const wrong = element("span", { class: "share-trouble", role: "alert" });
  const at = element("input", { type: "text", name: "at", inputmode: "numeric", placeholder: clock(now), size: "8", label: "at_moment", autocomplete: "off" });
  at.addEventListener("input", () => {
    const wanted = moment(at.value);
    const bad = at.value.trim() !== "" && (wanted === undefined || wanted > now);
    wrong.textContent = bad ? say("bad_moment", { now: clock(now) }) : "";
    at.setAttribute("aria-invalid", String(bad));
    changed();
  });
  const language = element("select", { label: "language", onchange: changed },
    ...[["", "their_own"], ["en"], ["ja"]].map(([value, text]) => element("option", { value, text }, text ? "" : { en: "English", ja: "日本語" }[value])));
  const form = element("div", { class: "share-options" },
    element("label", { class: "share-moment" }, element("span", { text: "at_moment" }), at, element("span", { class: "muted" }, say("at_says", { now: clock(now) }))), wrong,
    box("paused", "start_paused"), box("readonly", "read_only"),
    element("div", { class: "share-choice", role: "group", label: "leave_out" }, element("span", { class: "muted", text: "leave_out" }), ...PARTS.map((part) => box(part, `part_${part}`))),
    element("label", { class: "share-moment" }, element("span", { text: "language" }), language));
  const on = (name) => form.querySelector(`[name=${name}]`).checked;
  const chosen = () => {
    const wanted = moment(at.value);
    return {
      at: wanted <= now ? wanted : undefined, paused: on("paused"), readOnly: on("readonly"),
      hide: PARTS.filter(on), lang: language.value || undefined,
    };
  };
  return { form, chosen };
}

/** Tabs over panels: `[name, element, shown?]`. */
function tabs(panels) {
  const pick = (wanted, focus) => panels.forEach(([name, panel], index) => {
    panel.hidden = name !== wanted;
    const tab = list.children[index];
    tab.setAttribute("aria-selected", String(name === wanted));
    tab.tabIndex = name === wanted ? 0 : -1;
    if (focus && name === wanted) tab.focus();
  });
  const list = element("div", { class: "share-tabs", role: "tablist", label: "ways" },
    ...panels.map(([name, panel]) => {
      panel.id = `share-${name}`;
      panel.setAttribute("role", "tabpanel");
      return element("button", { type: "button", role: "tab", text: `way_${name}`, "aria-controls": panel.id, onclick: () => pick(name) });
    }));
  list.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const at = panels.findIndex(([, panel]) => !panel.hidden);
    if (step) pick(panels[(at + step + panels.length) % panels.length][0], true);
  });
  pick(panels[0][0]);
  return [list, ...panels.map(([, panel]) => panel)];
}

/** The sheet. */
export async function link() {
  const [whole, { at: now }, done] = await Promise.all([heard("link", "share"), heard("fingerprint", "fingerprint"), scenario()]);
  if (!whole) return void sheet("link_title", ...onlyAsFile());
  let fragment = whole;
  const address = copyable("link");
  const length = shorten((other) => {
    fragment = other;
    draw();
  });
  const panels = [
    ["link", element("div", { class: "share-stack" }, address.row, length)],
    ["page", embed()],
    ["picture", picture()],
  ];
  const draw = () => {
    const options = chosen();
    const link = addressOf(options, fragment);
    address.put(link);
    length.tell(fragment, link.length);
    panels.slice(1).forEach(([, panel]) => panel.take(options, fragment));
  };
  const { form, chosen } = optionsOf(now, () => draw());
  const secrets = secretsOf(done);
  const leave = async (empty) => {
    const other = heard("link", empty && "share");
    if (!empty) window.kubarium.engine.postMessage([JSON.stringify({ whole: true })]);
    fragment = await other;
    draw();
  };
  const carries = secrets.length > 0 && element("div", { class: "share-carries" }, ...tick({ element, say }, secrets, leave));
  sheet("link_title", ...[carries, form].filter(Boolean), ...tabs(panels));
  draw();
}

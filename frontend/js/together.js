// Being in one cluster together: who is here, what they point at and have chosen, and following somebody. Loaded when a
// cluster is shared (frontend/src/header.rs). What is shown of the others comes from the worker (worker/company.rs); it is no
// part of the cluster, and nobody keeps it.

import en from "../../public/locales/together/en.json";
import ja from "../../public/locales/together/ja.json";
import css from "../../public/styles/together.css";
import { button, h, language } from "./room/base.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const LANGUAGES = { en, ja };
const t = (name, values = {}) => LANGUAGES[language()][name].replace(/\{\{ (\w+) \}\}/g, (all, key) => values[key] ?? all);

/** How often the others are told what one points at, in milliseconds; a server takes no more than 12 a second. */
const EVERY_MS = 125;
const HUES = 8;
/** As many faces stand in the bar. */
const FACES = 4;
/** How long a word about somebody who left is shown, in milliseconds. */
const NEWS_MS = 6000;
const NOTHING = { place: "", x: 0, y: 0, chosen: "", panel: "" };
const PANELS = ["yaml", "terminal", "timeline", "inspector", "faults", "tree"];
/** What the server calls those who gave no name. */
const NAMELESS = /^(owner|editor|viewer)(?: (\d+))?$/;
const ROLES = ["owner", "editor", "viewer"];

/** What somebody is called here: an animal where they gave no name, the same one on every page, each with another letter. */
export function called(name) {
  const [, role, number = 1] = name.match(NAMELESS) ?? [];
  if (!role) return name;
  const animals = t("animals").split(" ");
  // Names of the server are told apart by their numbers; so are these.
  const at = (number - 1) * ROLES.length + ROLES.indexOf(role);
  const again = Math.floor(at / animals.length);
  return animals[at % animals.length] + (again ? ` ${again + 1}` : "");
}

const { engine } = window.kubarium;
const say = (message) => engine.postMessage([JSON.stringify(message)]);
const kept = {
  get: (name) => {
    try {
      return localStorage.getItem(`kubarium.${name}`);
    } catch {
      return null;
    }
  },
  set: (name, value) => {
    try {
      localStorage.setItem(`kubarium.${name}`, value);
    } catch { /* It is asked again next time then. */ }
  },
};
const inRoom = () => location.hash.startsWith("#room=");

/** The same colour for the same person on every page: by the name, and the next free one where two would have one. */
export function colours(names) {
  const taken = new Map();
  const used = new Set();
  for (const name of names) {
    let hue = [...name].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) % 9973, 7) % HUES;
    if (used.size < HUES) while (used.has(hue)) hue = (hue + 1) % HUES;
    used.add(hue);
    taken.set(name, hue);
  }
  return taken;
}

/** What is chosen on this page, as others are told. */
let chosen = "";
const post = engine.postMessage.bind(engine);
engine.postMessage = (message, ...rest) => {
  if (typeof message === "string" && message.startsWith('{"inspect":')) {
    const { object, component } = JSON.parse(message).inspect ?? {};
    chosen = object ? `${object.kind}/${object.namespace}/${object.name}` : component ?? "";
  }
  return post(message, ...rest);
};

const stage = () => document.querySelector(".stages > .stage");
const placed = (place) => stage()?.querySelector(`[data-place="${CSS.escape(place)}"]`);
/** What a large cluster is drawn by: a canvas that knows where its nodes are (js/map.js). */
const map = () => document.querySelector(".map")?.places;
/** Where something of the cluster is on the page, if it is drawn. */
const boxOf = (place) => placed(place)?.getBoundingClientRect() ?? map()?.boxOf(place);
/** The same of what is chosen. */
function chosenBox(thing) {
  const [kind, , name] = thing.split("/");
  if (name === undefined) return boxOf(thing);
  if (kind === "Node") return boxOf(`node/${name}`);
  return kind === "Pod" ? stage()?.querySelector(`.pod[title^="${CSS.escape(name)} "]`)?.getBoundingClientRect() : undefined;
}

const tabs = () => [...document.querySelectorAll(".tabs .tab")];
const panel = () => PANELS[tabs().findIndex((tab) => tab.ariaExpanded === "true")] ?? "";

const arrow = () => {
  const template = document.createElement("template");
  template.innerHTML = '<svg viewBox="0 0 16 20" aria-hidden="true"><path d="M1 1l14 8.5-6.4 1.6L5 18z"/></svg>';
  return template.content.firstChild;
};

/** Shows it in `element`; `inspect(kind, namespace, name)` opens the inspector. */
export function create(element, { inspect }) {
  let people = [];
  let pointers = {};
  let hues = new Map();
  let following = "";
  let followed = NOTHING;
  let under = NOTHING;
  let sent = JSON.stringify(NOTHING);
  let open = false;
  let introduced = false;

  const faces = h("button", { type: "button", class: "together-people", "aria-expanded": "false", onclick: () => toggle(!open) });
  const list = h("div", { class: "sheet together-sheet", role: "group" });
  const layer = h("div", { class: "together-layer", "aria-hidden": "true" });
  const bar = h("div", { class: "together-follow", role: "status" });
  bar.hidden = true;
  element.append(faces, bar);
  document.body.append(layer);

  const me = () => people.find(({ you }) => you);
  const others = () => people.filter(({ you }) => !you);
  // Whoever only looks is not seen before they say so.
  const isShown = () => (kept.get("pointer") ?? (me()?.role === "viewer" ? "no" : "yes")) === "yes";

  function toggle(to) {
    open = to;
    faces.setAttribute("aria-expanded", String(open));
    // A sheet that is on the page is open.
    if (!open) return list.remove();
    element.append(list);
    draw();
  }
  const face = ({ name }) => h("span", { class: "avatar", "data-hue": hues.get(name), "data-followed": name === following, "aria-hidden": "true" }, [...called(name)][0].toLocaleUpperCase());

  function draw() {
    element.hidden = !people.length;
    faces.setAttribute("aria-label", t("people", { names: people.map(({ name }) => called(name)).join(", ") }));
    faces.title = faces.getAttribute("aria-label");
    const more = people.length - FACES;
    faces.replaceChildren(...people.slice(0, FACES).map(face), ...(more > 0 ? [h("span", { class: "avatar", "aria-hidden": "true" }, `+${more}`)] : []));
    if (!open) return;
    const focus = list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const typed = list.querySelector("input[name=name]")?.value;
    const name = h("input", { name: "name", maxlength: 32, autocomplete: "nickname", "data-key": "name", value: typed ?? (NAMELESS.test(me()?.name ?? "") ? "" : me()?.name ?? "") });
    const rename = (event) => {
      event.preventDefault();
      const wanted = name.value.trim();
      if (!wanted) return;
      kept.set("name", wanted);
      say({ call: wanted });
    };
    list.setAttribute("aria-label", t("title"));
    list.replaceChildren(
      h("h2", {}, t("title")),
      h("ul", {}, people.map((person) => h("li", {}, face(person),
        h("span", {}, h("b", {}, called(person.name)), h("small", {}, person.you ? `${t("you")} · ${t(person.role)}` : t(person.role))),
        person.you ? null : followButton(person.name)))),
      ...(inRoom() ? [] : [h("form", { class: "together-name", onsubmit: rename }, h("label", {}, h("span", {}, t("name")), name),
        h("button", { class: "quiet", "data-key": "rename" }, t("rename")))]),
      h("label", { class: "together-show" }, h("input", { type: "checkbox", "data-key": "show", checked: isShown(), onchange: ({ target }) => kept.set("pointer", target.checked ? "yes" : "no") }), h("span", {}, t("show"))),
      h("p", { class: "muted" }, t("private")),
    );
    if (focus) list.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }
  const followButton = (name) => (name === following
    ? button(t("stop"), () => stop(), { "aria-label": t("stop_whom", { name: called(name) }), "data-key": `of ${name}` })
    : button(t("follow"), () => follow(name), { "aria-label": t("follow_whom", { name: called(name) }), "data-key": `of ${name}` }));

  // ---- Following ----

  function follow(name) {
    [following, followed] = [name, NOTHING];
    bar.dataset.hue = hues.get(name);
    bar.title = t("following", { name: called(name) });
    bar.replaceChildren(face({ name }), h("span", { "aria-label": bar.title }, t("follows", { name: called(name) })), button(t("stop"), () => stop(), { "aria-label": t("stop_whom", { name: called(name) }) }));
    [faces.hidden, bar.hidden] = [true, false];
    toggle(false);
    draw();
    bar.querySelector("button").focus();
    goAlong();
  }
  function stop(news = "") {
    following = "";
    const focus = bar.contains(document.activeElement);
    bar.hidden = !news;
    faces.hidden = false;
    if (focus) faces.focus();
    if (news) {
      bar.title = news;
      bar.replaceChildren(h("span", {}, news));
      setTimeout(() => following || (bar.hidden = true), NEWS_MS);
    }
    draw();
  }
  /** What the one whom one follows has open and chosen, is opened and chosen here. */
  function goAlong() {
    const now = { ...NOTHING, ...pointers[following] };
    const before = followed;
    followed = now;
    if (now.chosen !== before.chosen || now.panel !== before.panel) {
      const [kind, namespace, name] = now.chosen.split("/");
      if (now.panel === "inspector" && now.chosen) {
        if (now.chosen !== chosen || panel() !== "inspector") inspect(...(name === undefined ? ["", "", now.chosen] : [kind, namespace, name]));
      } else if (now.panel !== panel()) {
        (tabs()[PANELS.indexOf(now.panel)] ?? tabs().find((tab) => tab.ariaExpanded === "true"))?.click();
      }
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (now.place && now.place !== before.place) placed(now.place)?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm ? "instant" : "smooth" });
  }
  /** Whoever does something themselves goes their own way. */
  function act(event) {
    if (following && event.isTrusted && !element.contains(event.target)) stop();
    if (open && event.type === "pointerdown" && !element.contains(event.target)) toggle(false);
    if (open && event.key === "Escape") {
      toggle(false);
      faces.focus();
    }
  }

  // ---- Pointers ----

  function move({ target, clientX, clientY }) {
    const thing = target.closest?.(".stages > .stage [data-place]");
    const place = thing?.dataset.place ?? (target.closest?.(".map canvas") && map()?.at(clientX, clientY));
    if (!place) return void (under = NOTHING);
    const box = boxOf(place);
    const part = (at, from, size) => Math.round(1000 * Math.min(1, Math.max(0, (at - from) / (size || 1))));
    under = { place, x: part(clientX, box.left, box.width), y: part(clientY, box.top, box.height) };
  }
  const leave = () => (under = NOTHING);
  function tell() {
    const now = JSON.stringify(others().length && isShown() ? { ...NOTHING, ...under, chosen, panel: panel() } : NOTHING);
    if (now === sent) return;
    sent = now;
    say({ point: JSON.parse(now) });
  }

  const marks = new Map();
  function mark(key, make) {
    if (!marks.has(key)) {
      marks.set(key, make());
      layer.append(marks.get(key));
    }
    return marks.get(key);
  }
  function show() {
    const seen = new Set();
    for (const { name } of others()) {
      const { place = "", x = 0, y = 0, chosen: thing = "" } = pointers[name] ?? {};
      const on = place && boxOf(place);
      if (on) {
        const pointer = mark(`pointer ${name}`, () => h("div", { class: "together-pointer" }, arrow(), h("span", {}, called(name))));
        pointer.dataset.hue = hues.get(name);
        pointer.style.translate = `${Math.round(on.left + (x / 1000) * on.width)}px ${Math.round(on.top + (y / 1000) * on.height)}px`;
        seen.add(`pointer ${name}`);
      }
      const box = thing && chosenBox(thing);
      if (box?.width) {
        const choice = mark(`choice ${name}`, () => h("div", { class: "together-choice" }));
        choice.dataset.hue = hues.get(name);
        choice.style.translate = `${Math.round(box.left - 4)}px ${Math.round(box.top - 4)}px`;
        choice.style.width = `${Math.round(box.width + 8)}px`;
        choice.style.height = `${Math.round(box.height + 8)}px`;
        seen.add(`choice ${name}`);
      }
    }
    for (const [key, one] of marks) {
      if (seen.has(key)) continue;
      one.remove();
      marks.delete(key);
    }
  }

  function hear({ data }) {
    if (!Array.isArray(data) || !data[0].startsWith('{"here":')) return;
    const { here } = JSON.parse(data[0]);
    if (here.people) {
      people = here.people;
      hues = colours(people.map(({ name }) => name));
      // The server may have lost what one points at.
      sent = JSON.stringify(NOTHING);
      const name = kept.get("name");
      if (!introduced && name && !inRoom() && NAMELESS.test(me()?.name ?? "")) say({ call: name });
      introduced = true;
      if (following && !people.some(({ name }) => name === following)) stop(t("left", { name: called(following) }));
      draw();
    }
    if (here.pointers) pointers = here.pointers;
    show();
    if (following) goAlong();
  }

  const listeners = [[engine, "message", hear], [document, "pointermove", move], [document, "pointerleave", leave],
    [document, "pointerdown", act], [document, "keydown", act], [document, "wheel", act]];
  for (const [target, kind, listener] of listeners) target.addEventListener(kind, listener, { capture: true, passive: true });
  const languages = new MutationObserver(draw);
  languages.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  const timer = setInterval(() => {
    if (!element.isConnected) return end();
    tell();
    show();
    return undefined;
  }, EVERY_MS);
  function end() {
    clearInterval(timer);
    languages.disconnect();
    for (const [target, kind, listener] of listeners) target.removeEventListener(kind, listener, { capture: true });
    layer.remove();
  }
  draw();
  say({ here: true });
}

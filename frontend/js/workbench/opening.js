// Says that a cluster is being opened, once that takes longer than a moment: at first that it is, then how far it has come.

import css from "../../../public/styles/opening.css";
import { element, say } from "./words.js";

/** What is there sooner needs no words, in milliseconds. */
const SOON_MS = 400;

/** As the clock of the bar: with hours where there are some. */
const clock = (millis) => {
  const seconds = Math.floor(millis / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const before = minutes < 60 ? minutes : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  return `${before}:${two(seconds % 60)}`;
};

/** Follows what the worker says; the answer is to be called when another cluster is asked for. */
export function create(engine) {
  const words = element("span", {});
  const bar = element("progress", {});
  const line = element("p", { class: "opening", role: "status", hidden: true }, words, bar);
  let timer;
  let shown = 0;
  function hide() {
    clearTimeout(timer);
    timer = undefined;
    line.hidden = true;
  }
  function show(text, part) {
    if (!document.adoptedStyleSheets.includes(show.sheet)) {
      show.sheet = new CSSStyleSheet();
      show.sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, show.sheet];
    }
    const desk = document.querySelector("#frame .scene") ?? document.querySelector(".page .scene");
    if (line.parentNode !== desk) desk?.prepend(line);
    if (words.textContent !== text) words.textContent = text;
    bar.ariaLabel = say("opening");
    if (part === undefined) bar.removeAttribute("value");
    else bar.value = part;
    line.hidden = false;
  }
  function hear({ at, until }) {
    if (at >= until) return hide();
    const now = performance.now();
    shown ||= now + SOON_MS;
    if (now >= shown) show(say("opening_at", { at: clock(at), until: clock(until) }), at / until);
    return undefined;
  }
  engine.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") return;
    if (data.startsWith('{"opening":')) hear(JSON.parse(data).opening);
    else if (/^\{("frame":\{"reset":true|"badLink")/.test(data)) hide();
  });
  const begin = () => {
    hide();
    shown = performance.now() + SOON_MS;
    timer = setTimeout(() => show(say("opening")), SOON_MS);
  };
  // What a link leads to was asked for before.
  if (!window.kubarium.told) begin();
  return begin;
}

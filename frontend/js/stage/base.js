// What those parts of the page share that are loaded when they are shown: texts, elements, time.

import en from "../../../public/locales/stage/en.json";
import ja from "../../../public/locales/stage/ja.json";
import branches from "../../../public/styles/branches.css";
import charts from "../../../public/styles/charts.css";
import closer from "../../../public/styles/closer.css";
import deeds from "../../../public/styles/deeds.css";
import faultMenu from "../../../public/styles/fault-menu.css";
import halted from "../../../public/styles/halted.css";
import later from "../../../public/styles/later.css";
import predict from "../../../public/styles/predict.css";
import scheduling from "../../../public/styles/scheduling.css";
import tour from "../../../public/styles/tour.css";
import tree from "../../../public/styles/tree.css";
import verdict from "../../../public/styles/verdict.css";
import why from "../../../public/styles/why.css";
import words from "../../../public/styles/words.css";

export { button, h, language, save } from "../room/base.js";
export { ask } from "../workbench/line.js";
import { language } from "../room/base.js";

// Every module brings these styles along; the page puts them on once.
if (!window.kubarium.dressed) {
  window.kubarium.dressed = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync([why, charts, faultMenu, later, tour, closer, scheduling, tree, words, deeds, halted, predict, branches, verdict].join(""));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

const LANGUAGES = { en, ja };
/** A text in the page's language, with its values filled in. */
export const t = (name, values = {}) =>
  (LANGUAGES[language()][name] ?? LANGUAGES.en[name]).replace(/\{\{ (\w+) \}\}/g, (all, key) => values[key] ?? all);
/** A number as people write it in the page's language. */
export const number = (value, digits = 0) => value.toLocaleString(language(), { maximumFractionDigits: digits });
/** Virtual milliseconds as `4:12` or `1:04:12`. */
export function clock(millis) {
  const seconds = Math.floor(millis / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
/** Bytes as people write them. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${number(value, value < 10 && unit ? 1 : 0)} ${units[unit]}`;
}

/** Calls `act` now and then, as long as `element` is on the page; again at once when the language changes. */
export function follow(element, every, act) {
  let timer;
  let busy = false;
  let again = false;
  const round = async () => {
    clearTimeout(timer);
    if (!element.isConnected) return spoken.disconnect();
    if (busy) return void (again = true);
    busy = true;
    if (!document.hidden) await act();
    busy = false;
    timer = setTimeout(round, again ? 0 : every);
    again = false;
    return undefined;
  };
  const spoken = new MutationObserver(round);
  spoken.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  round();
  return round;
}

// Words that are explained: those in captions, tour and panel are underlined, and a click on one, or the button beside the
// headline, says what it is and what the official documentation calls it. Who knows them all switches that off, and who knows
// what happens puts the captions away, too; who stands before a room makes all of it large.

import terms from "../../../public/locales/stage/glossary.json";
import { h, language, t } from "./base.js";

const PLACES = ".captions, .reason, .wait-name, .tour-say, .tour-try, .hop-head b, .closer p, .closer h4, .closer th, .happenings, .facts, #drawer .muted";
const REST_MS = 400;
const KEY = "kubarium.words";
/** Read by the start script of index.html, too: nothing that is put away is shown first. */
const CAPTIONS = "kubarium.captions";
const DOCS = { en: "https://kubernetes.io/docs/", ja: "https://kubernetes.io/ja/docs/" };

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** A name may be broken at its humps (frontend/src/story.rs). */
const HUMP = "\u200b";
const humped = (word) => escape(word).replace(/(?<=[a-z])(?=[A-Z])/g, `${HUMP}?`);
/** Words of the language as one expression: Latin ones stand alone (names that may break have nothing between), the longest first. */
function expression(of) {
  const words = terms.flatMap((term, index) => term[of].words.map((word) => [word, index])).sort((a, b) => b[0].length - a[0].length);
  const pattern = words.map(([word]) => (/^[\x20-\x7e]+$/.test(word) ? `(?<![\\w/${HUMP}-])${humped(word)}(?![\\w/${HUMP}-])` : escape(word))).join("|");
  return { find: new RegExp(pattern, "g"), index: new Map(words) };
}
const known = {};
const inLanguage = () => (known[language()] ??= expression(language()));

/** The terms of a text: where each begins and ends, and its number. */
export function termsIn(text) {
  const { find, index } = inLanguage();
  return [...text.matchAll(find)].map((found) => ({ from: found.index, to: found.index + found[0].length, term: index.get(found[0].replaceAll(HUMP, "")) }));
}

function kept() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

function keep(key, on) {
  try {
    localStorage.setItem(key, on ? "on" : "off");
  } catch { /* Then it is for this visit. */ }
}

export function create() {
  const root = document.documentElement;
  let on = kept();
  let ranges = [];
  const marks = window.Highlight ? new Highlight() : undefined;
  if (marks) CSS.highlights.set("term", marks);
  const opener = h("button", { type: "button", class: "round words-open", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => toggle() }, h("b", { "aria-hidden": "true" }, "Aa"));
  const captions = h("button", { type: "button", class: "round captions-switch", onclick: () => putCaptions(root.dataset.captions === "off") }, h("b", { "aria-hidden": "true" }, "CC"));
  const large = h("button", { type: "button", class: "round present-switch", onclick: () => root.toggleAttribute("data-present") }, h("b", { "aria-hidden": "true" }));
  const find = h("input", { type: "search", oninput: () => list() });
  const all = h("dl", { class: "words-list", tabindex: "0" });
  const marked = h("input", { type: "checkbox", onchange: () => set(marked.checked) });
  const choice = h("label", { class: "words-choice" }, marked, h("span", {}));
  const title = h("h2", {});
  const close = h("button", { type: "button", class: "quiet", onclick: () => toggle(false) });
  const panel = h("div", { class: "words-panel", role: "dialog", hidden: true }, h("div", { class: "words-head" }, title, close), find, choice, all);
  panel.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") toggle(false);
  });

  function set(wanted) {
    on = wanted;
    keep(KEY, on);
    scan();
  }
  function putCaptions(shown) {
    if (shown) delete root.dataset.captions;
    else root.dataset.captions = "off";
    keep(CAPTIONS, shown);
    speak();
  }
  /** The list: what is on the screen first. */
  function list(first) {
    const of = language();
    const here = new Set([...(first === undefined ? [] : [first]), ...ranges.map(({ term }) => term)]);
    const wanted = find.value.trim().toLocaleLowerCase();
    const fits = ({ name, words, says }) => !wanted || [name, ...words, says].some((text) => text.toLocaleLowerCase().includes(wanted));
    const order = [...here, ...terms.keys()].filter((term, index, list) => list.indexOf(term) === index && fits(terms[term][of]));
    all.replaceChildren(...order.flatMap((index) => {
      const { page, [of]: { name, says } } = terms[index];
      const link = h("a", { class: "link", href: DOCS[of] + page, target: "_blank", rel: "noopener noreferrer" }, t("docs_name", { name }));
      return [h("dt", { "data-term": String(index), class: here.has(index) ? "here" : undefined }, name), h("dd", {}, says, " ", link)];
    }));
  }
  function toggle(wanted = panel.hidden, term) {
    panel.hidden = !wanted;
    opener.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return void (panel.contains(document.activeElement) && opener.focus());
    panel.style.top = `${opener.offsetTop + opener.offsetHeight + 8}px`;
    find.value = "";
    speak();
    list(term);
    all.scrollTop = 0;
    if (term === undefined) find.focus();
    else all.focus();
    return undefined;
  }
  function speak() {
    title.textContent = opener.title = opener.ariaLabel = panel.ariaLabel = t("words");
    close.textContent = t("close");
    find.placeholder = find.ariaLabel = t("find_word");
    choice.lastChild.textContent = t("mark_words");
    marked.checked = on;
    captions.title = captions.ariaLabel = t("captions");
    captions.setAttribute("aria-pressed", String(root.dataset.captions !== "off"));
    large.title = large.ariaLabel = t("present");
    large.setAttribute("aria-pressed", String(root.hasAttribute("data-present")));
  }
  /** Finds the words on the screen. */
  function scan() {
    const telling = document.querySelector(".page:not(#frame) .telling, .desk .telling");
    if (telling && panel.parentNode !== telling) {
      telling.querySelector("h1")?.after(h("span", { class: "words-tools" }, opener, captions, large));
      telling.append(panel);
      speak();
    }
    ranges = [];
    marks?.clear();
    if (!on) return;
    const told = new Set();
    for (const place of document.querySelectorAll(PLACES)) {
      const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (told.has(node) || node.parentElement.closest("code, pre, button, select, .words-panel")) continue;
        told.add(node);
        for (const { from, to, term } of termsIn(node.data)) {
          // A live range: what is underlined goes with the words when they change.
          const range = new Range();
          range.setStart(node, from);
          range.setEnd(node, to);
          ranges.push({ node, from, to, term });
          marks?.add(range);
        }
      }
    }
    if (!panel.hidden && document.activeElement !== find) speak();
  }
  document.addEventListener("click", (event) => {
    if (!panel.hidden && !panel.contains(event.target) && !opener.contains(event.target)) toggle(false);
    if (!on || event.defaultPrevented || event.target.closest?.("button, a, input, select, textarea, summary")) return;
    const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY) ?? document.caretRangeFromPoint?.(event.clientX, event.clientY);
    const [node, offset] = [caret?.offsetNode ?? caret?.startContainer, caret?.offset ?? caret?.startOffset];
    const found = ranges.find((range) => range.node === node && range.from <= offset && offset <= range.to);
    if (found) toggle(true, found.term);
  });
  let timer;
  const soon = () => (timer ??= setTimeout(() => {
    timer = undefined;
    scan();
  }, REST_MS));
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => !panel.contains(target) && (target.nodeType === Node.TEXT_NODE ? target.parentElement : target)?.closest?.(PLACES + ", .telling, .side"))) soon();
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
  new MutationObserver(() => {
    speak();
    soon();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["lang", "data-present"] });
  scan();
}

// What the sheets share: the line to the worker, the sheet itself, texts to copy.

import { copyButton } from "../workbench/clipboard.js";
import { element, say } from "./words.js";

const { engine } = window.kubarium;

/** The next answer of this kind to the page; `request` is sent when there is one. */
export function heard(kind, request, wanted = () => true) {
  return new Promise((resolve) => {
    const hear = ({ data }) => {
      if (typeof data !== "string" || !data.startsWith(`{"${kind}":`)) return;
      const of = JSON.parse(data)[kind];
      if (!wanted(of)) return;
      engine.removeEventListener("message", hear);
      resolve(of);
    };
    engine.addEventListener("message", hear);
    if (request) engine.postMessage(JSON.stringify(request));
  });
}

/** A sheet in the middle of the page, with a title (a text's name). */
export function sheet(title, ...children) {
  const close = element("button", { type: "button", class: "round", label: "close", onclick: () => dialog.close() }, "×");
  const dialog = element("dialog", { class: "share", label: title },
    element("header", {}, element("h2", { text: title }), close), element("div", { class: "share-body" }, ...children));
  // The page's own keys are not meant while it is open.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A text to copy, in one line or several; `put(text)` fills it. */
export function copyable(label, { lines = 1, extra = [] } = {}) {
  const box = lines === 1 ? element("input", { readonly: true, label, class: "share-text" })
    : element("textarea", { readonly: true, label, rows: lines, class: "share-text", spellcheck: "false" });
  box.addEventListener("focus", () => box.select());
  const row = element("div", { class: "share-copy" }, box,
    element("div", { class: "share-buttons" }, copyButton({ element, say }, () => box.value), ...extra));
  return { row, put: (text) => (box.value = text), text: () => box.value };
}

// The clipboard, also where the page came over plain http.

/** The innermost element that has the focus, through shadow roots. */
function focused() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

/** Puts text on the clipboard; whether that worked. Browsers offer it only on secure origins, the old way works on others. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = focused();
    const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "visually-hidden" });
    // Outside of an open dialog nothing can be selected.
    (before?.closest?.("dialog") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus?.({ preventScroll: true });
    return done;
  }
}

/** How long a button says that it copied, in milliseconds. */
const SAID_MS = 1600;

/** A button of `element`'s that copies what `text()` says, and says so (keys `copy`, `copied`, `not_copied`). */
export function copyButton({ element, say }, text) {
  const button = element("button", { type: "button", class: "quiet", "aria-live": "polite", onclick: async () => {
    button.textContent = say(await copy(text()) ? "copied" : "not_copied");
    setTimeout(() => (button.textContent = say("copy")), SAID_MS);
  } }, say("copy"));
  return button;
}

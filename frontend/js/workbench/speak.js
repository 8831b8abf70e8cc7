// Texts in the reader's language, and elements that say them.

/** `say` and `element` over the texts of a language file each. */
export function speaker(en, ja) {
  const language = () => (document.documentElement.lang.startsWith("ja") ? ja : en);

  /** A text in the reader's language, with what stands between double braces filled in. */
  const say = (key, values = {}) => language()[key].replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => values[name] ?? "");

  /** An element with attributes, listeners (`onclick`) and children; text is text. `text` and `title` follow the language. */
  function element(name, { text, label, title, ...rest } = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(rest)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== undefined && value !== false) made.setAttribute(key, value);
    }
    const speak = () => {
      if (text) made.textContent = say(text);
      if (label) made.setAttribute("aria-label", say(label));
      if (title) made.setAttribute("title", say(title));
    };
    speak();
    if (text || label || title) speaking.add(new WeakRef(Object.assign(made, { speak })));
    made.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
    return made;
  }
  return { say, element };
}

const speaking = new Set();
new MutationObserver(() => {
  for (const reference of speaking) {
    const one = reference.deref();
    if (one) one.speak();
    else speaking.delete(reference);
  }
}).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });

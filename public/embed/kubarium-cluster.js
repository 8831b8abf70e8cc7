// <kubarium-cluster>: a living cluster in a page of one's own. Attributes, all optional:
//   link     what follows "#" in a link to a cluster; without it the cluster of the first screen
//   options  what stands between "?" and "#" in it: "paused&at=90"
//   show     "diagram" (as it is; view="diagram" says the same), "yaml" or "both"
//   label    what the button says; height: in pixels
//   still    letters for the picture that is shown before (Share writes them); poster: a picture to show instead
// Nothing is loaded before somebody asks for it; off the screen the cluster stands still.
// It becomes one file that is no module (scripts/page.mjs): of those only what the host allows is loaded by other sites' pages.

import { lettersOf, startButton, STYLE, wordsFor } from "./still.js";

/** Where this file is from, whether a page has it as a script or as a module, or another module brings it. */
const OWN = /\/embed\/kubarium-cluster\.js(\?|$)/;
const own = [document.currentScript, ...document.scripts].find((script) => OWN.test(script?.src))?.src
  ?? performance.getEntriesByType("resource").find(({ name }) => OWN.test(name)).name;
const HOME = new URL("..", own);
/** The page's language; the reader's, where it does not say. */
const language = () => document.documentElement.lang || navigator.language;

/**
 * Whether a frame without an origin gets the cluster's modules from there: only where the host says so to everybody, and many file
 * hosts do not. Where the page is from the same host it can be read; others are told nothing at all otherwise.
 */
async function isOpen() {
  try {
    const { headers } = await fetch(new URL("embed/still.js", HOME), { method: "HEAD" });
    return HOME.origin !== location.origin || headers.get("access-control-allow-origin") === "*";
  } catch {
    return false;
  }
}

/**
 * What a frame may. Without an origin it can touch nothing, be it this page's or its home's; where that would not work it is what
 * its home is, from elsewhere to this page. A frame from where this page itself is from needs no such walls.
 */
async function restricted(frame) {
  if (await isOpen()) frame.setAttribute("sandbox", "allow-scripts");
  else if (HOME.origin !== location.origin) frame.setAttribute("sandbox", "allow-scripts allow-same-origin");
  return frame;
}

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
:host { display: block; position: relative; overflow: hidden; border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 12px; }
:host([hidden]) { display: none; }
iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
${STYLE}`);

/** Whether what stands around the element is dark. */
function isDark(element) {
  const [red, green, blue] = getComputedStyle(element).color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
  return red * 0.3 + green * 0.6 + blue * 0.1 > 140;
}

const themeOf = (element) => (isDark(element) ? "dark" : "light");

class KubariumCluster extends HTMLElement {
  connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [SHEET];
    this.style.height = `${Number(this.getAttribute("height")) || 480}px`;
    const poster = this.getAttribute("poster");
    root.replaceChildren(startButton({
      label: this.label, picture: lettersOf(this.getAttribute("still"), this.getAttribute("link")), poster: poster && new URL(poster, document.baseURI).href, start: () => this.start(),
    }));
  }

  disconnectedCallback() {
    this.watch?.disconnect();
  }

  get label() {
    return this.getAttribute("label") ?? wordsFor(language());
  }

  async start() {
    const address = new URL(HOME);
    address.search = new URLSearchParams([
      ...new URLSearchParams(this.getAttribute("options") ?? ""),
      ["embed", "1"], ["start", ""], ["theme", themeOf(this)], ["lang", language().startsWith("ja") ? "ja" : "en"],
      ["show", this.getAttribute("show") ?? this.getAttribute("view") ?? "diagram"],
    ]);
    address.hash = this.getAttribute("link") ?? "";
    const frame = await restricted(Object.assign(document.createElement("iframe"), { src: address.href, title: this.label }));
    frame.setAttribute("scrolling", "no");
    this.shadowRoot.replaceChildren(frame);
    frame.addEventListener("load", () => frame.focus({ preventScroll: true }));
    // The page around it may become dark or light at any time.
    const first = themeOf(this);
    let theme = first;
    const tell = () => frame.contentWindow?.postMessage({ kubarium: { theme } }, "*");
    const follow = () => {
      const now = themeOf(this);
      if (now === theme) return;
      theme = now;
      tell();
    };
    // What became of it before the frame could hear anything it asks for once.
    addEventListener("message", ({ source, data }) => source === frame.contentWindow && data?.kubarium?.asks === "theme" && theme !== first && tell());
    this.watch = new MutationObserver(follow);
    for (const element of [document.documentElement, document.body]) this.watch.observe(element, { attributes: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  }
}

// A page with two clusters may well have the script twice.
if (!customElements.get("kubarium-cluster")) customElements.define("kubarium-cluster", KubariumCluster);

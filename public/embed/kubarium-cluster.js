// <kubarium-cluster>: a living cluster in a page of one's own. Attributes, all optional:
//   link     what follows "#" in a link to a cluster; without it the cluster of the first screen
//   options  what stands between "?" and "#" in it: "paused&at=90"
//   show     "diagram" (as it is; view="diagram" says the same), "yaml" or "both"
//   label    what the button says; height: in pixels
//   still    letters for the picture that is shown before (Share writes them); poster: a picture to show instead
// Nothing is loaded before somebody asks for it; off the screen the cluster stands still.

import { lettersOf, startButton, STYLE, wordsFor } from "./still.js";

const HOME = new URL("..", import.meta.url);

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
    return this.getAttribute("label") ?? wordsFor(document.documentElement.lang);
  }

  start() {
    const address = new URL(HOME);
    address.search = new URLSearchParams([
      ...new URLSearchParams(this.getAttribute("options") ?? ""),
      ["embed", "1"], ["start", ""], ["theme", themeOf(this)], ["lang", document.documentElement.lang.startsWith("ja") ? "ja" : "en"],
      ["show", this.getAttribute("show") ?? this.getAttribute("view") ?? "diagram"],
    ]);
    address.hash = this.getAttribute("link") ?? "";
    const frame = Object.assign(document.createElement("iframe"), { src: address.href, title: this.label });
    frame.setAttribute("scrolling", "no");
    // It needs no origin of its own: what it runs cannot touch anything of this page or of its home.
    frame.setAttribute("sandbox", "allow-scripts");
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

customElements.define("kubarium-cluster", KubariumCluster);

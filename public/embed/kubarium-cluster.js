// <kubarium-cluster>: a living cluster in a page of one's own. Attributes, all optional:
//   link    what follows "#" in a link to a cluster; without it the cluster of the first screen
//   show    "diagram" (as it is), "yaml" or "both"
//   label   what the button says; poster: a picture to show before; height: in pixels
// Nothing is loaded before somebody asks for it; off the screen the cluster stands still.

const HOME = new URL("..", import.meta.url);

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
:host { display: block; position: relative; overflow: hidden; border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 12px; }
:host([hidden]) { display: none; }
iframe, button { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
button { display: grid; place-content: center; gap: 12px; font: 600 1rem system-ui, sans-serif; color: inherit; cursor: pointer;
  background: color-mix(in srgb, currentColor 5%, transparent) center / cover no-repeat; }
button:focus-visible { outline: 3px solid; outline-offset: -6px; }
svg { width: 72px; margin: auto; }
`);

/** Whether what stands around the element is dark. */
function isDark(element) {
  const [red, green, blue] = getComputedStyle(element).color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
  return red * 0.3 + green * 0.6 + blue * 0.1 > 140;
}

class KubariumCluster extends HTMLElement {
  connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [STYLE];
    this.style.height = `${Number(this.getAttribute("height")) || 480}px`;
    const button = document.createElement("button");
    button.innerHTML = `<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" aria-hidden="true"><rect x="3" y="4" width="26" height="24" rx="6"/>
      <path d="M3 15c4-3 9-3 13 0s9 3 13 0"/><path d="M13 11l8 5-8 5z" fill="currentColor"/></svg>`;
    button.append(this.getAttribute("label") ?? (document.documentElement.lang.startsWith("ja") ? "クラスタを動かす" : "Start this cluster"));
    const poster = this.getAttribute("poster");
    if (poster) button.style.backgroundImage = `url(${JSON.stringify(new URL(poster, document.baseURI).href)})`;
    button.addEventListener("click", () => this.start());
    root.replaceChildren(button);
  }

  disconnectedCallback() {
    this.watch?.disconnect();
  }

  start() {
    const address = new URL(HOME);
    address.search = new URLSearchParams({
      embed: "1", theme: isDark(this) ? "dark" : "light", lang: document.documentElement.lang.startsWith("ja") ? "ja" : "en",
      show: this.getAttribute("show") ?? "diagram",
    });
    address.hash = this.getAttribute("link") ?? "";
    const frame = Object.assign(document.createElement("iframe"), { src: address.href, title: this.getAttribute("label") ?? "Kubarium" });
    frame.setAttribute("scrolling", "no");
    this.shadowRoot.replaceChildren(frame);
    const tell = (seen) => frame.contentWindow?.postMessage({ kubarium: seen ? "play" : "pause" }, HOME.origin);
    let seen = true;
    this.watch = new IntersectionObserver(([{ isIntersecting }]) => tell((seen = isIntersecting)));
    addEventListener("message", ({ source, data }) => {
      if (source === frame.contentWindow && data?.kubarium === "ready" && !seen) tell(false);
    });
    frame.addEventListener("load", () => {
      this.watch.observe(this);
      frame.focus({ preventScroll: true });
    });
  }
}

customElements.define("kubarium-cluster", KubariumCluster);

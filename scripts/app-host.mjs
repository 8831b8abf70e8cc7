// The page's program in Node, in a document without a layout and with a clock of its own: for the build, which watches what
// a visit begins with.

import { transformSync } from "esbuild";
import { Window } from "happy-dom";

import { given } from "./split.mjs";

const ADDRESS = "http://localhost/";

/**
 * Starts the program in the page `html`; `later` gives its later part when it is first needed, where it was cut in two;
 * `prepare` is given what the program exports before it runs. `visit` is who comes: `languages`, a `width` and a `height`, a
 * pattern for the `media` queries that are met, what is `kept` from last time, and a `seed` for what is a matter of chance. The page's requests go to `tell`.
 */
export async function startApp({ html, glue, wasm, visit, tell, later = () => new Uint8Array(), prepare = () => {} }) {
  const window = new Window({ url: ADDRESS, width: visit.width, height: visit.height });
  const engine = { postMessage: tell };
  const clock = { now: 0, frames: [], timers: [] };
  const observers = [];
  const random = sequence(visit.seed);
  const own = browser({ visit, engine, clock, observers });
  for (const [name, value] of Object.entries(own)) Object.defineProperty(window, name, { value });
  layOut(window, random);
  for (const [name, value] of Object.entries(visit.kept)) window.localStorage.setItem(`kubarium.${name}`, value);
  window.document.write(html.replace(/<script[^]*?<\/script>|<link[^>]*>/g, ""));
  const { documentElement } = window.document;
  documentElement.dataset.language = documentElement.lang = visit.kept.language ?? visit.languages[0].slice(0, 2);

  // The bindings make their imports themselves and show them only to this constructor.
  let imports;
  let exports;
  const link = () => {
    new WebAssembly.Instance(new WebAssembly.Module(later()), { ...imports, first: given(exports) });
    exports.$loaded.value = 1;
  };
  const Instance = function (module, made) {
    imports = made;
    const instance = new WebAssembly.Instance(module, { ...made, kubarium: { later: link } });
    exports = instance.exports;
    prepare(exports);
    return instance;
  };
  const scope = {
    // What browsers have and Node has not.
    ...Object.fromEntries(Object.getOwnPropertyNames(window).filter((name) => !(name in globalThis)).map((name) => [name, window[name]])),
    ...own, window, self: window, globalThis: window, WebAssembly: { Module: WebAssembly.Module, Instance },
  };
  const { code } = transformSync(glue, { format: "iife", globalName: "bindings", define: { "import.meta.url": JSON.stringify(ADDRESS) } });
  const bindings = new Function(...Object.keys(scope), `${code}\nreturn bindings;`)(...Object.values(scope));
  bindings.initSync({ module: new WebAssembly.Module(wasm) });
  await settle();
  return {
    exports, window, document: window.document,
    /** Hands over what the worker says. */
    async hear(text) {
      engine.onmessage({ data: text });
      await settle();
    },
    /** Lets time pass, to the next frame of the display. */
    async draw(length) {
      clock.now += length;
      const due = clock.timers.filter(({ at }) => at <= clock.now);
      clock.timers = clock.timers.filter(({ at }) => at > clock.now);
      for (const { work } of due) work();
      for (const draw of clock.frames.splice(0)) draw(clock.now);
      await settle();
    },
    /** Tells those who observe sizes that these have changed. */
    async resize() {
      // What is under way goes on on another way.
      places.get(window.document).of = new WeakMap();
      for (const hear of observers) hear([]);
      await settle();
    },
    close: () => window.happyDOM.close(),
  };
}

/** Numbers between 0 and 1 that look like chance and are the same every time. */
export function sequence(seed) {
  return () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
}

/** What the program finds in a browser that is not a matter of the document. */
function browser({ visit: { languages, media }, engine, clock, observers }) {
  const never = () => new Promise(() => {});
  return {
    // What is loaded later is for ever on its way.
    kubarium: { engine, load: never, unloaded: [], settle: never, inWords: (sentence) => sentence },
    fetch: never,
    navigator: { language: languages[0], languages },
    performance: { now: () => clock.now },
    requestAnimationFrame: (draw) => clock.frames.push(draw),
    setTimeout: (work, length = 0) => clock.timers.push({ work, at: clock.now + length }),
    matchMedia: (query) => ({ matches: media.test(query), addEventListener() {} }),
    ResizeObserver: class {
      constructor(hear) {
        observers.push(hear);
      }
      observe() {}
    },
  };
}

/** Gives every element a place of its own, anywhere. All windows share the class of their elements. */
const places = new WeakMap();
function layOut({ document, Element }, random) {
  places.set(document, { of: new WeakMap(), random });
  Element.prototype.getBoundingClientRect = function () {
    const { of, random } = places.get(this.ownerDocument);
    if (!of.has(this)) {
      const { innerWidth, innerHeight } = this.ownerDocument.defaultView;
      const [x, y, width, height] = [innerWidth, innerHeight, innerWidth / 4, innerHeight / 4].map((size) => {
        const value = random() ** 4 * size;
        return random() < 0.5 ? value : Math.floor(2 * value) / 2;
      });
      of.set(this, { x, y, left: x, top: y, width, height, right: x + width, bottom: y + height });
    }
    return of.get(this);
  };
  const size = (name) => ({ configurable: true, get() { return this.ownerDocument.defaultView[name]; } });
  Element.prototype.animate = () => ({ currentTime: 0, play() {}, pause() {}, cancel() {} });
  Object.defineProperties(Element.prototype, { clientWidth: size("innerWidth"), clientHeight: size("innerHeight") });
}

/** Waits until all promises are kept that can be. */
const settle = () => new Promise((done) => void setImmediate(done));

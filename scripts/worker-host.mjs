// The page's worker in Node, in a scope that is like a Web Worker's and with a clock of its own: for the build, which
// watches what the first screen needs, and for benchmarks.

import { createContext, runInContext } from "node:vm";

import { given } from "./split.mjs";

/** Wall time between two ticks of the worker, in milliseconds: not always the same, as in a browser. */
const TICKS_MS = [33, 33.4, 32.7, 41.3, 33.1, 66.2, 32.9, 33.6, 18.5, 133.2, 33];
/** What passes between two looks at the clock on a machine that has other things to do, in milliseconds. */
const BUSY_MS = 25;

/**
 * Starts the worker; `later` gives the program's later part when it is first needed, where it was cut in two; `prepare` is
 * given what the program exports before it runs.
 */
export function startWorker(glue, wasm, later = () => new Uint8Array(), prepare = () => {}) {
  let now = 0;
  let ticks = 0;
  let busy = false;
  let tick;
  let replies = [];
  const scope = createContext({
    console, TextDecoder, TextEncoder, WebAssembly, queueMicrotask, URL, setTimeout,
    performance: { now: () => (now += busy ? BUSY_MS : 0) },
    setInterval: (work) => void (tick = work),
    // The map of a large cluster comes as numbers: no reply to anybody.
    postMessage: (said) => void (typeof said === "string" && replies.push(JSON.parse(said))),
  });
  runInContext("var self = globalThis;", scope);
  runInContext(glue, scope);

  // The bindings make their imports themselves and show them only to this constructor.
  let imports;
  const link = () => {
    new WebAssembly.Instance(new WebAssembly.Module(later()), { ...imports, first: given(exports) });
    exports.$loaded.value = 1;
  };
  scope.module = new WebAssembly.Module(wasm);
  scope.WebAssembly = {
    ...Object.fromEntries(Object.getOwnPropertyNames(WebAssembly).map((name) => [name, WebAssembly[name]])),
    Instance: function (module, made) {
      imports = made;
      const instance = new WebAssembly.Instance(module, { ...made, kubarium: { later: link } });
      prepare(instance.exports);
      return instance;
    },
  };
  const exports = runInContext("wasm_bindgen.initSync({ module });", scope);
  return {
    exports,
    say: (request) => scope.onmessage({ data: JSON.stringify(request) }),
    /** What the worker said since last asked. */
    heard: () => replies.splice(0),
    /** Lets time pass, until a reply is what is waited for; where the machine is `slow`, the worker does not keep up. */
    run(length, found = () => false, slow = false) {
      replies = [];
      busy = slow;
      for (const end = now + length; now < end; ) {
        now += TICKS_MS[ticks++ % TICKS_MS.length];
        tick();
        if (replies.splice(0).some(found)) return true;
      }
      return false;
    },
  };
}

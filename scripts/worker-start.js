// Ends the worker's script (scripts/page.mjs puts it there): starts the engine, and has its later part loaded when the page says
// so (app-start.js).
{
  let begin;
  const asked = new Promise((resolve) => (begin = resolve));
  addEventListener("message", (event) => {
    if (event.data !== "later") return;
    event.stopImmediatePropagation();
    begin();
  });

  // A worker hears nothing while its WASM is on the way: keep what the page says, and hand it over when the engine runs.
  const early = [];
  onmessage = (event) => early.push(event);

  // A worker that was made of a text (index.html) has no address of its own.
  const address = (name) => (globalThis.home ?? "") + name;

  let imports;
  let first;
  let linked = false;
  const link = (module) => {
    if (linked) return;
    const { $shown } = first;
    const shown = Array.from({ length: $shown.length }, (_, index) => $shown.get(index));
    new WebAssembly.Instance(module, { ...imports, first: { ...first, ...shown } });
    first.$loaded.value = 1;
    linked = true;
  };
  // Whoever needs the later part before it has arrived waits for it here.
  const later = () => {
    const request = new XMLHttpRequest();
    request.open("GET", address("worker_later.wasm"), false);
    request.responseType = "arraybuffer";
    request.send();
    if (request.status !== 200) throw new Error(`the engine's later part could not be loaded: HTTP ${request.status}`);
    link(new WebAssembly.Module(request.response));
  };

  // The bindings make their imports themselves and show them only to this function.
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = (module, made) => {
    WebAssembly.instantiate = instantiate;
    imports = made;
    return instantiate(module, { ...made, kubarium: { later } });
  };
  wasm_bindgen({ module_or_path: WebAssembly.compileStreaming(fetch(address("worker_bg.wasm"))) }).then(
    (exports) => {
      first = exports;
      for (const event of early) onmessage(event);
      // What fails here is tried again when it is needed.
      asked.then(() => linked || WebAssembly.compileStreaming(fetch(address("worker_later.wasm"))).then(link)).catch(() => {});
    },
    // A start that fails must reach the page as an error of the worker.
    (reason) => setTimeout(() => { throw reason; }),
  );
}

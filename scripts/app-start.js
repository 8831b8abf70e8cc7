// Ends the script of the page's program (scripts/page.mjs puts it there): has the later parts loaded, the page's and the worker's,
// when the first screen is alive and has come to rest, or somebody begins to do something; and keeps what people do until they
// are there.
{
  /** How long the first paint is waited for at most, in milliseconds. */
  const PAINTED_MS = 500;
  /** How long the first screen has the machine for itself, in milliseconds: to compile takes all of a small one. */
  const REST_MS = 1500;
  /** How often it is looked at meanwhile, in milliseconds. */
  const LOOK_MS = 100;
  const address = new URL("app_later.wasm", import.meta.url);
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
  const load = async () => link(await WebAssembly.compileStreaming(fetch(address)));
  // Who needs the later part before all that was foreseen has to wait for it.
  const later = () => {
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    // A document that waits gets text only: let each byte be a character.
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.send();
    if (request.status !== 200) throw new Error(`the page's later part could not be loaded: HTTP ${request.status}`);
    link(new WebAssembly.Module(Uint8Array.from(request.responseText, (byte) => byte.charCodeAt(0) & 0xff)));
  };

  const held = [];
  const hold = (event) => {
    arrive();
    event.stopImmediatePropagation();
    const [target] = event.composedPath();
    const acts = target.closest?.("a,button,input,select,summary,textarea,[contenteditable],[tabindex]");
    // Keys that move the focus or press what has it go on; what is pressed is held.
    if (event.type !== "keydown" || (!acts && event.key !== "Tab")) event.preventDefault();
    held.push([target, event]);
  };
  // Half of a gesture is worth nothing.
  const drop = (event) => event.stopImmediatePropagation();
  const each = (act) => {
    for (const kind of ["click", "dblclick", "contextmenu", "keydown", "input", "change"]) act(kind, hold, true);
    for (const kind of ["pointerdown", "pointerup", "pointercancel"]) act(kind, drop, true);
  };
  const release = () => {
    each(removeEventListener);
    for (const kind of SIGNS) removeEventListener(kind, arrive, true);
    for (const [target, event] of held) if (target.isConnected) target.dispatchEvent(new event.constructor(event.type, event));
  };

  /** Somebody is there. */
  const SIGNS = ["pointermove", "touchstart", "wheel"];
  // What fails here is tried again when it is needed.
  let arriving;
  const arrive = () => {
    if (arriving) return;
    tellWorker();
    arriving = load().catch(() => {}).then(release);
  };
  // Its script (worker-start.js) knows the word.
  const tellWorker = () => kubarium.engine.postMessage("later");
  const pause = (time) => new Promise((done) => setTimeout(done, time));

  // The first part is what somebody needs who comes for the first time (scripts/profile.mjs). All others wait for the whole.
  let whole = location.hash !== "" || location.search !== "";
  try {
    whole ||= Object.keys(localStorage).some((name) => !/^kubarium\.(language|theme)$/.test(name));
  } catch { /* No storage, nothing kept. */ }

  // The frame is painted before the program takes the display's time. Where nobody looks nothing is painted.
  const painted = document.hidden || new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, PAINTED_MS);
  });

  // The bindings make their imports themselves and show them only to this function.
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (response, made) => {
    WebAssembly.instantiateStreaming = instantiateStreaming;
    imports = made;
    if (whole) tellWorker();
    const rest = whole ? WebAssembly.compileStreaming(fetch(address)) : undefined;
    const module = await WebAssembly.compileStreaming(response);
    await painted;
    const result = { module, instance: await WebAssembly.instantiate(module, { ...made, kubarium: { later } }) };
    first = result.instance.exports;
    // It begins in a task of its own: on a slow machine either takes long.
    await new Promise((done) => setTimeout(done));
    if (whole) {
      link(await rest);
      return result;
    }
    each(addEventListener);
    const { engine } = kubarium;
    for (const kind of SIGNS) addEventListener(kind, arrive, { capture: true, passive: true });
    // A worker that cannot start is told of by the later part.
    engine.addEventListener("error", arrive, { once: true });
    engine.addEventListener("message", async () => {
      do await pause(LOOK_MS); while (document.getElementById("frame"));
      await pause(REST_MS);
      arrive();
    }, { once: true });
    return result;
  };
}

// Where the focus goes for who uses the keyboard: into the panel that they opened, and back to where they came from when it
// closes.

/** What opens the panel when it is pressed. */
const OPENERS = "[aria-controls=drawer], .stage :is(.pod, .node-name, .program-name, .agent, .chip, .service, .member, .edge-door)";

export function follow() {
  const drawer = document.getElementById("drawer");
  if (!drawer) return;
  drawer.tabIndex = -1;
  let opener;
  document.addEventListener("click", ({ detail, target }) => {
    // Keys press without a pointer.
    const pressed = detail === 0 && target.closest?.(OPENERS);
    if (!pressed) return;
    requestAnimationFrame(() => {
      if (drawer.hidden || document.activeElement !== pressed) return;
      opener = pressed;
      drawer.focus({ preventScroll: true });
    });
  });
  const lost = () => document.activeElement === document.body || drawer.contains(document.activeElement);
  new MutationObserver(() => {
    if (!drawer.hidden || !lost()) return;
    const back = opener?.isConnected ? opener : document.querySelector("[aria-controls=drawer]");
    opener = undefined;
    back?.focus({ preventScroll: true });
  }).observe(drawer, { attributeFilter: ["hidden"] });
  spaceIsTime();
  addEventListener("keydown", ({ key }) => {
    const owner = key === "Escape" && document.activeElement?.closest(".menu")?.querySelector(":scope > [aria-expanded]");
    if (owner) setTimeout(() => document.activeElement === document.body && owner.focus());
  }, true);
}

/** Who pressed a button with the pointer and then the space bar means time, not the same button again: that could be a node's switch. */
function spaceIsTime() {
  let pointed;
  addEventListener("mousedown", ({ target }) => (pointed = target.closest?.(":is(.stage, .story, .rewind, .foot) button")), true);
  // Whoever left it comes back by keyboard.
  addEventListener("focusin", ({ target }) => target !== pointed && (pointed = undefined), true);
  addEventListener("keydown", (event) => {
    if (event.key !== " " || !pointed || event.target !== pointed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    pointed.blur();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true, cancelable: true }));
  }, true);
}

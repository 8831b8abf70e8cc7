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
  addEventListener("keydown", ({ key }) => {
    const owner = key === "Escape" && document.activeElement?.closest(".menu")?.querySelector(":scope > [aria-expanded]");
    if (owner) setTimeout(() => document.activeElement === document.body && owner.focus());
  }, true);
}

// A finger that rests on something until its menu is there lies on the menu then: lifting it chooses nothing.

const isOpen = () => Boolean(document.querySelector(".fault-menu"));
let before = false;

/** Follows the fingers for as long as the page lives. */
export function followFingers() {
  addEventListener("touchstart", () => (before = isOpen()), { capture: true, passive: true });
  addEventListener("touchend", (event) => {
    // No mouse is made of it, and so no click.
    if (!before && isOpen() && event.cancelable) event.preventDefault();
  }, { capture: true, passive: false });
}

// In somebody's page all of a cluster is seen, smaller where it must be: nothing scrolls in there.

/** How small the stage may become, and by which steps; what stays free below it, in pixels. */
const [LEAST, STEP, FREE] = [0.25, 0.94, 8];

/** Makes the stage smaller whenever it ends below its place; it grows again only with that, or it would jump with every pod. */
export function fit() {
  const stage = document.querySelector(".stages > .stage");
  if (!stage) return;
  const shrink = () => {
    const end = Math.min(innerHeight - FREE, stage.closest(".scene").getBoundingClientRect().bottom);
    for (let zoom = Number(getComputedStyle(stage).zoom); stage.getBoundingClientRect().bottom > end + 1 && zoom > LEAST;) {
      zoom *= STEP;
      stage.style.zoom = zoom;
    }
  };
  new ResizeObserver(shrink).observe(stage);
  addEventListener("resize", () => {
    stage.style.zoom = "";
    shrink();
  });
}

// What both benches of the page compare with: the same scene as a plain SVG drawing.

/** In the page: so many pods on so many nodes as SVG. */
export function drawSvg([nodes, pods]) {
  document.querySelector("svg")?.remove();
  const across = Math.ceil(Math.sqrt(nodes * 2));
  const each = Math.ceil(pods / nodes);
  const wide = Math.ceil(Math.sqrt(each * 1.5));
  const scale = 1240 / (across * (wide + 1));
  const parts = [];
  for (let pod = 0; pod < pods; pod++) {
    const node = pod % nodes;
    const slot = Math.floor(pod / nodes);
    const x = ((node % across) * (wide + 1) + (slot % wide)) * scale;
    const y = (Math.floor(node / across) * (Math.ceil(each / wide) + 1.8) + Math.floor(slot / wide)) * scale;
    parts.push(`<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(scale * 0.9).toFixed(2)}" height="${(scale * 0.9).toFixed(2)}" fill="${pod % 53 ? "#0b7064" : "#b3261e"}"/>`);
  }
  document.body.insertAdjacentHTML("beforeend", `<svg width="1240" height="520"><g>${parts.join("")}</g></svg>`);
}

/** The value below which this share of all lies. */
export const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];

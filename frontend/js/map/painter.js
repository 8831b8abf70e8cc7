// Draws the map of a large cluster on a canvas: from afar by writing pixels, nearer with shapes, nearer still with names.

import { HEAD } from "./model.js";

/** From so many pixels a pod on, shapes are drawn; from so many on, names. */
const SHAPED = 7;
export const NAMED = 46;
/** From so many on what is in a pod is seen, so many containers of it. */
const OPENED = 100;
const CONTAINERS = 3;

/** What tells a node from others: addresses in its name are the same for all. */
const ending = (name) => name.split(".")[0].split("-").at(-1);

const channel = (colour) => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return (255 << 24) | (b << 16) | (g << 8) | r;
};

/** Colours of the page's own tokens, as CSS and as words of pixels. */
export function readPalette(element) {
  const probe = element.appendChild(document.createElement("i"));
  const css = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = { good: "good", danger: "danger", warn: "warn", muted: "text-muted", line: "line-strong", text: "text", surface: "surface", sunken: "sunken", soft: "danger-soft", accent: "accent", traffic: "traffic" };
  const palette = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, css(name)]));
  probe.remove();
  const pods = [palette.muted, palette.muted, palette.traffic, palette.good, palette.line, palette.danger, palette.line, palette.warn];
  const nodes = [palette.surface, palette.sunken, palette.soft, palette.soft, palette.soft, palette.sunken];
  return { ...palette, pods, nodes, podWords: pods.map(channel), nodeWords: nodes.map(channel), deepWord: channel(palette.sunken) };
}

/** Draws the model on a canvas. `view` is {x, y, scale}: the world point at the upper left, and pixels a unit. */
export function createPainter(canvas, model, palette, texts) {
  const context = canvas.getContext("2d", { alpha: false });
  let image = null;
  let words = null;
  const paint = (layout, view, focus) => {
    const { width, height } = canvas;
    if (!width || !height) return;
    if (view.scale < SHAPED) pixels(layout, view, width, height);
    else shapes(layout, view, width, height);
    if (focus) outline(layout, view, focus);
  };
  function fill(x0, y0, x1, y1, word) {
    const { width, height } = image;
    x0 = x0 < 0 ? 0 : x0 | 0;
    y0 = y0 < 0 ? 0 : y0 | 0;
    x1 = x1 > width ? width : x1 | 0;
    y1 = y1 > height ? height : y1 | 0;
    for (let y = y0; y < y1; y++) words.fill(word, y * width + x0, y * width + x1);
  }
  function pixels(layout, view, width, height) {
    if (!image || image.width !== width || image.height !== height) {
      image = new ImageData(width, height);
      words = new Uint32Array(image.data.buffer);
    }
    words.fill(palette.deepWord);
    const { scale } = view;
    const { columns } = layout;
    const gap = scale >= 3 ? 1 : 0;
    const border = Math.max(0, Math.min(2, Math.floor(scale * 0.3)));
    const cellWide = layout.width * scale;
    const cellHigh = layout.height * scale;
    for (let number = 0; number < model.cells.length; number++) {
      const left = (layout.places[2 * number] - view.x) * scale;
      const top = (layout.places[2 * number + 1] - view.y) * scale;
      if (left > width || top > height || left + cellWide < 0 || top + cellHigh < 0) continue;
      const { state, pods } = model.cells[number];
      fill(left + border, top + border, left + cellWide, top + cellHigh, palette.nodeWords[state] ?? palette.deepWord);
      const first = left + scale * 0.5;
      const high = top + scale * (0.5 + HEAD);
      for (let slot = 0; slot < pods.length; slot++) {
        const shape = pods[slot];
        if (shape > 7) continue;
        const x = first + (slot % columns) * scale;
        const y = high + ((slot / columns) | 0) * scale;
        if (scale < 2.2) {
          const px = x | 0;
          const py = y | 0;
          if (px >= 0 && py >= 0 && px < width && py < height) {
            words[py * width + px] = palette.podWords[shape];
            if (scale >= 1.5 && px + 1 < width) words[py * width + px + 1] = palette.podWords[shape];
            // What fails is never lost between two pixels.
            if (shape === 5) fill(px - 1, py - 1, px + 3, py + 3, palette.podWords[5]);
          }
        } else fill(x, y, x + scale - gap, y + scale - gap, palette.podWords[shape]);
      }
      // A node that is not well bears a bar above its pods.
      if (state >= 2 && state <= 4) fill(left + border, top + border, left + cellWide, top + border + Math.max(1, scale * HEAD), palette.podWords[5]);
    }
    context.putImageData(image, 0, 0);
  }
  function shapes(layout, view, width, height) {
    context.fillStyle = palette.sunken;
    context.fillRect(0, 0, width, height);
    const { scale } = view;
    const { columns } = layout;
    const wide = layout.width * scale;
    const high = layout.height * scale;
    const small = Math.max(9, Math.min(scale * HEAD * 0.8, 26));
    for (let number = 0; number < model.cells.length; number++) {
      const left = (layout.places[2 * number] - view.x) * scale;
      const top = (layout.places[2 * number + 1] - view.y) * scale;
      if (left > width || top > height || left + wide < 0 || top + high < 0) continue;
      const cell = model.cells[number];
      context.fillStyle = palette.nodes[cell.state];
      context.strokeStyle = cell.state === 0 ? palette.line : palette.danger;
      context.lineWidth = cell.state === 0 ? 1 : 2;
      context.setLineDash(cell.state === 2 || cell.state === 3 ? [5, 4] : []);
      context.beginPath();
      context.roundRect(left + scale * 0.15, top + scale * 0.1, wide - scale * 0.3, high - scale * 0.2, scale * 0.4);
      context.fill();
      context.stroke();
      context.setLineDash([]);
      let state = cell.state === 0 ? "" : ` · ${texts.states[cell.state]}`;
      const middle = top + scale * (HEAD * 0.5 + 0.35);
      const name = `${model.names[number] ?? number}`;
      const room = (wide - scale) * (scale > 12 ? 0.7 : 1);
      // Its frame and colours say it as well.
      if (state && !fits(`${ending(name)}${state}`, room, small)) state = "";
      // Beginnings are alike: where the whole does not fit, the end tells nodes apart.
      const tail = fits(`${name}${state}`, room, small) ? name : ending(name);
      text(`${tail}${state}`, left + scale * 0.5, middle, room, small, cell.state ? palette.danger : palette.text);
      // What is requested of the node, CPU over memory.
      if (scale > 12) [cell.cpu, cell.memory].forEach((percent, index) => {
        const [x, y, width] = [left + scale * 0.5 + (wide - scale) * 0.74, middle + scale * (index ? 0.06 : -0.16), (wide - scale) * 0.26];
        context.fillStyle = palette.line;
        context.fillRect(x, y, width, Math.max(2, scale * 0.1));
        context.fillStyle = palette.traffic;
        context.fillRect(x, y, (width * percent) / 100, Math.max(2, scale * 0.1));
      });
      const close = model.close.get(number);
      for (let slot = 0; slot < cell.pods.length; slot++) {
        if (cell.pods[slot] > 7) continue;
        const x = left + scale * (0.5 + (slot % columns));
        const y = top + scale * (0.5 + HEAD + Math.floor(slot / columns));
        pod(cell.pods[slot], x, y, scale, close?.get(slot));
      }
    }
  }
  function fits(words, width, size) {
    context.font = `${size}px system-ui, sans-serif`;
    return context.measureText(words).width <= width;
  }
  function text(words, x, y, width, size, colour) {
    context.font = `${size}px system-ui, sans-serif`;
    context.fillStyle = colour;
    context.textBaseline = "middle";
    let shown = words;
    const whole = context.measureText(words).width;
    for (let keep = Math.floor((words.length * width) / whole); keep > 0 && context.measureText(shown).width > width; keep--) {
      shown = `${words.slice(0, keep)}…`;
    }
    context.fillText(shown, x, y);
  }
  /** The card of a pod, but for the shape of its state. */
  function card(x, y, scale, { name, status, containers }) {
    const small = Math.max(9, Math.min(scale * 0.085, 17));
    context.fillStyle = palette.surface;
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(x + scale * 0.03, y + scale * 0.03, scale * 0.94, scale * 0.94, scale * 0.08);
    context.fill();
    context.stroke();
    // As with nodes: where the whole does not fit, the end tells it apart.
    const title = fits(name, scale * 0.68, small) ? name : `…${ending(name)}`;
    text(title, x + scale * 0.24, y + scale * 0.15, scale * 0.68, small, palette.text);
    text(status, x + scale * 0.24, y + scale * 0.28, scale * 0.7, small * 0.92, palette.muted);
    const left = containers.length - CONTAINERS;
    containers.slice(0, CONTAINERS).forEach((container, index) => {
      const line = y + scale * (0.45 + index * 0.17);
      const side = scale * 0.08;
      const [far, top] = [x + scale * 0.09, line - side / 2];
      context.strokeStyle = context.fillStyle = container.ready ? palette.good : palette.muted;
      context.lineWidth = Math.max(1, scale * 0.012);
      context.strokeRect(far, top, side, side);
      // Full is ready, half runs, empty waits.
      const full = container.ready ? side : container.running ? side / 2 : 0;
      context.fillRect(far, top + side - full, side, full);
      const more = index === CONTAINERS - 1 && left > 0 ? `  +${left}` : "";
      const again = container.restarts ? ` ↻${container.restarts}` : "";
      text(`${container.name}${again}${more} · ${container.image}`, x + scale * 0.24, line, scale * 0.68, small * 0.92, palette.text);
    });
  }
  function pod(shape, x, y, scale, known) {
    const named = scale >= NAMED && known;
    const opened = named && scale >= OPENED;
    if (opened) card(x, y, scale, known);
    const size = opened ? scale * 0.15 : named ? Math.min(scale * 0.32, 18) : scale * 0.7;
    const cx = x + scale * (opened ? 0.13 : 0.5);
    const cy = y + scale * (opened ? 0.19 : named ? 0.28 : 0.5);
    const r = size / 2;
    context.fillStyle = context.strokeStyle = palette.pods[shape];
    context.lineWidth = Math.max(1, size * 0.12);
    context.beginPath();
    if (shape === 5) {
      context.moveTo(cx, cy - r);
      context.lineTo(cx + r, cy + r * 0.85);
      context.lineTo(cx - r, cy + r * 0.85);
      context.closePath();
      context.fill();
    } else if (shape === 7) {
      context.moveTo(cx, cy - r);
      context.lineTo(cx + r, cy);
      context.lineTo(cx, cy + r);
      context.lineTo(cx - r, cy);
      context.closePath();
      context.stroke();
    } else if (shape === 4) {
      context.strokeRect(cx - r * 0.8, cy - r * 0.8, r * 1.6, r * 1.6);
    } else {
      context.arc(cx, cy, r * 0.9, 0, 2 * Math.PI);
      if (shape === 3) context.fill();
      else context.stroke();
      if (shape === 1 || shape === 2) {
        context.beginPath();
        context.moveTo(cx, cy);
        if (shape === 1) context.arc(cx, cy, r * 0.9, -Math.PI / 2, 0);
        else context.arc(cx, cy, r * 0.9, 0, Math.PI);
        context.fill();
      }
      if (shape === 6) {
        context.moveTo(cx - r * 0.5, cy - r * 0.5);
        context.lineTo(cx + r * 0.5, cy + r * 0.5);
        context.stroke();
      }
    }
    if (named && !opened) {
      const small = Math.max(8, Math.min(scale * 0.13, 13));
      text(ending(known.name), x + scale * 0.06, y + scale * 0.62, scale * 0.88, small, palette.text);
      text(known.status, x + scale * 0.06, y + scale * 0.82, scale * 0.88, small, palette.muted);
    }
  }
  function outline(layout, view, { node, slot }) {
    const { scale } = view;
    let x = (layout.places[2 * node] - view.x) * scale;
    let y = (layout.places[2 * node + 1] - view.y) * scale;
    let [wide, high] = [layout.width * scale, layout.height * scale];
    if (slot >= 0) {
      x += scale * (0.5 + (slot % layout.columns));
      y += scale * (0.5 + HEAD + Math.floor(slot / layout.columns));
      [wide, high] = [scale, scale];
    }
    context.strokeStyle = palette.accent;
    context.lineWidth = 3;
    context.strokeRect(x - 1, y - 1, Math.max(5, wide + 2), Math.max(5, high + 2));
  }
  return paint;
}

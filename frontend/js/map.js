// The far view: a cluster of too many nodes for cards, as a map on a canvas. Loaded when a cluster needs it.
//
// The worker tells what there is as numbers (see worker/map.rs) and this module draws them: from afar by writing pixels,
// nearer with shapes, nearer still with names. Where something is follows from its number, so that a click needs no DOM.
//
// create(element, {engine, texts, onInspect(kind, namespace, name), onMenu(place, x, y)}) → {destroy()}

// Shapes of pods, by number: pending, starting, running, ready, succeeded, failing, terminating, unknown; and of nodes:
// ready, cordoned, off and unnoticed, off, not ready, joining.
const GONE = 255;
/** World units: a pod is 1 × 1, a node has a margin of 1 around its pods and this much above them. */
const HEAD = 0.8;
/** From so many pixels a pod on, shapes are drawn; from so many on, names. */
const SHAPED = 7;
const NAMED = 46;
const NEAREST = 140;

/** What there is, by number. Apart from the drawing, so that it can be measured and tested alone. */
export function createModel() {
  const model = { zones: [], names: [], zoneOf: [], cells: [], waiting: 0, most: 4, counts: new Uint32Array(8), close: new Map() };
  model.name = ({ zones, nodes }) => {
    model.zones = zones;
    model.names = nodes.map(([name]) => name);
    model.zoneOf = nodes.map(([, zone]) => zone);
  };
  model.take = (words) => {
    const [whole, nodes, pods, waiting] = words;
    if (whole) {
      model.cells = [];
      model.counts.fill(0);
      model.close.clear();
    }
    model.waiting = waiting;
    let at = 4;
    for (let index = 0; index < nodes; index++, at += 3) {
      const cell = cellOf(words[at]);
      cell.state = words[at + 1] & 255;
      cell.cpu = (words[at + 1] >> 8) & 255;
      cell.memory = (words[at + 1] >> 16) & 255;
    }
    for (let index = 0; index < pods; index++, at += 2) {
      const cell = cellOf(words[at]);
      const slot = words[at + 1] & 0xffff;
      const shape = words[at + 1] >> 16;
      if (slot >= cell.pods.length) {
        const grown = new Uint8Array(Math.max(8, slot + 1, cell.pods.length * 2)).fill(GONE);
        grown.set(cell.pods);
        cell.pods = grown;
      }
      const before = cell.pods[slot];
      if (before < 8) model.counts[before]--;
      if (shape < 8) model.counts[shape]++;
      cell.pods[slot] = shape;
      model.most = Math.max(model.most, slot + 1);
      model.close.delete(words[at]);
    }
  };
  function cellOf(number) {
    while (model.cells.length <= number) model.cells.push({ state: 5, cpu: 0, memory: 0, pods: new Uint8Array(0) });
    return model.cells[number];
  }
  return model;
}

/** Where every node is, in world units: zones side by side, each a block of rows. */
export function createLayout(model, aspect) {
  // Grows by steps, so that one pod more does not move everything.
  const slots = [4, 9, 16, 30, 48, 70, 110, 256].find((step) => step >= model.most) ?? model.most;
  const columns = Math.ceil(Math.sqrt(slots * 1.5));
  const rows = Math.ceil(slots / columns);
  const width = columns + 1;
  const height = rows + 1 + HEAD;
  const byZone = new Map();
  model.cells.forEach((_, number) => {
    const zone = model.zoneOf[number] ?? 0;
    if (!byZone.has(zone)) byZone.set(zone, []);
    byZone.get(zone).push(number);
  });
  const blocks = [...byZone].sort(([a], [b]) => a - b);
  const all = model.cells.length || 1;
  // As many rows as make the whole about as wide as the window.
  const high = Math.max(1, Math.ceil(Math.sqrt((all * width) / (height * aspect))));
  const places = new Float32Array(2 * model.cells.length);
  const zones = [];
  const gap = blocks.length > 1 ? width * 0.6 : 0;
  let left = 0;
  for (const [zone, numbers] of blocks) {
    const wide = Math.ceil(numbers.length / high);
    numbers.forEach((number, index) => {
      places[2 * number] = left + (index % wide) * width;
      places[2 * number + 1] = Math.floor(index / wide) * height;
    });
    zones.push({ zone, x: left, width: wide * width, wide, numbers });
    left += wide * width + gap;
  }
  return { slots, columns, rows, width, height, places, zones, total: { width: Math.max(1, left - gap), height: high * height }, high };
}

/** The node and slot at a point of the world; `slot` is -1 beside the pods, the whole null beside the nodes. */
export function hit(layout, x, y) {
  const block = layout.zones.find((zone) => x >= zone.x && x < zone.x + zone.width);
  if (!block || y < 0) return null;
  const column = Math.floor((x - block.x) / layout.width);
  const row = Math.floor(y / layout.height);
  const index = row * block.wide + column;
  if (column >= block.wide || index >= block.numbers.length) return null;
  const inX = x - block.x - column * layout.width - 0.5;
  const inY = y - row * layout.height - 0.5 - HEAD;
  const inside = inX >= 0 && inY >= 0 && inX < layout.columns && inY < layout.rows;
  return { node: block.numbers[index], slot: inside ? Math.floor(inY) * layout.columns + Math.floor(inX) : -1 };
}

const channel = (colour) => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  return (255 << 24) | (b << 16) | (g << 8) | r;
};

/** Colours of the page's own tokens, as CSS and as words of pixels. */
function readPalette(element) {
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
      const state = cell.state === 0 ? "" : ` · ${texts.states[cell.state]}`;
      const middle = top + scale * (HEAD * 0.5 + 0.35);
      text(`${model.names[number] ?? number}${state}`, left + scale * 0.5, middle, (wide - scale) * (scale > 12 ? 0.7 : 1), small, cell.state ? palette.danger : palette.text);
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
  function text(words, x, y, width, size, colour) {
    context.font = `${size}px system-ui, sans-serif`;
    context.fillStyle = colour;
    context.textBaseline = "middle";
    let shown = words;
    if (context.measureText(shown).width > width) {
      const keep = Math.max(1, Math.floor((shown.length * width) / context.measureText(shown).width) - 1);
      shown = `${shown.slice(0, keep)}…`;
    }
    context.fillText(shown, x, y);
  }
  function pod(shape, x, y, scale, known) {
    const named = scale >= NAMED && known;
    const size = named ? Math.min(scale * 0.32, 18) : scale * 0.7;
    const cx = x + (named ? scale * 0.5 : scale * 0.5);
    const cy = y + (named ? scale * 0.28 : scale * 0.5);
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
    if (named) {
      const small = Math.max(8, Math.min(scale * 0.13, 13));
      const tail = known.name.split("-").slice(-1)[0];
      text(scale > 90 ? known.name : tail, x + scale * 0.06, y + scale * 0.62, scale * 0.88, small, palette.text);
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

/** The map on the page: canvas, what moves it, and the same things as a list for keyboard and screen reader. */
export function create(element, { engine, texts, onInspect, onMenu }) {
  const model = createModel();
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", texts.label);
  canvas.setAttribute("aria-describedby", "map-help");
  const bar = document.createElement("div");
  bar.className = "map-bar";
  const legend = document.createElement("p");
  legend.className = "map-counts";
  const find = document.createElement("input");
  find.type = "search";
  find.placeholder = find.ariaLabel = texts.find;
  find.setAttribute("list", "map-nodes");
  const list = document.createElement("datalist");
  list.id = "map-nodes";
  const buttons = [["−", texts.out, () => zoom(1 / 1.6)], ["+", texts.in, () => zoom(1.6)], ["⤢", texts.all, () => fit()]].map(([sign, label, act]) => {
    const button = document.createElement("button");
    button.className = "quiet";
    button.textContent = sign;
    button.title = button.ariaLabel = label;
    button.addEventListener("click", act);
    return button;
  });
  bar.append(legend, find, list, ...buttons);
  const said = document.createElement("p");
  said.className = "map-said";
  said.setAttribute("role", "status");
  const help = document.createElement("p");
  help.id = "map-help";
  help.className = "visually-hidden";
  help.textContent = texts.help;
  element.replaceChildren(bar, canvas, said, help);

  let palette = readPalette(element);
  let paint = createPainter(canvas, model, palette, texts);
  let layout = createLayout(model, 2);
  let view = { x: 0, y: 0, scale: 1 };
  let fitted = true;
  let focus = null;
  let pixel = 1;
  let frame = 0;
  let asked = "";

  const drawNow = () => {
    frame = 0;
    paint(layout, view, focus);
    askClosely();
  };
  const draw = () => {
    frame ||= requestAnimationFrame(drawNow);
  };
  const smallest = () => Math.min(canvas.width / layout.total.width, canvas.height / layout.total.height);
  function clamp() {
    view.scale = Math.max(smallest(), Math.min(view.scale, NEAREST * pixel));
    const spareX = layout.total.width - canvas.width / view.scale;
    const spareY = layout.total.height - canvas.height / view.scale;
    view.x = spareX < 0 ? spareX / 2 : Math.max(0, Math.min(view.x, spareX));
    view.y = spareY < 0 ? spareY / 2 : Math.max(0, Math.min(view.y, spareY));
  }
  function fit() {
    view = { x: 0, y: 0, scale: smallest() };
    fitted = true;
    clamp();
    draw();
  }
  function zoom(factor, x = canvas.width / 2, y = canvas.height / 2) {
    const before = view.scale;
    const [worldX, worldY] = [view.x + x / before, view.y + y / before];
    view.scale *= factor;
    clamp();
    view.x = worldX - x / view.scale;
    view.y = worldY - y / view.scale;
    fitted = false;
    clamp();
    draw();
  }
  function lay() {
    layout = createLayout(model, canvas.height ? canvas.width / canvas.height : 2);
    if (fitted) fit();
    else clamp();
    draw();
  }
  function measure() {
    pixel = Math.min(window.devicePixelRatio || 1, 2);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * pixel);
    canvas.height = Math.round(height * pixel);
    lay();
    // It is empty now, and would be seen so until the next frame.
    cancelAnimationFrame(frame);
    drawNow();
  }
  const resized = new ResizeObserver(measure);
  resized.observe(canvas);

  const request = (message) => engine.postMessage(JSON.stringify(message));
  /** Names of pods, once they are large enough to be read. */
  function askClosely() {
    if (view.scale < NAMED) return;
    const visible = [];
    for (let number = 0; number < model.cells.length && visible.length < 60; number++) {
      const x = (layout.places[2 * number] - view.x) * view.scale;
      const y = (layout.places[2 * number + 1] - view.y) * view.scale;
      const inside = x < canvas.width && y < canvas.height && x + layout.width * view.scale > 0 && y + layout.height * view.scale > 0;
      if (inside && !model.close.has(number)) visible.push(number);
    }
    const key = visible.join();
    if (!visible.length || key === asked) return;
    asked = key;
    request({ mapClosely: visible });
  }
  function hear({ data }) {
    if (data instanceof Uint32Array) {
      const { most } = model;
      const nodes = model.cells.length;
      model.take(data);
      tellCounts();
      if (model.most !== most || model.cells.length !== nodes) lay();
      else draw();
    } else if (typeof data === "string" && data.startsWith('{"map')) {
      const reply = JSON.parse(data);
      if (reply.mapNames) {
        model.name(reply.mapNames);
        list.replaceChildren(...model.names.slice(0, 5000).map((name) => Object.assign(document.createElement("option"), { value: name })));
        lay();
      }
      for (const { node, pods } of reply.mapClosely ?? []) {
        model.close.set(node, new Map(pods.map(([slot, namespace, name, status]) => [slot, { namespace, name, status }])));
      }
      if (reply.mapClosely) {
        asked = "";
        if (pending) inspect(pending);
        tell();
        draw();
      }
    }
  }
  engine.addEventListener("message", hear);
  request("map");

  let pending = null;
  function inspect(what) {
    pending = null;
    if (what.slot < 0) return onInspect("Node", "", model.names[what.node] ?? "");
    const known = model.close.get(what.node)?.get(what.slot);
    if (known) return onInspect("Pod", known.namespace, known.name);
    pending = what;
    request({ mapClosely: [what.node] });
  }
  const filled = (template, values) => template.replace(/%([a-z]+)/g, (all, name) => values[name] ?? all);
  function tellCounts() {
    const [pending, starting, running, ready, , failing, , unknown] = model.counts;
    const pods = model.counts.reduce((sum, count) => sum + count, 0);
    const values = { nodes: model.cells.length, pods, ready, starting: pending + starting + running, failing, unknown, waiting: model.waiting };
    const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.toLocaleString()]));
    legend.textContent = filled(texts.counts, shown);
  }
  /** Says what the focus is on. */
  function tell() {
    if (!focus) return;
    const cell = model.cells[focus.node];
    if (!cell) return;
    const pods = cell.pods.filter((shape) => shape < 8);
    const failing = pods.filter((shape) => shape === 5).length;
    const known = model.close.get(focus.node)?.get(focus.slot);
    said.textContent = focus.slot < 0 || !known
      ? filled(texts.node, { name: model.names[focus.node], state: texts.states[cell.state], pods: pods.length, failing, cpu: cell.cpu, memory: cell.memory })
      : `${known.namespace}/${known.name} · ${known.status}`;
  }
  function choose(what) {
    focus = what;
    tell();
    draw();
  }
  /** Brings a node into sight. */
  function show(node) {
    view.scale = Math.max(view.scale, 14 * pixel);
    clamp();
    view.x = layout.places[2 * node] + layout.width / 2 - canvas.width / view.scale / 2;
    view.y = layout.places[2 * node + 1] + layout.height / 2 - canvas.height / view.scale / 2;
    fitted = false;
    clamp();
  }
  const at = (event) => {
    const rect = canvas.getBoundingClientRect();
    return [(event.clientX - rect.left) * pixel, (event.clientY - rect.top) * pixel];
  };
  const world = (x, y) => [view.x + x / view.scale, view.y + y / view.scale];
  const under = (x, y) => {
    const found = hit(layout, ...world(x, y));
    if (found && (found.slot < 0 || (model.cells[found.node].pods[found.slot] ?? GONE) > 7 || view.scale < 3)) found.slot = -1;
    return found;
  };

  const fingers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    moved += Math.hypot(dx, dy);
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      zoom(spread(now) / Math.max(1, spread(before)), other[0], other[1]);
    } else if (moved > 4) {
      view.x -= dx / view.scale;
      view.y -= dy / view.scale;
      fitted = false;
      clamp();
      draw();
    }
    fingers.set(event.pointerId, now);
  });
  const lift = (event) => fingers.delete(event.pointerId);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerup", (event) => {
    lift(event);
    if (moved > 4 || event.button) return;
    const found = under(...at(event));
    if (!found) return;
    choose(found);
    inspect(found);
  });
  canvas.addEventListener("dblclick", (event) => zoom(2.5, ...at(event)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), ...at(event));
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const found = event.button === 2 ? under(...at(event)) : focus;
    if (found) onMenu(`node/${model.names[found.node]}`, event.clientX, event.clientY);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step && model.cells.length) {
      const node = focus?.node ?? 0;
      const x = layout.places[2 * node] + layout.width * (0.5 + step[0]);
      const y = layout.places[2 * node + 1] + layout.height * (0.5 + step[1]);
      const next = focus ? hit(layout, x + (step[0] && !hit(layout, x, y) ? step[0] * layout.width * 0.6 : 0), y) : { node: 0 };
      if (next) {
        show(next.node);
        choose({ node: next.node, slot: -1 });
      }
    } else if (event.key === "+" || event.key === "=") zoom(1.6);
    else if (event.key === "-") zoom(1 / 1.6);
    else if (event.key === "0") fit();
    else if (event.key === "Enter" && focus) inspect(focus);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  find.addEventListener("change", () => {
    const node = model.names.indexOf(find.value.trim());
    if (node < 0) {
      said.textContent = filled(texts.notFound, { name: find.value });
      return;
    }
    show(node);
    choose({ node, slot: -1 });
    inspect(focus);
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => {
    palette = readPalette(element);
    paint = createPainter(canvas, model, palette, texts);
    draw();
  };
  dark.addEventListener("change", recolour);
  const themed = new MutationObserver(recolour);
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  // Who else is here points at nodes (js/together.js).
  element.places = {
    at(clientX, clientY) {
      const found = hit(layout, ...world(...at({ clientX, clientY })));
      return found && model.names[found.node] ? `node/${model.names[found.node]}` : "";
    },
    boxOf(place) {
      const node = model.names.findIndex((name) => place === `node/${name}`);
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const [x, y] = [0, 1].map((side) => ((layout.places[2 * node + side] - [view.x, view.y][side]) * view.scale) / pixel);
      const [wide, high] = [(layout.width * view.scale) / pixel, (layout.height * view.scale) / pixel];
      const inside = x + wide > 0 && y + high > 0 && x < width && y < height;
      return node >= 0 && inside ? new DOMRect(left + x, top + y, wide, high) : undefined;
    },
  };
  return {
    destroy() {
      delete element.places;
      engine.removeEventListener("message", hear);
      dark.removeEventListener("change", recolour);
      themed.disconnect();
      resized.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}

// The far view: a cluster of too many nodes for cards, as a map on a canvas. Loaded when a cluster needs it.
//
// The worker tells what there is as numbers (see worker/map.rs). Where something is follows from its number (map/model.js), so
// that a click needs no DOM.
//
// create(element, {engine, texts, onInspect(kind, namespace, name), onMenu(place, x, y)}) → {destroy()}

import { createLayout, createModel, GONE, HEAD, hit } from "./map/model.js";
import { createPainter, NAMED, readPalette } from "./map/painter.js";
import css from "../../public/styles/map.css";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

/** So many pixels a pod may have. */
const NEAREST = 165;
/** So many zones have names above their blocks, each that has so many pixels. */
const ZONES = 40;
const ZONE = 40;
const LIGHTNING = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.2 1.2L3.4 9h3.8l-.9 5.8L12.6 7H8.5z"/></svg>';

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
  const buttons = [["−", texts.out, () => zoomOn(1 / 1.6)], ["+", texts.in, () => zoomOn(1.6)], ["⤢", texts.all, () => fit()]].map(([sign, label, act]) => {
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
  const zones = document.createElement("div");
  zones.className = "map-zones";
  zones.hidden = true;
  element.replaceChildren(bar, zones, canvas, said, help);

  let palette = readPalette(element);
  let paint = createPainter(canvas, model, palette, texts);
  let layout = createLayout(model, 2);
  let view = { x: 0, y: 0, scale: 1 };
  let fitted = true;
  let focus = null;
  let pixel = 1;
  let frame = 0;
  let asked = "";
  // Whether what was sought is not there, which is what stands below the map then.
  let missed = false;

  const drawNow = () => {
    frame = 0;
    paint(layout, view, focus);
    placeZones();
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
  /** Nearer or farther by key or button: to what the focus is on, its first pods where that is a node. */
  function zoomOn(factor) {
    zoom(factor);
    if (!focus) return;
    const slot = Math.max(0, focus.slot);
    view.x = layout.places[2 * focus.node] + 1 + (slot % layout.columns) - canvas.width / view.scale / 2;
    view.y = layout.places[2 * focus.node + 1] + 1 + HEAD + Math.floor(slot / layout.columns) - canvas.height / view.scale / 2;
    clamp();
    draw();
  }
  function lay() {
    layout = createLayout(model, canvas.height ? canvas.width / canvas.height : 2);
    nameZones();
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
  /** A zone's name, which opens its menu. */
  function nameZone(zone) {
    const name = model.zones[zone] ?? "";
    const button = document.createElement("button");
    const words = document.createElement("span");
    words.textContent = name ? filled(texts.zone, { name }) : texts.noZone;
    button.append(words);
    button.disabled = !name;
    if (!name) return button;
    button.insertAdjacentHTML("beforeend", LIGHTNING);
    button.dataset.place = `zone/${name}`;
    button.title = filled(texts.menu, { name });
    button.setAttribute("aria-haspopup", "menu");
    button.addEventListener("click", () => {
      const { left, bottom } = button.getBoundingClientRect();
      onMenu(button.dataset.place, left, bottom + 4);
    });
    return button;
  }
  function nameZones() {
    const { length } = layout.zones;
    zones.hidden = length < 2 || length > ZONES;
    const names = zones.hidden ? "" : layout.zones.map(({ zone }) => model.zones[zone] ?? "").join("\n");
    if (names === zones.dataset.names) return;
    zones.dataset.names = names;
    zones.replaceChildren(...(zones.hidden ? [] : layout.zones.map(({ zone }) => nameZone(zone))));
  }
  /** Each name stands above what is seen of its block. */
  function placeZones() {
    const all = canvas.width / pixel;
    [...zones.children].forEach((button, index) => {
      const { x, width } = layout.zones[index];
      const left = Math.max(0, ((x - view.x) * view.scale) / pixel);
      const right = Math.min(all, ((x + width - view.x) * view.scale) / pixel);
      button.hidden = right - left < ZONE;
      button.style.left = `${Math.round(left)}px`;
      button.style.width = `${Math.round(right - left)}px`;
    });
  }
  let awaited = false;
  // What a person opened or closed is seen at once: the map, which takes long to draw, follows a paint later.
  const resized = new ResizeObserver(() => {
    if (awaited) return;
    awaited = true;
    requestAnimationFrame(() => setTimeout(() => {
      awaited = false;
      if (canvas.isConnected) measure();
    }));
  });
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
      if (focus?.slot >= 0 && !model.close.has(focus.node)) request({ mapClosely: [focus.node] });
      tell();
    } else if (data === '"opened"') {
      // Another cluster is behind the glass.
      [focus, fitted, said.textContent] = [null, true, ""];
      request("map");
    } else if (typeof data === "string" && data.startsWith('{"map')) {
      const reply = JSON.parse(data);
      if (reply.mapNames) {
        model.name(reply.mapNames);
        list.replaceChildren(...model.names.slice(0, 5000).map((name) => Object.assign(document.createElement("option"), { value: name })));
        lay();
      }
      for (const { node, pods } of reply.mapClosely ?? []) {
        model.close.set(node, new Map(pods.map((pod) => [pod.slot, pod])));
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
    if (!focus || missed) return;
    const cell = model.cells[focus.node];
    if (!cell) return;
    const pods = cell.pods.filter((shape) => shape < 8);
    const failing = pods.filter((shape) => shape === 5).length;
    const known = model.close.get(focus.node)?.get(focus.slot);
    const words = focus.slot < 0 || !known
      ? filled(texts.node, { name: model.names[focus.node], state: texts.states[cell.state], pods: pods.length, failing, cpu: cell.cpu, memory: cell.memory })
      : `${known.namespace}/${known.name} · ${known.status} · ${known.containers.map(({ name, restarts }) => `${name}${restarts ? ` ↻${restarts}` : ""}`).join(", ")}`;
    // What is said again is heard again.
    if (said.textContent !== words) said.textContent = words;
  }
  function choose(what) {
    [focus, missed] = [what, false];
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
    } else if (event.key === "+" || event.key === "=") zoomOn(1.6);
    else if (event.key === "-") zoomOn(1 / 1.6);
    else if (event.key === "0") fit();
    else if (event.key === "Enter" && focus) inspect(focus);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  find.addEventListener("change", () => {
    const node = model.names.indexOf(find.value.trim());
    missed = node < 0;
    if (missed) {
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

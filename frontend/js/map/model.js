// What the map of a large cluster shows, and where: no canvas and no DOM, so that it can be measured and tested alone.

// Shapes of pods, by number: pending, starting, running, ready, succeeded, failing, terminating, unknown; and of nodes:
// ready, cordoned, off and unnoticed, off, not ready, joining.
export const GONE = 255;
/** World units: a pod is 1 × 1, a node has a margin of 1 around its pods and this much above them. */
export const HEAD = 0.8;

/** What there is, by number. */
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
      model.most = 4;
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

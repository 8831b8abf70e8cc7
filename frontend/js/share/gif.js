// A small GIF encoder: a palette found in the pictures, what did not change left transparent.

/** Bits a channel that colours are counted with. */
const BITS = 5;
const SIDE = 1 << BITS;
/** The last colour of the palette stands for "as before". */
const CLEAR = 255;

const cell = (red, green, blue) => ((red >> (8 - BITS)) << (2 * BITS)) | ((green >> (8 - BITS)) << BITS) | (blue >> (8 - BITS));

/** The colours of some pictures (`ImageData`), by median cut: `{palette, nearest}`; `nearest` has an index for each cell. */
export function colours(pictures) {
  const count = new Uint32Array(SIDE ** 3);
  const sums = [0, 1, 2].map(() => new Float64Array(SIDE ** 3));
  for (const { data } of pictures) {
    for (let at = 0; at < data.length; at += 4) {
      const index = cell(data[at], data[at + 1], data[at + 2]);
      count[index]++;
      for (let channel = 0; channel < 3; channel++) sums[channel][index] += data[at + channel];
    }
  }
  const used = [];
  count.forEach((many, index) => many && used.push({ index, many, at: [0, 1, 2].map((channel) => sums[channel][index] / many) }));
  const boxOf = (cells) => {
    const spans = [0, 1, 2].map((channel) => {
      const values = cells.map(({ at }) => at[channel]);
      return Math.max(...values) - Math.min(...values);
    });
    const widest = spans.indexOf(Math.max(...spans));
    // Rare colours count, too: they are what moves.
    return { cells, widest, worth: spans[widest] * Math.log2(2 + cells.reduce((sum, { many }) => sum + many, 0)) };
  };
  const boxes = [boxOf(used)];
  while (boxes.length < CLEAR) {
    const next = boxes.filter(({ cells }) => cells.length > 1).sort((a, b) => b.worth - a.worth)[0];
    if (!next) break;
    const sorted = [...next.cells].sort((a, b) => a.at[next.widest] - b.at[next.widest]);
    const middle = sorted.length >> 1;
    boxes.splice(boxes.indexOf(next), 1, boxOf(sorted.slice(0, middle)), boxOf(sorted.slice(middle)));
  }
  const palette = new Uint8Array(768);
  const nearest = new Uint8Array(SIDE ** 3);
  boxes.forEach(({ cells }, index) => {
    const all = cells.reduce((sum, { many }) => sum + many, 0);
    [0, 1, 2].forEach((channel) => (palette[index * 3 + channel] = cells.reduce((sum, one) => sum + one.at[channel] * one.many, 0) / all));
    cells.forEach((one) => (nearest[one.index] = index));
  });
  return { palette, nearest, known: count, size: boxes.length };
}

/** The palette's index of every pixel. Cells that were in none of the counted pictures take the closest colour. */
export function indexed({ data }, { palette, nearest, known, size }) {
  const out = new Uint8Array(data.length / 4);
  for (let at = 0, pixel = 0; at < data.length; at += 4, pixel++) {
    const index = cell(data[at], data[at + 1], data[at + 2]);
    if (!known[index]) {
      let best = Infinity;
      for (let colour = 0; colour < size; colour++) {
        const far = (palette[colour * 3] - data[at]) ** 2 + (palette[colour * 3 + 1] - data[at + 1]) ** 2 + (palette[colour * 3 + 2] - data[at + 2]) ** 2;
        if (far < best) [best, nearest[index]] = [far, colour];
      }
      known[index] = 1;
    }
    out[pixel] = nearest[index];
  }
  return out;
}

/** What of a picture differs from the one before: its rectangle, with all else in it transparent. */
function changed(now, before, width, height) {
  if (!before) return { x: 0, y: 0, width, height, pixels: now };
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (now[at] === before[at]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1, pixels: Uint8Array.of(CLEAR) };
  const part = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  const pixels = new Uint8Array(part.width * part.height);
  for (let y = 0; y < part.height; y++) {
    for (let x = 0; x < part.width; x++) {
      const at = (y + top) * width + x + left;
      pixels[y * part.width + x] = now[at] === before[at] ? CLEAR : now[at];
    }
  }
  return { ...part, pixels };
}

/** LZW as GIF has it, in blocks of 255 bytes. */
function compressed(pixels) {
  const out = [];
  let [held, bits] = [0, 0];
  let width = 9;
  const put = (code) => {
    held |= code << bits;
    for (bits += width; bits >= 8; bits -= 8) {
      out.push(held & 255);
      held >>>= 8;
    }
  };
  const [RESET, END] = [256, 257];
  let codes = new Map();
  let next = 258;
  put(RESET);
  let prefix = pixels[0];
  for (let at = 1; at < pixels.length; at++) {
    const key = (prefix << 8) | pixels[at];
    const code = codes.get(key);
    if (code !== undefined) {
      prefix = code;
      continue;
    }
    put(prefix);
    prefix = pixels[at];
    if (next === 4096) {
      put(RESET);
      codes = new Map();
      [next, width] = [258, 9];
      continue;
    }
    codes.set(key, next);
    if (next === 1 << width && width < 12) width++;
    next++;
  }
  put(prefix);
  put(END);
  if (bits) out.push(held & 255);
  const blocks = [8];
  for (let at = 0; at < out.length; at += 255) blocks.push(Math.min(255, out.length - at), ...out.slice(at, at + 255));
  blocks.push(0);
  return Uint8Array.from(blocks);
}

const word = (number) => [number & 255, number >> 8];

/** Writes pictures one by one (palette indices, each `centiseconds` long) as a GIF that goes on for ever. */
export class Gif {
  constructor(width, height, palette) {
    Object.assign(this, { width, height });
    const looping = [0x21, 0xff, 11, ...new TextEncoder().encode("NETSCAPE2.0"), 3, 1, 0, 0, 0];
    this.parts = [Uint8Array.from([...new TextEncoder().encode("GIF89a"), ...word(width), ...word(height), 0xf7, 0, 0]), palette, Uint8Array.from(looping)];
  }

  add(pixels, centiseconds) {
    const part = changed(pixels, this.before, this.width, this.height);
    this.before = pixels;
    const head = [0x21, 0xf9, 4, 0b101, ...word(centiseconds), CLEAR, 0, 0x2c, ...word(part.x), ...word(part.y), ...word(part.width), ...word(part.height), 0];
    this.parts.push(Uint8Array.from(head), compressed(part.pixels));
  }

  end() {
    return new Blob([...this.parts, Uint8Array.of(0x3b)], { type: "image/gif" });
  }
}

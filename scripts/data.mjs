// Cuts the constants of a WebAssembly module as scripts/split.mjs cuts its code: what no instruction of the first part can
// come to goes to the later part. Where one constant ends and the next begins is known to the linker alone, which writes
// it into a map. An address is any number that looks like one, in code or in a constant: what is taken for an address
// and is none only keeps a constant.

import { concat, Reader, s32, u32, vector } from "./wasm.mjs";

/**
 * The compiler may fold an index that does not begin at 0 into an address, which then lies before its table. An address
 * where no constant begins therefore keeps what follows it, too.
 */
const FOLDED = 512;
/**
 * What leads into the middle of so long a constant, from memory that was used before, may be a number left over there: fewer
 * than so many of them are none of its addresses. (Texts of tables that the engine has read are named thousands of times.)
 * Texts that were read once and copied leave more behind, and no code comes to one by an index.
 */
const LONG = { text: 1024, other: 8192 };
const DOUBTFUL = { text: 16, other: 4 };
/** A hole this small costs less than beginning anew behind it. */
const HOLE = 10;
/** So many zeros weigh less, compressed, than the head of a segment behind them. */
const ZEROS = 256;

/** The read-only constants of a linker's map, `{ from, to }`, in order. Strings that the linker has joined are split. */
export function readMap(map, segments) {
  const lines = map.split("\n").map((line) => line.match(/^ *([0-9a-f]+) +([0-9a-f]+) +([0-9a-f]+)( +)(.*)$/));
  const found = [];
  let inside = false;
  for (const line of lines) {
    if (!line) continue;
    const [, at, , length, indent, name] = line;
    if (indent.length === 1) inside = name === ".rodata";
    else if (inside && indent.length < 16) {
      const from = parseInt(at, 16);
      found.push({ from, to: from + parseInt(length, 16), joined: name.startsWith("<internal>") });
    }
  }
  if (found.length === 0) throw new Error("the linker's map names no read-only constants: has its format changed?");
  return found.flatMap(({ from, to, joined }) => {
    if (!joined) return [{ from, to }];
    const ends = [];
    for (let at = from; at < to; at++) if (byteAt(segments, at) === 0 || at + 1 === to) ends.push(at + 1);
    return ends.map((end, index) => ({ from: ends[index - 1] ?? from, to: end }));
  }).sort((one, two) => one.from - two.from);
}

function byteAt(segments, at) {
  const segment = segments.find(({ from, bytes }) => at >= from && at < from + bytes.length);
  return segment ? segment.bytes[at - segment.from] : 0;
}

/** Whether all of a constant is text. */
function isPrintable(segments, from, to) {
  let found = 0;
  for (const segment of segments) {
    const [low, high] = [Math.max(from, segment.from), Math.min(to, segment.from + segment.bytes.length)];
    for (let at = low; at < high; at++, found++) {
      const byte = segment.bytes[at - segment.from];
      if (byte < 0x20 && byte !== 0x0a && byte !== 0x09 || byte === 0x7f) return false;
    }
  }
  return found === to - from;
}

/** The data section as `{ from, bytes }`. */
export function readData(content) {
  const reader = new Reader(content);
  return reader.vector(() => {
    const flags = reader.u32();
    if (flags !== 0 || reader.byte() !== 0x41) throw new Error("a data segment without a fixed place is not known here");
    const from = reader.s32() >>> 0;
    if (reader.byte() !== 0x0b) throw new Error("a data segment without a fixed place is not known here");
    return { from, bytes: reader.take(reader.u32()) };
  });
}

/** Segments as a data section. */
export const writeData = (segments) => vector(segments.map(({ from, bytes }) => (
  concat([[0, 0x41], s32(from | 0), [0x0b], u32(bytes.length), bytes])
)));

/**
 * `{ first, later, holes }`: the data sections of both parts, and what the first lacks. `addresses` are the numbers in
 * the first part's code.
 */
export function cutData(content, map, addresses) {
  const segments = readData(content);
  const constants = readMap(map, segments);
  const [start, end] = [constants[0].from, constants.at(-1).to];
  if (segments[0].from < start || segments[0].from >= end) {
    throw new Error("the linker's map is not that of this program: no constant lies where its data begins");
  }
  const kept = reach(segments, constants, addresses);
  const holes = [];
  for (const [index, { from, to }] of constants.entries()) {
    if (kept[index]) continue;
    if (holes.at(-1)?.to >= from - 3) holes.at(-1).to = to;
    else holes.push({ from, to });
  }
  const first = [];
  const later = [];
  const deep = holes.filter(({ from, to }) => to - from >= HOLE);
  for (const { from, bytes } of segments) {
    let at = from;
    const last = from + bytes.length;
    const put = (into, to) => {
      if (to > at) into.push({ from: at, bytes: bytes.subarray(at - from, to - from) });
      at = Math.max(at, to);
    };
    for (const hole of deep) {
      if (hole.to <= from || hole.from >= last) continue;
      put(first, hole.from);
      put(later, Math.min(hole.to, last));
    }
    put(first, last);
  }
  // Zeros within a constant may be in no segment.
  const lacking = later.map(({ from, bytes }) => ({ from, to: from + bytes.length }));
  const joined = join(first);
  return { first: writeData(joined), later: writeData(later), counts: [joined.length, later.length], holes: lacking };
}

/** Segments with the zeros that are in memory between them, where those are few. */
function join(segments) {
  const runs = [];
  let end = -Infinity;
  for (const { from, bytes } of segments) {
    if (from - end <= ZEROS) runs.at(-1).bytes.push(new Uint8Array(from - end), bytes);
    else runs.push({ from, bytes: [bytes] });
    end = from + bytes.length;
  }
  return runs.map(({ from, bytes }) => ({ from, bytes: concat(bytes) }));
}

/** Which constants the addresses lead to, and the constants that these name, and so on. */
function reach(segments, constants, addresses) {
  const kept = new Uint8Array(constants.length);
  const queue = [];
  const keep = (index) => {
    if (kept[index]) return;
    kept[index] = 1;
    queue.push(index);
  };
  const [start, end] = [constants[0].from, constants.at(-1).to];
  const firstFrom = (address) => {
    let [low, high] = [0, constants.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (constants[middle].to <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const follow = (address) => {
    if (address < start - FOLDED || address > end) return;
    let index = firstFrom(address);
    // An address at an end may be that of what ends there.
    if (index > 0 && constants[index - 1].to === address) keep(index - 1);
    if (index < constants.length && constants[index].from <= address) keep(index);
    if (constants[index]?.from === address) return;
    for (; index < constants.length && constants[index].from <= address + FOLDED; index++) {
      if (!isText[index] || constants[index].from <= address) keep(index);
    }
  };
  const isText = constants.map(({ from, to }) => to - from > LONG.text && isPrintable(segments, from, to));
  const doubts = new Map();
  const words = (from, bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = (4 - (from & 3)) & 3; at + 4 <= bytes.length; at += 4) {
      const word = view.getUint32(at, true);
      if (word < start || word >= end) continue;
      // Constants name each other where they begin, or by one that is empty.
      const index = firstFrom(word);
      const constant = constants[index];
      const sort = isText[index] ? "text" : "other";
      if (word !== constant.from && constant.to - constant.from > LONG[sort]) {
        doubts.set(index, (doubts.get(index) ?? 0) + 1);
        if (doubts.get(index) < DOUBTFUL[sort]) continue;
      }
      keep(index);
    }
  };
  addresses.forEach(follow);
  // What can be written to is kept whole, and may name anything.
  for (const { from, bytes } of segments) {
    if (from + bytes.length > end) words(Math.max(from, end), bytes.subarray(Math.max(0, end - from)));
  }
  while (queue.length > 0) {
    const { from, to } = constants[queue.pop()];
    for (const segment of segments) {
      const [low, high] = [Math.max(from, segment.from), Math.min(to, segment.from + segment.bytes.length)];
      if (low < high) words(low, segment.bytes.subarray(low - segment.from, high - segment.from));
    }
  }
  return kept;
}

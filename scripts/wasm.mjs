// Reads and writes WebAssembly modules as far as scripts/split.mjs needs it: sections, and the places in code where a
// function is named. https://webassembly.github.io/spec/core/binary/

export const SECTION = {
  custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, element: 9, code: 10,
  data: 11, count: 12,
};
export const KIND = { function: 0, table: 1, memory: 2, global: 3 };
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;

/** An unsigned number in LEB128. */
export function u32(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

/** A signed number in LEB128. */
export function s32(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

export const text = (string) => {
  const bytes = new TextEncoder().encode(string);
  return [...u32(bytes.length), ...bytes];
};
/** A vector of items that are bytes already. */
export const vector = (items) => concat([u32(items.length), ...items]);

export function concat(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  get done() {
    return this.at >= this.bytes.length;
  }
  byte() {
    return this.bytes[this.at++];
  }
  u32() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  /** A signed number of 32 or 64 bits in LEB128. */
  s64() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return byte & 0x40 ? value - (1n << (shift + 7n)) : value;
    }
  }
  s32() {
    return Number(this.s64());
  }
  /** Passes over a number in LEB128. */
  skip() {
    while (this.byte() >= 0x80);
  }
  take(length) {
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }
  text() {
    return new TextDecoder().decode(this.take(this.u32()));
  }
  vector(item) {
    return Array.from({ length: this.u32() }, () => item());
  }
}

/** The sections by their number; those without meaning for the machine (names and so on) are left out. */
export function readModule(bytes) {
  const reader = new Reader(bytes, 8);
  const sections = new Map();
  while (!reader.done) {
    const number = reader.byte();
    const content = reader.take(reader.u32());
    if (number !== SECTION.custom) sections.set(number, content);
  }
  return sections;
}

export function writeModule(sections) {
  const order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
  const parts = [[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]];
  for (const number of order) {
    const content = sections.get(number);
    if (content) parts.push([number], u32(content.length), content);
  }
  return concat(parts);
}

/** What follows the opcode: numbers in LEB128, or bytes of a fixed length. */
const leb = (count) => (reader) => {
  for (let index = 0; index < count; index++) reader.skip();
};
const bytes = (count) => (reader) => reader.take(count);
const memory = (reader) => {
  // Bit 6 of the alignment says that the number of a memory follows.
  const alignment = reader.u32();
  reader.skip();
  if (alignment & 0x40) reader.skip();
};
const IMMEDIATES = new Map([
  ...[0x02, 0x03, 0x04, 0x0c, 0x0d, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0].map(
    (code) => [code, leb(1)]),
  ...[0x11, 0x13].map((code) => [code, leb(2)]),
  [0x0e, (reader) => leb(reader.u32() + 1)(reader)],
  [0x1c, (reader) => leb(reader.u32())(reader)],
  [0x43, bytes(4)],
  [0x44, bytes(8)],
]);
for (let code = 0x28; code <= 0x3e; code++) IMMEDIATES.set(code, memory);
// `unreachable`, `nop`, `else`, `end`, `return`, `drop`, `select`, arithmetic, `ref.is_null`.
const PLAIN = new Set([0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1]);
for (let code = 0x45; code <= 0xc4; code++) PLAIN.add(code);
/** After the prefix 0xfc: conversions that saturate have none, the rest is about memory and tables. */
const PREFIXED = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];
/** `call`, `return_call`, `ref.func`. */
const NAMES_FUNCTION = new Set([0x10, 0x12, 0xd2]);

/** Passes over what follows an instruction's code. */
export function skipImmediates(reader, code) {
  if (code === 0xfc) {
    const count = PREFIXED[reader.u32()];
    if (count === undefined) throw new Error("an instruction with the prefix 0xfc that is not known here");
    leb(count)(reader);
  } else if (IMMEDIATES.has(code)) {
    IMMEDIATES.get(code)(reader);
  } else if (!PLAIN.has(code)) {
    throw new Error(`instruction 0x${code.toString(16)} is not known here`);
  }
}

/**
 * A function's body; `rename` gives each function that is named its new number, `call` may give what stands in place of a
 * call, `indirect` in place of a call of a type through table 0.
 */
export function body(bytes, rename, call = () => undefined, indirect = () => undefined) {
  const reader = new Reader(bytes);
  reader.vector(() => [reader.u32(), reader.byte()]);
  const parts = [];
  let from = 0;
  const put = (to, instead) => {
    parts.push(bytes.subarray(from, to), instead);
    from = reader.at;
  };
  while (!reader.done) {
    const at = reader.at;
    const code = reader.byte();
    if (NAMES_FUNCTION.has(code)) {
      const name = reader.u32();
      const instead = code === 0x10 ? call(name) : undefined;
      if (instead) put(at, instead);
      else put(at + 1, u32(rename(name)));
    } else if (code === 0x11) {
      const type = reader.u32();
      const instead = reader.u32() === 0 ? indirect(type) : undefined;
      if (instead) put(at, instead);
    } else {
      skipImmediates(reader, code);
    }
  }
  put(reader.at, []);
  return concat(parts);
}

/** The functions that are in table 0 when a program starts, by their place in it. */
export function readElements(content) {
  const places = new Map();
  const reader = new Reader(content);
  reader.vector(() => {
    const fixed = reader.u32() === 0 && reader.byte() === 0x41;
    let at = fixed ? reader.s32() : 0;
    if (!fixed || reader.byte() !== 0x0b) throw new Error("elements without a fixed place in table 0 are not known here");
    reader.vector(() => places.set(at++, reader.u32()));
  });
  return places;
}

/** The segment that puts functions, one after the other, into a table. */
export const element = (table, at, functions) => (
  concat([table === 0 ? [0] : [2, ...u32(table)], [0x41], s32(at), [0x0b], table === 0 ? [] : [0], vector(functions.map(u32))])
);

/** The segments that put functions into table 0 at their places. */
export function elements(places) {
  const runs = [];
  for (const [at, name] of [...places].sort(([one], [two]) => one - two)) {
    const last = runs.at(-1);
    if (last && last.at + last.names.length === at) last.names.push(name);
    else runs.push({ at, names: [name] });
  }
  return runs.map(({ at, names }) => element(0, at, names));
}

/** Calls `note` with each number in a function's body that could be an address, or be added to one to make one. */
export function numbers(bytes, note) {
  const reader = new Reader(bytes);
  reader.vector(() => [reader.u32(), reader.byte()]);
  while (!reader.done) {
    const code = reader.byte();
    if (code === 0x41) note(reader.s32() >>> 0);
    else if (code === 0x42) {
      const value = BigInt.asUintN(64, reader.s64());
      note(Number(value & 0xffffffffn));
      note(Number(value >> 32n));
    } else if (code >= 0x28 && code <= 0x3e) {
      if (reader.u32() & 0x40) throw new Error("more than one memory is not known here");
      note(reader.u32());
    } else if (NAMES_FUNCTION.has(code)) reader.skip();
    else skipImmediates(reader, code);
  }
}

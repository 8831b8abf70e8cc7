// Reads the code of a WebAssembly function as a tree, knows what each instruction does to the stack, and which locals
// are still wanted at each place: what scripts/outline.mjs needs to take a piece out of a function.

import { EXTERNREF, F32, F64, FUNCREF, I32, I64, Reader, skipImmediates } from "./wasm.mjs";

export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e,
  return: 0x0f, call: 0x10, callIndirect: 0x11, get: 0x20, set: 0x21,
  tee: 0x22, i32Const: 0x41, prefixed: 0xfc,
};
const LEAVES = new Set([OP.unreachable, OP.br, OP.brTable, OP.return]);
const VALUES = new Set([I32, I64, F32, F64, FUNCREF, EXTERNREF]);
const NESTS = new Set([OP.block, OP.loop, OP.if]);

/** By how much instructions without names change the height of the stack. */
const HEIGHTS = new Map();
const heights = (from, to, by) => {
  for (let code = from; code <= to; code++) HEIGHTS.set(code, by);
};
heights(0x01, 0x01, 0);
heights(0x1a, 0x1a, -1);
heights(0x1b, 0x1c, -2);
heights(0x20, 0x20, 1);
heights(0x21, 0x21, -1);
heights(0x22, 0x22, 0);
heights(0x23, 0x23, 1);
heights(0x24, 0x24, -1);
heights(0x25, 0x25, 0);
heights(0x26, 0x26, -2);
heights(0x28, 0x35, 0);
heights(0x36, 0x3e, -2);
heights(0x3f, 0x3f, 1);
heights(0x40, 0x40, 0);
heights(0x41, 0x44, 1);
heights(0x45, 0x45, 0);
heights(0x46, 0x4f, -1);
heights(0x50, 0x50, 0);
heights(0x51, 0x66, -1);
heights(0x67, 0x69, 0);
heights(0x6a, 0x78, -1);
heights(0x79, 0x7b, 0);
heights(0x7c, 0x8a, -1);
heights(0x8b, 0x91, 0);
heights(0x92, 0x98, -1);
heights(0x99, 0x9f, 0);
heights(0xa0, 0xa6, -1);
heights(0xa7, 0xc4, 0);
heights(0xd0, 0xd0, 1);
heights(0xd1, 0xd1, 0);
heights(0xd2, 0xd2, 1);
/** `drop`, `global.set`, `table.set`, stores, `nop`, which leave nothing. */
const TAKES_ONLY = new Set([0x01, 0x1a, 0x24, 0x26, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e]);
const PREFIXED_HEIGHTS = [0, 0, 0, 0, 0, 0, 0, 0, -3, 0, -3, -3, -3, 0, -3, -1, 1, -3];

/**
 * A function as a tree. `signature(index)` gives type `index`, `callee(index)` the type of a function; both have
 * `parameters` and `results`. Each item has its place in the bytes (`from`, `to`) and `height`, by which the stack grows;
 * `low`, how far it reaches down into it. What nests has `body` (and `otherwise`): lists of items.
 */
export function parse(bytes, type, signature, callee) {
  const reader = new Reader(bytes);
  const locals = [...type.parameters];
  reader.vector(() => {
    const count = reader.u32();
    const kind = reader.byte();
    for (let index = 0; index < count; index++) locals.push(kind);
  });
  const start = reader.at;

  const blockType = () => {
    const byte = reader.bytes[reader.at];
    if (byte === 0x40) return reader.byte(), { parameters: [], results: [] };
    if (VALUES.has(byte)) return reader.byte(), { parameters: [], results: [byte] };
    const index = reader.u32();
    return signature(index);
  };
  const list = () => {
    const items = [];
    for (;;) {
      const from = reader.at;
      const code = reader.byte();
      if (code === OP.end || code === OP.else) return { items, last: code, from, to: reader.at };
      const item = { code, from };
      items.push(item);
      if (NESTS.has(code)) {
        const { parameters, results } = blockType();
        Object.assign(item, { parameters, results, inside: reader.at });
        let part = list();
        item.body = part.items;
        if (part.last === OP.else) {
          item.elseTo = part.to;
          part = list();
          item.otherwise = part.items;
        }
        const taken = parameters.length + (code === OP.if ? 1 : 0);
        Object.assign(item, { low: taken, height: results.length - taken });
      } else if (code === OP.call) {
        item.target = reader.u32();
        const { parameters, results } = callee(item.target);
        Object.assign(item, { low: parameters.length, height: results.length - parameters.length });
      } else if (code === OP.callIndirect) {
        const { parameters, results } = signature(reader.u32());
        reader.u32();
        Object.assign(item, { low: parameters.length + 1, height: results.length - parameters.length - 1 });
      } else if (code === OP.br || code === OP.brIf) {
        item.label = reader.u32();
        Object.assign(item, { low: 1, height: code === OP.brIf ? -1 : 0 });
      } else if (code === OP.brTable) {
        item.labels = reader.vector(() => reader.u32());
        item.labels.push(reader.u32());
      } else if (code === OP.get || code === OP.set || code === OP.tee) {
        item.local = reader.u32();
        Object.assign(item, { low: code === OP.get ? 0 : 1, height: HEIGHTS.get(code) });
      } else if (code === OP.prefixed) {
        const number = new Reader(reader.bytes, reader.at).u32();
        skipImmediates(reader, code);
        Object.assign(item, { low: 3, height: PREFIXED_HEIGHTS[number] });
      } else {
        skipImmediates(reader, code);
        const height = HEIGHTS.get(code);
        if (height === undefined && !LEAVES.has(code)) throw new Error(`instruction 0x${code.toString(16)}: its height is not known here`);
        // It takes what it lowers the stack by, and one more where it leaves a result.
        const takes = height > 0 || height === undefined ? 0 : TAKES_ONLY.has(code) ? -height : 1 - height;
        Object.assign(item, { low: takes, height });
      }
      if (LEAVES.has(code)) item.leaves = true;
      item.to = reader.at;
    }
  };
  const { items, to } = list();
  if (to !== bytes.length) throw new Error("a function does not end with its code");
  return { bytes, locals, start, items, type };
}

/**
 * The places where a profile looks whether code was reached: where a function and each arm of an `if` begins, and what
 * control may pass by, because there is a branch before it. `at` is the place in the bytes.
 */
export function marks({ items, start }) {
  const found = [];
  const walk = (list, at, arm) => {
    if (arm) found.push({ list, index: 0, at });
    list.forEach((item, index) => {
      if (item.body) walk(item.body, item.inside, item.code === OP.if);
      if (item.otherwise) walk(item.otherwise, item.elseTo, true);
      const passed = item.body || item.code === OP.brIf;
      if (passed && index + 1 < list.length) found.push({ list, index: index + 1, at: item.to });
    });
  };
  walk(items, start, true);
  return found;
}

/**
 * Tells each item that `wanted` names which locals' values are still read (a bit a local): `live.before` it, `live.after`
 * the end of its list, and at the `live.labels` around it, the innermost last.
 */
export function live({ items }, wanted) {
  const walkList = (list, after, labels) => {
    let now = after;
    for (let index = list.length - 1; index >= 0; index--) {
      now = walk(list[index], now, labels);
      if (wanted.has(list[index])) list[index].live = { before: now, after, labels };
    }
    return now;
  };
  const walk = (item, after, labels) => {
    const label = (depth) => (depth < labels.length ? labels[labels.length - 1 - depth] : 0n);
    switch (item.code) {
      case OP.unreachable: case OP.return: return 0n;
      case OP.br: return label(item.label);
      case OP.brIf: return after | label(item.label);
      case OP.brTable: return item.labels.reduce((all, depth) => all | label(depth), 0n);
      case OP.get: return after | (1n << BigInt(item.local));
      case OP.set: case OP.tee: return after & ~(1n << BigInt(item.local));
      case OP.block: return walkList(item.body, after, [...labels, after]);
      case OP.if: {
        const inner = [...labels, after];
        return walkList(item.body, after, inner) | (item.otherwise ? walkList(item.otherwise, after, inner) : after);
      }
      case OP.loop: {
        // What is wanted when the loop begins again is wanted at its branches back: until nothing is added.
        let head = item.head ?? 0n;
        for (;;) {
          const next = walkList(item.body, after, [...labels, head]) | head;
          if (next === head) return (item.head = head);
          head = next;
        }
      }
      default: return after;
    }
  };
  walkList(items, 0n, []);
}

// Takes out of a function what a profile never saw executed, and makes functions of it, which scripts/split.mjs can then
// put into the later part: error paths mostly. In structured code, what is not reached is always the end of a list of
// instructions; it becomes a call, which is given the locals that the piece reads, gives back those that it changes, and
// says where control goes on.

import { live, marks, OP, parse } from "./code.mjs";
import { describe } from "./module.mjs";
import { concat, I32, s32, SECTION, u32, vector, writeModule } from "./wasm.mjs";

/** What a piece must save before it is worth a call, unless otherwise told. */
const WORTH = 3;

/**
 * The module with what was not executed in functions of its own. `hits` says for each mark of `instrument` whether it was
 * passed; pieces that save less than `worth` bytes stay, and with `steady` those that a loop goes on with: how often it turns is a
 * matter of chance, as in a hash table whose keys are addresses. Functions that are `whole` stay as they are. `[bytes, isLater]`: the numbers (among the module's own) of the functions that can wait.
 */
export function outlineModule(bytes, hits, { worth = WORTH, steady = false, whole = () => false } = {}) {
  const module = describe(bytes);
  const { sections, types, imported, defined, bodies } = module;
  const signatures = [...types];
  const known = new Map(types.map(({ parameters, results }, index) => [`${parameters}>${results}`, index]));
  const typeOf = (type) => {
    const name = `${type.parameters}>${type.results}`;
    if (!known.has(name)) {
      known.set(name, signatures.length);
      signatures.push({ ...type, bytes: concat([[0x60], vector(type.parameters.map((t) => [t])), vector(type.results.map((t) => [t]))]) });
    }
    return known.get(name);
  };
  const own = imported.length;
  const callee = (index) => types[index < own ? imported[index].type : defined[index - own]];
  const added = [];
  const same = new Map();
  const add = (type, body) => {
    const name = `${typeOf(type)}:${Buffer.from(body).toString("latin1")}`;
    if (!same.has(name)) same.set(name, own + bodies.length + added.push({ type: typeOf(type), body }) - 1);
    return same.get(name);
  };
  let mark = 0;
  const later = new Set();
  const first = bodies.map((body, index) => {
    const tree = parse(body, types[defined[index]], (type) => types[type], callee);
    const cold = new Map();
    const places = marks(tree);
    const wasCalled = hits[mark];
    for (const { list, index: place } of places) {
      if (!hits[mark++] && place < (cold.get(list) ?? Infinity)) cold.set(list, place);
    }
    if (whole(own + index)) return body;
    if (!wasCalled) {
      later.add(index);
      return body;
    }
    return outline(tree, (list, place) => place < (cold.get(list) ?? Infinity), add, { worth, steady });
  });
  added.forEach((_, index) => later.add(bodies.length + index));
  const sized = (one) => concat([u32(one.length), one]);
  sections.set(SECTION.type, vector(signatures.map((type) => type.bytes)));
  sections.set(SECTION.function, vector([...defined, ...added.map(({ type }) => type)].map(u32)));
  sections.set(SECTION.code, vector([...first, ...added.map(({ body }) => body)].map(sized)));
  return [writeModule(sections), (index) => later.has(index)];
}

/**
 * The function without what was not reached. `reached(list, index)` says whether an item was; `add(type, body)` makes a
 * function and gives its number. The result is a body.
 */
export function outline(tree, reached, add, { worth, steady }) {
  const pieces = find(tree, reached);
  if (pieces.length === 0) return tree.bytes;
  live(tree, new Set(pieces.map(({ list, index }) => list[index])));
  const scratch = [];
  const replaced = new Map();
  for (const piece of pieces) {
    const call = cut(tree, piece, add, scratch, { worth, steady });
    if (call) replaced.set(piece.list, { index: piece.index, call });
  }
  if (replaced.size === 0) return tree.bytes;
  const emitList = (list) => {
    const cutAt = replaced.get(list);
    const kept = cutAt ? list.slice(0, cutAt.index) : list;
    return concat([...kept.map(emit), ...(cutAt ? [cutAt.call] : [])]);
  };
  const emit = (item) => nested(tree, item, emitList) ?? tree.bytes.subarray(item.from, item.to);
  return concat([declare([...tree.locals.slice(tree.type.parameters.length), ...scratch]), emitList(tree.items), [OP.end]]);
}

/** The bytes of an item that has lists in it. */
function nested({ bytes }, item, emitList) {
  if (!item.body) return undefined;
  const otherwise = item.otherwise ? [[OP.else], emitList(item.otherwise)] : [];
  return concat([bytes.subarray(item.from, item.inside), emitList(item.body), ...otherwise, [OP.end]]);
}

function declare(types) {
  const runs = [];
  for (const type of types) {
    if (runs.at(-1)?.type === type) runs.at(-1).count += 1;
    else runs.push({ type, count: 1 });
  }
  return vector(runs.map(({ type, count }) => concat([u32(count), [type]])));
}

/** What was not reached: the rest of `list` from `index`, below `labels`, and the types that falling out of it leaves. */
function find({ items, type }, reached) {
  const pieces = [];
  const walk = (list, labels) => {
    let index = 0;
    for (; index < list.length && reached(list, index); index++) {
      const item = list[index];
      if (!item.body) continue;
      const inner = [...labels, { types: item.code === OP.loop ? item.parameters : item.results, results: item.results, isLoop: item.code === OP.loop }];
      walk(item.body, inner);
      if (item.otherwise) walk(item.otherwise, inner);
    }
    if (index < list.length) pieces.push({ list, index, labels });
  };
  walk(items, [{ types: type.results, results: type.results, isFunction: true }]);
  return pieces;
}

/**
 * How control leaves the items from `index`: `exits` (labels), `returns`, `falls`, or undefined where they cannot be taken
 * out: because they use what was put on the stack before them, or carry values to a label.
 */
function ways({ list, index, labels }) {
  const result = { exits: [], returns: false, falls: true, end: list.length, gives: labels.at(-1).results };
  const leave = (depth, nesting, height) => {
    if (depth < nesting) return true;
    const label = labels[labels.length - 1 - (depth - nesting)];
    if (label.isFunction && height !== undefined) return (result.returns = true);
    if (label.types.length > 0) return false;
    if (label.isFunction) result.returns = true;
    else if (!result.exits.includes(depth - nesting)) result.exits.push(depth - nesting);
    return true;
  };
  const walk = (items, nesting) => items.every((item) => {
    switch (item.code) {
      case OP.return: return leave(labels.length - 1 + nesting, nesting, 0);
      case OP.br: return leave(item.label, nesting, item.label === labels.length - 1 + nesting ? 0 : undefined);
      case OP.brIf: return leave(item.label, nesting);
      case OP.brTable: return item.labels.every((label) => leave(label, nesting));
      default: return !item.body || (walk(item.body, nesting + 1) && (!item.otherwise || walk(item.otherwise, nesting + 1)));
    }
  });
  const kept = list.slice(index);
  let height = 0;
  for (const [place, item] of kept.entries()) {
    if (item.leaves) {
      const values = item.code === OP.return ? labels[0].types.length : item.code === OP.br
        ? (labels[labels.length - 1 - item.label].types.length) : item.code === OP.brTable ? 1 : 0;
      if (height < values) return undefined;
      result.falls = false;
      result.end = index + place + 1;
      break;
    }
    if (height < item.low) return undefined;
    height += item.height;
  }
  // What falls out leaves the results of the block, or adds to what was there before.
  if (result.falls && height > result.gives.length) return undefined;
  if (result.falls) result.gives = result.gives.slice(result.gives.length - height);
  if (!walk(list.slice(index, result.end), 0)) return undefined;
  if (result.falls && labels.length === 1) {
    if (height !== labels[0].types.length) return undefined;
    result.falls = false;
    result.returns = true;
  }
  return result;
}

const bits = (set) => {
  const found = [];
  for (let local = 0; set > 0n; local++, set >>= 1n) if (set & 1n) found.push(local);
  return found;
};

/** Makes a function of a piece; returns the call that takes its place, or undefined where that would save nothing. */
function cut(tree, piece, add, scratch, { worth, steady }) {
  const { list, index, labels } = piece;
  const out = ways(piece);
  if (!out) return undefined;
  if (steady && out.exits.some((depth) => labels[labels.length - 1 - depth].isLoop)) return undefined;
  const items = list.slice(index, out.end);
  const size = items.reduce((sum, item) => sum + item.to - item.from, 0);
  if (size < worth) return undefined;

  let mentioned = 0n;
  let written = 0n;
  const look = (item) => {
    if (item.local !== undefined) mentioned |= 1n << BigInt(item.local);
    if (item.code === OP.set || item.code === OP.tee) written |= 1n << BigInt(item.local);
    item.body?.forEach(look);
    item.otherwise?.forEach(look);
  };
  items.forEach(look);
  const { before, after, labels: liveAt } = items[0].live;
  // What is read where control goes on must come back; a return ends all locals.
  const goesOn = out.exits.reduce((all, depth) => all | liveAt[liveAt.length - 1 - depth], out.falls ? after : 0n);
  const byType = (one, two) => tree.locals[one] - tree.locals[two] || one - two;
  const inputs = bits(before & mentioned).sort(byType);
  const outputs = bits(goesOn & written).sort(byType);
  const many = out.exits.length + (out.returns ? 1 : 0) + (out.falls ? 1 : 0) > 1;
  const returned = out.returns ? labels[0].types : [];
  const fallen = out.falls ? out.gives : [];
  const results = [...(many ? [I32] : []), ...fallen, ...returned, ...outputs.map((local) => tree.locals[local])];
  if (2 * (inputs.length + outputs.length) + (many ? 6 + out.exits.length : 2) + 3 + worth > size) return undefined;

  const shape = { tree, items, labels, out, mentioned, inputs, outputs, many, returned, fallen };
  const target = add({ parameters: inputs.map((local) => tree.locals[local]), results }, pieceBody(shape));
  return goOn(shape, [...inputs.flatMap(get), OP.call, ...u32(target)], scratch);
}

const set = (local) => [OP.set, ...u32(local)];
const get = (local) => [OP.get, ...u32(local)];

/** The call, takes the locals back, and goes where the piece would have gone. */
function goOn({ tree, out, outputs, many, returned, fallen }, call, scratch) {
  const sets = outputs.toReversed().flatMap(set);
  if (!many) {
    if (out.falls) return [...call, ...sets];
    if (out.returns) return [...call, OP.return];
    if (out.exits.length === 1) return [...call, ...sets, OP.br, ...u32(out.exits[0])];
    return [...call, OP.unreachable];
  }
  const keep = (types) => types.map((type) => {
    scratch.push(type);
    return tree.locals.length + scratch.length - 1;
  });
  const fallenIn = keep(fallen);
  const returnedIn = keep(returned);
  const around = (out.returns ? 1 : 0) + (out.falls ? 1 : 0);
  // In the order of the codes: exits, return, fall.
  const targets = [
    ...out.exits.map((depth) => depth + around), ...(out.returns ? [0] : []), ...(out.falls ? [around - 1] : []),
  ];
  return [
    ...Array.from({ length: around }, () => [OP.block, 0x40]).flat(),
    ...call, ...sets, ...[...fallenIn, ...returnedIn].toReversed().flatMap(set),
    OP.brTable, ...u32(targets.length - 1), ...targets.flatMap(u32),
    ...(out.returns ? [OP.end, ...returnedIn.flatMap(get), OP.return] : []),
    ...(out.falls ? [OP.end, ...fallenIn.flatMap(get)] : []),
  ];
}

/** The piece as a function's body. Around it is a block for each way out; what they mean is said by the first result. */
function pieceBody({ tree, items, labels, out, mentioned, inputs, outputs, many, returned, fallen }) {
  const others = bits(mentioned).filter((local) => !inputs.includes(local)).sort((a, b) => tree.locals[a] - tree.locals[b]);
  const numbers = new Map([...inputs, ...others].map((local, place) => [local, place]));
  const types = others.map((local) => tree.locals[local]);
  const add = (type) => inputs.length + types.push(type) - 1;
  const fallenIn = many ? fallen.map(add) : [];
  const returnedIn = many ? returned.map(add) : [];
  const code = many ? add(I32) : undefined;
  const around = many || out.exits.length === 1 ? out.exits.length + (many && out.returns ? 1 : 0) : 0;

  // The blocks around are those of the exits, the first innermost, then that of the return.
  const depth = (label, nesting) => {
    if (label < nesting) return label;
    const isFunction = labels[labels.length - 1 - (label - nesting)].isFunction;
    if (isFunction) return nesting + (many ? out.exits.length : around);
    return nesting + out.exits.indexOf(label - nesting);
  };
  const goBack = (nesting) => [...returnedIn.toReversed().flatMap(set), OP.br, ...u32(nesting + out.exits.length)];
  const emitList = (list, nesting) => concat(list.map((item) => emit(item, nesting)));
  const emit = (item, nesting) => {
    if (item.body) return nested(tree, item, (list) => emitList(list, nesting + 1));
    if (item.local !== undefined) return [item.code, ...u32(numbers.get(item.local))];
    if (many && (item.code === OP.return || (item.code === OP.br && item.label === nesting + labels.length - 1))) return goBack(nesting);
    if (item.label !== undefined) return [item.code, ...u32(depth(item.label, nesting))];
    if (item.labels) return [item.code, ...u32(item.labels.length - 1), ...item.labels.flatMap((label) => u32(depth(label, nesting)))];
    return tree.bytes.subarray(item.from, item.to);
  };
  const piece = emitList(items, 0);
  const back = outputs.flatMap((local) => get(numbers.get(local)));
  const parts = [declare(types)];
  if (!many) {
    parts.push(around ? [OP.block, 0x40] : [], piece, around ? [OP.end] : [], back);
  } else {
    const says = (number) => [OP.i32Const, ...s32(number), ...set(code)];
    for (let block = 0; block <= around; block++) parts.push([OP.block, 0x40]);
    parts.push(piece);
    if (out.falls) parts.push(fallenIn.toReversed().flatMap(set), says(around), [OP.br, ...u32(around)]);
    for (let way = 0; way < around; way++) {
      parts.push([OP.end], says(way), [OP.br, ...u32(around - 1 - way)]);
    }
    parts.push([OP.end], get(code), fallenIn.flatMap(get), returnedIn.flatMap(get), back);
  }
  return concat([...parts, [OP.end]]);
}

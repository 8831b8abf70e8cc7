// Cuts a WebAssembly module in two: a first part that a program starts with, and a later part with the functions that
// it does not need at first. Those of them that the first part names are stubs there, which call through a table that
// the later part fills when it is instantiated. Both share memory, tables and globals.
//
// The host gives the first part `kubarium.later()`, which must instantiate the later part before it returns; it is
// called when a stub is called too early. Afterwards it sets the exported global `$loaded` to 1.

import {
  body, concat, elements, FUNCREF, I32, KIND, Reader, readModule, s32, SECTION, text, u32, vector, writeModule,
} from "./wasm.mjs";

/** What the two parts and the profiler need to know of a module. */
function describe(bytes) {
  const sections = readModule(bytes);
  const open = (number) => new Reader(sections.get(number) ?? new Uint8Array([0]));

  let reader = open(SECTION.type);
  const types = reader.vector(() => {
    const start = reader.at;
    if (reader.byte() !== 0x60) throw new Error("only function types are known here");
    const parameters = reader.vector(() => reader.byte());
    reader.vector(() => reader.byte());
    return { parameters, bytes: reader.bytes.subarray(start, reader.at) };
  });

  reader = open(SECTION.import);
  const counts = [0, 0, 0, 0];
  const imports = reader.vector(() => {
    const start = reader.at;
    reader.text();
    reader.text();
    const kind = reader.byte();
    let type;
    if (kind === KIND.function) type = reader.u32();
    else if (kind === KIND.global) reader.take(2);
    else {
      if (kind === KIND.table) reader.byte();
      const limits = reader.byte();
      reader.skip();
      if (limits & 1) reader.skip();
    }
    counts[kind] += 1;
    return { kind, type, bytes: reader.bytes.subarray(start, reader.at) };
  });
  const imported = imports.filter(({ kind }) => kind === KIND.function);

  reader = open(SECTION.function);
  const defined = reader.vector(() => reader.u32());
  reader = open(SECTION.code);
  const bodies = reader.vector(() => reader.take(reader.u32()));

  reader = open(SECTION.table);
  const tables = reader.vector(() => {
    const start = reader.at;
    reader.byte();
    const limits = reader.byte();
    reader.skip();
    if (limits & 1) reader.skip();
    return reader.bytes.subarray(start, reader.at);
  });
  reader = open(SECTION.memory);
  const memories = reader.vector(() => {
    const start = reader.at;
    const limits = reader.byte();
    reader.skip();
    if (limits & 1) reader.skip();
    return reader.bytes.subarray(start, reader.at);
  });
  reader = open(SECTION.global);
  const globals = reader.vector(() => {
    const start = reader.at;
    const type = reader.take(2);
    while (reader.byte() !== 0x0b);
    return { type, bytes: reader.bytes.subarray(start, reader.at) };
  });
  if (counts[KIND.table] + counts[KIND.memory] + counts[KIND.global] > 0) {
    throw new Error("a module that imports a table, a memory or a global is not known here");
  }
  reader = open(SECTION.export);
  const exports = reader.vector(() => ({ name: reader.text(), kind: reader.byte(), index: reader.u32() }));
  return { sections, types, imports, imported, defined, bodies, tables, memories, globals, exports };
}

const rawExport = ({ name, kind, index }) => concat([text(name), [kind], u32(index)]);
const rawImport = (module, name, kind, description) => concat([text(module), text(name), [kind], description]);
const sized = (bytes) => concat([u32(bytes.length), bytes]);

/** The module without the exports whose names match. */
export function withoutExports(bytes, names) {
  const { sections, exports } = describe(bytes);
  sections.set(SECTION.export, vector(exports.filter(({ name }) => !names.test(name)).map(rawExport)));
  return writeModule(sections);
}

/** The module with a global `$hit<n>` for each function of its own that is 1 once the function has been called. */
export function instrument(bytes) {
  const module = describe(bytes);
  const { sections, globals, bodies, exports } = module;
  const flag = [I32, 1, 0x41, 0, 0x0b];
  sections.set(SECTION.global, vector([...globals.map((global) => global.bytes), ...bodies.map(() => flag)]));
  const hits = bodies.map((_, index) => ({ name: `$hit${index}`, kind: KIND.global, index: globals.length + index }));
  sections.set(SECTION.export, vector([...exports, ...hits].map(rawExport)));
  sections.set(SECTION.code, vector(bodies.map((old, index) => {
    const reader = new Reader(old);
    reader.vector(() => [reader.u32(), reader.byte()]);
    const mark = [0x41, 1, 0x24, ...u32(globals.length + index)];
    return sized(concat([old.subarray(0, reader.at), mark, old.subarray(reader.at)]));
  })));
  return { bytes: writeModule(sections), functions: bodies.length };
}

/** `[first, later]`: the module without and with the functions (by number among its own) that `isLater` names. */
export function split(bytes, isLater) {
  const module = describe(bytes);
  const { sections, types, imported, defined, bodies, exports } = module;
  const base = imported.length;
  const later = bodies.flatMap((_, index) => (isLater(index) ? [index] : []));
  const isMoved = new Set(later);

  // What each part names of the other. Names are numbers among all functions, places those among the module's own.
  const outside = new Set();
  const inside = new Set();
  const note = (into, other) => (name) => {
    if (isMoved.has(name - base) === other) into.add(name);
    return name;
  };
  bodies.forEach((old, index) => body(old, isMoved.has(index) ? note(outside, false) : note(inside, true)));
  if (sections.has(SECTION.element)) elements(sections.get(SECTION.element), note(inside, true));
  for (const { kind, index } of exports) if (kind === KIND.function) note(inside, true)(index);
  const stubs = later.filter((index) => inside.has(base + index));
  const needed = [...outside].sort((one, two) => one - two);

  let nothing = types.findIndex(({ bytes }) => bytes.join() === "96,0,0");
  if (nothing < 0) nothing = types.length;
  const allTypes = vector([...types.map((type) => type.bytes), ...(nothing === types.length ? [[0x60, 0, 0]] : [])]);
  return [
    firstPart(module, { stubs, isMoved, needed, nothing, allTypes }),
    laterPart(module, { stubs, later, needed, allTypes }),
  ].map(writeModule);
}

function firstPart(module, { stubs, isMoved, needed, nothing, allTypes }) {
  const { sections, types, imports, imported, defined, bodies, tables, globals, exports } = module;
  const ask = imported.length;
  const slots = new Map(stubs.map((index, slot) => [index, slot]));
  const kept = bodies.flatMap((_, index) => (isMoved.has(index) && !slots.has(index) ? [] : [index]));
  // One import more, and without those that only the later part names.
  const places = new Map(kept.map((index, place) => [index, ask + 1 + place]));
  const rename = (name) => (name < ask ? name : places.get(name - ask));
  const table = tables.length;
  const loaded = globals.length;
  const stub = (index) => [
    0, 0x23, ...u32(loaded), 0x45, 0x04, 0x40, 0x10, ...u32(ask), 0x0b,
    ...types[defined[index]].parameters.flatMap((_, parameter) => [0x20, ...u32(parameter)]),
    0x41, ...s32(slots.get(index)), 0x11, ...u32(defined[index]), ...u32(table), 0x0b,
  ];
  const result = new Map(sections);
  result.set(SECTION.type, allTypes);
  result.set(SECTION.import, vector([
    ...imports.map((item) => item.bytes), rawImport("kubarium", "later", KIND.function, u32(nothing)),
  ]));
  result.set(SECTION.function, vector(kept.map((index) => u32(defined[index]))));
  const size = u32(stubs.length);
  result.set(SECTION.table, vector([...tables, concat([[FUNCREF, 1], size, size])]));
  result.set(SECTION.global, vector([...globals.map((global) => global.bytes), [I32, 1, 0x41, 0, 0x0b]]));
  result.set(SECTION.export, vector([
    ...exports.map((item) => (item.kind === KIND.function ? { ...item, index: rename(item.index) } : item)),
    { name: "$memory", kind: KIND.memory, index: 0 },
    { name: "$loaded", kind: KIND.global, index: loaded },
    ...[...tables, null].map((_, index) => ({ name: `$table${index}`, kind: KIND.table, index })),
    ...globals.map((_, index) => ({ name: `$global${index}`, kind: KIND.global, index })),
    ...needed.filter((name) => name >= ask).map((name) => ({
      name: `$${name.toString(36)}`, kind: KIND.function, index: rename(name),
    })),
  ].map(rawExport)));
  if (sections.has(SECTION.element)) result.set(SECTION.element, elements(sections.get(SECTION.element), rename));
  if (sections.has(SECTION.start)) result.set(SECTION.start, u32(rename(new Reader(sections.get(SECTION.start)).u32())));
  result.set(SECTION.code, vector(kept.map((index) => (
    sized(slots.has(index) ? stub(index) : body(bodies[index], rename))
  ))));
  return result;
}

function laterPart(module, { stubs, later, needed, allTypes }) {
  const { imported, defined, bodies, tables, memories, globals } = module;
  const names = new Map();
  const from = needed.map((name, index) => {
    names.set(name, index);
    if (name < imported.length) return imported[name].bytes;
    return rawImport("first", `$${name.toString(36)}`, KIND.function, u32(defined[name - imported.length]));
  });
  later.forEach((index, position) => names.set(imported.length + index, needed.length + position));
  const rename = (name) => names.get(name);
  const size = u32(stubs.length);
  const result = new Map();
  result.set(SECTION.type, allTypes);
  result.set(SECTION.import, vector([
    ...from,
    rawImport("first", "$memory", KIND.memory, memories[0]),
    ...tables.map((table, index) => rawImport("first", `$table${index}`, KIND.table, table)),
    rawImport("first", `$table${tables.length}`, KIND.table, concat([[FUNCREF, 1], size, size])),
    ...globals.map(({ type }, index) => rawImport("first", `$global${index}`, KIND.global, type)),
  ]));
  result.set(SECTION.function, vector(later.map((index) => u32(defined[index]))));
  const place = [2, ...u32(tables.length), 0x41, 0, 0x0b, 0];
  result.set(SECTION.element, vector([
    concat([place, vector(stubs.map((index) => u32(rename(imported.length + index))))]),
  ]));
  result.set(SECTION.code, vector(later.map((index) => sized(body(bodies[index], rename)))));
  return result;
}

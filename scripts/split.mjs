// Cuts a WebAssembly module in two: a first part that a program starts with, and a later part with the functions that
// it does not need at first, and their constants. The first part calls them through a table that the later part fills when
// it is instantiated. Both share memory, tables and globals.
//
// The host gives the first part `kubarium.later()`, which must instantiate the later part before it returns; it is
// called when the first part calls the later one too early. Afterwards the host sets the exported global `$loaded` to 1.

import { cutData } from "./data.mjs";
import { describe, rawExport, rawImport, sized } from "./module.mjs";
import { body, concat, elements, FUNCREF, I32, KIND, numbers, Reader, s32, SECTION, u32, vector, writeModule } from "./wasm.mjs";

/**
 * `[first, later, holes]`: the module without and with the functions (by number among its own) that `isLater` names, and
 * the constants that only those need; where these lie is known from the linker's `map`, without which all stay in the
 * first part. `holes` are the addresses of what the first part's memory lacks.
 */
export function split(bytes, isLater, map) {
  const module = describe(bytes);
  const { sections, types, imported, defined, bodies, exports } = module;
  const base = imported.length;
  const later = bodies.flatMap((_, index) => (isLater(index) ? [index] : []));
  const isMoved = new Set(later);

  // What each part names of the other. Names are numbers among all functions, places those among the module's own.
  const outside = new Set();
  const inside = new Set();
  // Those that are named otherwise than by a call need a stub of their own.
  const entries = new Set();
  const note = (into, other) => (name) => {
    if (isMoved.has(name - base) === other) into.add(name);
    return name;
  };
  bodies.forEach((old, index) => body(old, isMoved.has(index) ? note(outside, false) : note(inside, true)));
  if (sections.has(SECTION.element)) elements(sections.get(SECTION.element), note(entries, true));
  for (const { kind, index } of exports) if (kind === KIND.function) note(entries, true)(index);
  for (const entry of entries) inside.add(entry);
  const stubs = later.filter((index) => inside.has(base + index));
  const needed = [...outside].sort((one, two) => one - two);

  let nothing = types.findIndex(({ bytes }) => bytes.join() === "96,0,0");
  if (nothing < 0) nothing = types.length;
  const allTypes = [...types.map((type) => type.bytes), ...(nothing === types.length ? [[0x60, 0, 0]] : [])];
  const first = firstPart(module, { stubs, entries, isMoved, needed, nothing, allTypes });
  const rest = laterPart(module, { stubs, later, needed, allTypes });
  let holes = [];
  if (map !== undefined && sections.has(SECTION.data)) {
    const addresses = new Set();
    const note = (number) => addresses.add(number);
    bodies.forEach((old, index) => isMoved.has(index) || numbers(old, note));
    module.globals.forEach((global) => addresses.add(global.value));
    const data = cutData(sections.get(SECTION.data), map, addresses);
    holes = data.holes;
    [first, rest].forEach((part, index) => {
      part.set(SECTION.data, index === 0 ? data.first : data.later);
      if (sections.has(SECTION.count)) part.set(SECTION.count, u32(data.counts[index]));
    });
  }
  return [writeModule(first), writeModule(rest), holes];
}

function firstPart(module, { stubs, entries, isMoved, needed, nothing, allTypes }) {
  const { sections, types, imports, imported, defined, bodies, tables, globals, exports } = module;
  const ask = imported.length;
  const slots = new Map(stubs.map((index, slot) => [index, slot]));
  const kept = bodies.flatMap((_, index) => (isMoved.has(index) && !entries.has(ask + index) ? [] : [index]));
  // One import more, and without those that only the later part names.
  const places = new Map(kept.map((index, place) => [index, ask + 1 + place]));
  const rename = (name) => (name < ask ? name : places.get(name - ask));
  const table = tables.length;
  const loaded = globals.length;
  // A call to the later part goes through a function for all of one type, which is told the place in the table.
  const through = new Map();
  const call = (name) => {
    const slot = slots.get(name - ask);
    if (slot === undefined) return undefined;
    const type = defined[name - ask];
    if (!through.has(type)) through.set(type, ask + 1 + kept.length + through.size);
    return [0x41, ...s32(slot), 0x10, ...u32(through.get(type))];
  };
  const throughBody = (type) => {
    const count = types[type].parameters.length;
    return [
      0, 0x23, ...u32(loaded), 0x45, 0x04, 0x40, 0x10, ...u32(ask), 0x0b,
      ...types[type].parameters.flatMap((_, parameter) => [0x20, ...u32(parameter)]),
      0x20, ...u32(count), 0x11, ...u32(type), ...u32(table), 0x0b,
    ];
  };
  const stub = (index) => [
    0, ...types[defined[index]].parameters.flatMap((_, parameter) => [0x20, ...u32(parameter)]), ...call(ask + index), 0x0b,
  ];
  const code = kept.map((index) => sized(isMoved.has(index) ? stub(index) : body(bodies[index], rename, call)));
  const throughTypes = [...through.keys()].map((type) => {
    const { parameters, results } = types[type];
    return concat([[0x60], u32(parameters.length + 1), parameters, [I32], u32(results.length), results]);
  });
  const result = new Map(sections);
  result.set(SECTION.type, vector([...allTypes, ...throughTypes]));
  result.set(SECTION.import, vector([
    ...imports.map((item) => item.bytes), rawImport("kubarium", "later", KIND.function, u32(nothing)),
  ]));
  result.set(SECTION.function, vector([
    ...kept.map((index) => u32(defined[index])), ...throughTypes.map((_, index) => u32(allTypes.length + index)),
  ]));
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
  result.set(SECTION.code, vector([...code, ...[...through.keys()].map((type) => sized(throughBody(type)))]));
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
  result.set(SECTION.type, vector(allTypes));
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

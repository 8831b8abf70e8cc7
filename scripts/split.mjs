// Cuts a WebAssembly module in two: a first part that a program starts with, and a later part with the functions that
// it does not need at first, and their constants. The first part calls them through a table that the later part fills when
// it is instantiated, as it fills their places in the program's own table. Both share memory, tables and globals.
//
// The host gives the first part `kubarium.later()`, which must instantiate the later part before it returns; it is
// called when the first part calls the later one too early. Afterwards the host sets the exported global `$loaded` to 1.
// What the later part calls lies in the exported table `$shown`, by number: so many names would weigh more.

import { cutData } from "./data.mjs";
import { describe, rawExport, rawImport, sized } from "./module.mjs";
import {
  body, concat, element, elements, FUNCREF, I32, KIND, numbers, readElements, Reader, s32, SECTION, u32, vector, writeModule,
} from "./wasm.mjs";

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
  // Those that the host may call need a stub of their own.
  const entries = new Set();
  const note = (into, other) => (name) => {
    if (isMoved.has(name - base) === other) into.add(name);
    return name;
  };
  bodies.forEach((old, index) => body(old, isMoved.has(index) ? note(outside, false) : note(inside, true)));
  const placed = [...(sections.has(SECTION.element) ? readElements(sections.get(SECTION.element)) : [])];
  for (const { kind, index } of exports) if (kind === KIND.function) note(entries, true)(index);
  for (const entry of entries) inside.add(entry);
  const stubs = later.filter((index) => inside.has(base + index));
  const needed = [...outside].sort((one, two) => one - two);

  let nothing = types.findIndex(({ bytes }) => bytes.join() === "96,0,0");
  if (nothing < 0) nothing = types.length;
  const allTypes = [...types.map((type) => type.bytes), ...(nothing === types.length ? [[0x60, 0, 0]] : [])];
  const first = firstPart(module, { stubs, entries, placed, isMoved, needed, nothing, allTypes });
  const rest = laterPart(module, { stubs, later, placed, isMoved, needed, allTypes });
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

/** What the later part is given of the first one. */
export const given = (exports) => (
  { ...exports, ...Array.from({ length: exports.$shown.length }, (_, index) => exports.$shown.get(index)) }
);

function firstPart(module, { stubs, entries, placed, isMoved, needed, nothing, allTypes }) {
  const { sections, types, imports, imported, defined, bodies, tables, globals, exports } = module;
  const ask = imported.length;
  const slots = new Map(stubs.map((index, slot) => [index, slot]));
  const kept = bodies.flatMap((_, index) => (isMoved.has(index) && !entries.has(ask + index) ? [] : [index]));
  // One import more, and without those that only the later part names.
  const places = new Map(kept.map((index, place) => [index, ask + 1 + place]));
  const rename = (name) => (name < ask ? name : places.get(name - ask));
  const table = tables.length;
  const loaded = globals.length;
  // A call to the later part goes through a function for all of one type, which is told the place in the table. So does a
  // call through the program's own table, where places are empty until the later part is there.
  const through = new Map();
  const pass = (type, own) => {
    const name = `${type} ${own}`;
    if (!through.has(name)) through.set(name, { type, own, name: ask + 1 + kept.length + through.size });
    return [0x10, ...u32(through.get(name).name)];
  };
  const call = (name) => {
    const slot = slots.get(name - ask);
    return slot === undefined ? undefined : [0x41, ...s32(slot), ...pass(defined[name - ask], false)];
  };
  const throughBody = ({ type, own }) => {
    const count = types[type].parameters.length;
    const place = [0x20, ...u32(count)];
    return [
      0, ...(own ? [...place, 0x25, 0, 0xd1] : [0x23, ...u32(loaded), 0x45]), 0x04, 0x40, 0x10, ...u32(ask), 0x0b,
      ...types[type].parameters.flatMap((_, parameter) => [0x20, ...u32(parameter)]),
      ...place, 0x11, ...u32(type), ...u32(own ? 0 : table), 0x0b,
    ];
  };
  const stub = (index) => [
    0, ...types[defined[index]].parameters.flatMap((_, parameter) => [0x20, ...u32(parameter)]), ...call(ask + index), 0x0b,
  ];
  const code = kept.map((index) => sized(isMoved.has(index) ? stub(index) : body(bodies[index], rename, call, (type) => pass(type, true))));
  const throughTypes = [...through.values()].map(({ type }) => {
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
  const shown = needed.filter((name) => name >= ask).map(rename);
  const showing = u32(shown.length);
  result.set(SECTION.table, vector([
    ...tables, concat([[FUNCREF, 1], size, size]), concat([[FUNCREF, 1], showing, showing]),
  ]));
  result.set(SECTION.global, vector([...globals.map((global) => global.bytes), [I32, 1, 0x41, 0, 0x0b]]));
  result.set(SECTION.export, vector([
    ...exports.map((item) => (item.kind === KIND.function ? { ...item, index: rename(item.index) } : item)),
    { name: "$memory", kind: KIND.memory, index: 0 },
    { name: "$loaded", kind: KIND.global, index: loaded },
    ...[...tables, null].map((_, index) => ({ name: `$table${index}`, kind: KIND.table, index })),
    { name: "$shown", kind: KIND.table, index: table + 1 },
    ...globals.map((_, index) => ({ name: `$global${index}`, kind: KIND.global, index })),
  ].map(rawExport)));
  const here = placed.filter(([, name]) => !isMoved.has(name - ask)).map(([at, name]) => [at, rename(name)]);
  result.set(SECTION.element, vector([...elements(here), element(table + 1, 0, shown)]));
  if (sections.has(SECTION.start)) result.set(SECTION.start, u32(rename(new Reader(sections.get(SECTION.start)).u32())));
  result.set(SECTION.code, vector([...code, ...[...through.values()].map((one) => sized(throughBody(one)))]));
  return result;
}

function laterPart(module, { stubs, later, placed, isMoved, needed, allTypes }) {
  const { imported, defined, bodies, tables, memories, globals } = module;
  const names = new Map();
  let shown = 0;
  const from = needed.map((name, index) => {
    names.set(name, index);
    if (name < imported.length) return imported[name].bytes;
    return rawImport("first", `${shown++}`, KIND.function, u32(defined[name - imported.length]));
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
  const own = placed.filter(([, name]) => isMoved.has(name - imported.length)).map(([at, name]) => [at, rename(name)]);
  const called = stubs.map((index) => rename(imported.length + index));
  result.set(SECTION.element, vector([element(tables.length, 0, called), ...elements(own)]));
  result.set(SECTION.code, vector(later.map((index) => sized(body(bodies[index], rename)))));
  return result;
}

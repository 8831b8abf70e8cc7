// Takes a WebAssembly module apart, for the scripts that cut it in two and for the profile that says where.

import { marks, OP, parse } from "./code.mjs";
import { concat, I32, KIND, Reader, readModule, s32, SECTION, text, u32, vector, writeModule } from "./wasm.mjs";

const NAMES_OF_FUNCTIONS = 1;

/** What the two parts and the profiler need to know of a module. */
export function describe(bytes) {
  const sections = readModule(bytes);
  const open = (number) => new Reader(sections.get(number) ?? new Uint8Array([0]));

  let reader = open(SECTION.type);
  const types = reader.vector(() => {
    const start = reader.at;
    if (reader.byte() !== 0x60) throw new Error("only function types are known here");
    const parameters = reader.vector(() => reader.byte());
    const results = reader.vector(() => reader.byte());
    return { parameters, results, bytes: reader.bytes.subarray(start, reader.at) };
  });

  reader = open(SECTION.import);
  const counts = [0, 0, 0, 0];
  const imports = reader.vector(() => {
    const start = reader.at;
    const [from, name] = [reader.text(), reader.text()];
    const kind = reader.byte();
    const described = reader.at;
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
    return { from, name, kind, type, description: reader.bytes.subarray(described, reader.at), bytes: reader.bytes.subarray(start, reader.at) };
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
    const value = reader.byte() === 0x41 ? reader.s32() >>> 0 : 0;
    while (reader.byte() !== 0x0b);
    return { type, value, bytes: reader.bytes.subarray(start, reader.at) };
  });
  if (counts[KIND.table] + counts[KIND.memory] + counts[KIND.global] > 0) {
    throw new Error("a module that imports a table, a memory or a global is not known here");
  }
  reader = open(SECTION.export);
  const exports = reader.vector(() => ({ name: reader.text(), kind: reader.byte(), index: reader.u32() }));
  return { sections, types, imports, imported, defined, bodies, tables, memories, globals, exports };
}

export const rawExport = ({ name, kind, index }) => concat([text(name), [kind], u32(index)]);
export const rawImport = (module, name, kind, description) => concat([text(module), text(name), [kind], description]);
export const sized = (bytes) => concat([u32(bytes.length), bytes]);

/** The module without the exports whose names match; its functions keep the names that it has for them only where `named`. */
export function withoutExports(bytes, names, { named = false } = {}) {
  const { sections, exports } = describe(bytes);
  sections.set(SECTION.export, vector(exports.filter(({ name }) => !names.test(name)).map(rawExport)));
  const kept = named ? [[SECTION.custom], sized(concat([text("name"), nameSection(bytes)]))] : [];
  return concat([writeModule(sections), ...kept]);
}

const nameSection = (bytes) => new Uint8Array(WebAssembly.Module.customSections(new WebAssembly.Module(bytes), "name")[0] ?? 0);

/** What the functions are called, by their numbers. https://webassembly.github.io/spec/core/appendix/custom.html#name-section */
export function functionNames(bytes) {
  const reader = new Reader(nameSection(bytes));
  while (!reader.done) {
    const kind = reader.byte();
    const content = new Reader(reader.take(reader.u32()));
    if (kind === NAMES_OF_FUNCTIONS) return new Map(content.vector(() => [content.u32(), content.text()]));
  }
  return new Map();
}

/** The module with other names for what it imports and exports. */
export function withNames(bytes, rename) {
  const { sections, imports, exports } = describe(bytes);
  sections.set(SECTION.import, vector(imports.map(({ from, name, kind, description }) => rawImport(from, rename(name), kind, description))));
  sections.set(SECTION.export, vector(exports.map((item) => rawExport({ ...item, name: rename(item.name) }))));
  return writeModule(sections);
}

/**
 * The module with a bit for each of its marks (code.mjs), in order, that is set once that place was reached: 32 in each of the
 * globals `$hits<n>`, as a module may not export very many.
 */
export function instrument(bytes) {
  const module = describe(bytes);
  const { sections, types, imported, defined, globals, bodies, exports } = module;
  const callee = (index) => types[index < imported.length ? imported[index].type : defined[index - imported.length]];
  let count = 0;
  sections.set(SECTION.code, vector(bodies.map((old, index) => {
    const tree = parse(old, types[defined[index]], (type) => types[type], callee);
    const places = marks(tree).map(({ at }) => [at, count++]).sort(([one], [two]) => one - two);
    let from = 0;
    const parts = [];
    for (const [at, number] of places) {
      const flags = u32(globals.length + (number >> 5));
      parts.push(old.subarray(from, at), [0x23, ...flags, OP.i32Const, ...s32(1 << (number & 31)), 0x72, 0x24, ...flags]);
      from = at;
    }
    return sized(concat([...parts, old.subarray(from)]));
  })));
  const flag = [I32, 1, 0x41, 0, 0x0b];
  const flags = Array.from({ length: Math.ceil(count / 32) }, (_, index) => index);
  sections.set(SECTION.global, vector([...globals.map((global) => global.bytes), ...flags.map(() => flag)]));
  const hits = flags.map((index) => ({ name: `$hits${index}`, kind: KIND.global, index: globals.length + index }));
  sections.set(SECTION.export, vector([...exports, ...hits].map(rawExport)));
  return { bytes: writeModule(sections), marks: count };
}

/** For each of so many marks, in order, whether it was reached. */
export const hits = (exports, count) =>
  Array.from({ length: count }, (_, index) => ((exports[`$hits${index >> 5}`].value >>> (index & 31)) & 1) === 1);

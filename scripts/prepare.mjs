// Lets a program do at build time what it would otherwise do at every start: its export `prepare` is called once, and the memory
// as it is then becomes the program's own. A worker's first cluster needs no visitor: it is there, alive, when the program is.

import { describe, sized, withoutExports } from "./module.mjs";
import { readData, writeData } from "./data.mjs";
import { concat, I32, Reader, s32, SECTION, u32, vector, writeModule } from "./wasm.mjs";

const PAGE = 65_536;
/** So many words without anything are better left out than written: memory is empty at first. */
const ZEROS = 4;

/** What takes memory for the program, and what takes more in place of less, by the names that their functions have. */
const ALLOCATORS = { malloc: /\bDlmalloc<.*>>::malloc$/, realloc: /::__rdl_realloc$/ };

/** The program with the memory that `prepare` leaves; `names` are those of its functions. */
export function prepared(bytes, names) {
  const module = new WebAssembly.Module(withEmptyMemory(bytes, names));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {
      throw new Error(`what is made before there is a browser asks for ${name}`);
    };
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  exports.prepare();
  const memory = new Uint8Array(exports.memory.buffer);
  const { sections } = describe(bytes);
  clean(memory, pages(sections.get(SECTION.memory)) * PAGE);
  // Below the constants is the stack, on which nothing is any more.
  const from = Math.min(...readData(sections.get(SECTION.data)).map((segment) => segment.from));
  const segments = pieces(memory, from);
  sections.set(SECTION.data, writeData(segments));
  if (sections.has(SECTION.count)) sections.set(SECTION.count, u32(segments.length));
  sections.set(SECTION.memory, memoryOf(sections.get(SECTION.memory), memory.length / PAGE));
  return withoutExports(writeModule(sections), /^prepare$/);
}

/**
 * The program with an allocator that hands out nothing but zeros: what was in memory before, and is not used now, would be
 * loaded by every visitor.
 */
function withEmptyMemory(bytes, names) {
  const { sections, types, imported, defined, bodies } = describe(bytes);
  const [code, kinds] = [[...bodies], [...defined]];
  const own = imported.length;
  const wrap = (pattern, parameters, then) => {
    const [index] = [...names].find(([, name]) => pattern.test(name)) ?? [];
    if (index === undefined || types[defined[index - own]].parameters.length !== parameters) {
      throw new Error(`no function as ${pattern} takes memory: has Rust another allocator?`);
    }
    const given = Array.from({ length: parameters }, (_, parameter) => [0x20, ...u32(parameter)]).flat();
    const result = [0x20, ...u32(parameters)];
    code[index - own] = concat([[1, 1, I32], given, [0x10], u32(own + code.length), [0x21], u32(parameters),
      result, [0x04, 0x40], then(result), [0x0b], result, [0x0b]]);
    code.push(bodies[index - own]);
    kinds.push(defined[index - own]);
  };
  // A piece's length is in the word before it; its last word is the next one's.
  const length = (place) => [...place, 0x41, ...s32(4), 0x6b, 0x28, 2, 0, 0x41, ...s32(-8), 0x71, 0x41, ...s32(8), 0x6b];
  const fill = [0xfc, 11, 0];
  wrap(ALLOCATORS.malloc, 1, (place) => [...place, 0x41, 0, ...length(place), ...fill]);
  const before = [0x20, 1];
  wrap(ALLOCATORS.realloc, 4, (place) => [
    ...length(place), ...before, 0x4b, 0x04, 0x40,
    ...place, ...before, 0x6a, 0x41, 0, ...length(place), ...before, 0x6b, ...fill, 0x0b,
  ]);
  sections.set(SECTION.function, vector(kinds.map(u32)));
  sections.set(SECTION.code, vector(code.map(sized)));
  return writeModule(sections);
}

/** What is in memory from an address on, in whole words, without its zeros. */
function pieces(memory, from) {
  const words = new Uint32Array(memory.buffer);
  const found = [];
  for (let word = from >> 2; word < words.length; word++) {
    if (words[word] === 0) continue;
    if (found.length > 0 && word - found.at(-1).to < ZEROS) found.at(-1).to = word + 1;
    else found.push({ from: word, to: word + 1 });
  }
  return found.map((piece) => ({ from: 4 * piece.from, bytes: memory.slice(4 * piece.from, 4 * piece.to) }));
}

/**
 * Forgets what was in memory that is free again. Rust's allocator (dlmalloc) begins every piece of its heap with the length of
 * the one before and its own, whose lowest bits say whether it is in use; a free one goes on with the places of others.
 */
function clean(memory, heap) {
  const view = new DataView(memory.buffer);
  const [HEAD, USED, LIST] = [4, 2, 32];
  const free = [];
  let at = heap;
  for (let size; at < memory.length; at += size) {
    const head = view.getUint32(at + HEAD, true);
    size = head & ~7;
    if (size < 2 * HEAD) throw new Error("the heap is not as dlmalloc keeps it: has Rust another allocator?");
    if (!(head & USED)) free.push([at + LIST, at + size]);
  }
  for (const [from, to] of free) if (from < to) memory.fill(0, from, to);
}

/** How many pages a memory section begins with. */
function pages(content) {
  const reader = new Reader(content);
  return reader.vector(() => (reader.byte(), reader.u32()))[0];
}

/** The memory section with so many pages to begin with. */
function memoryOf(content, pages) {
  const reader = new Reader(content);
  return vector(reader.vector(() => {
    const limits = reader.byte();
    reader.skip();
    const most = limits & 1 ? u32(reader.u32()) : [];
    return concat([[limits], u32(pages), most]);
  }));
}

// Lets a program do at build time what it would otherwise do at every start: its export `prepare` is called once, and the memory
// as it is then becomes the program's own. A worker's first cluster needs no visitor: it is there, alive, when the program is.

import { describe, withoutExports } from "./module.mjs";
import { readData, writeData } from "./data.mjs";
import { concat, Reader, SECTION, u32, vector, writeModule } from "./wasm.mjs";

const PAGE = 65_536;
/** So many words without anything are better left out than written: memory is empty at first. */
const ZEROS = 4;

/** The program with the memory that `prepare` leaves. */
export function prepared(bytes) {
  const module = new WebAssembly.Module(bytes);
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

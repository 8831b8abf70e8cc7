// Lets a program do at build time what it would otherwise do at every start: its export `prepare` is called once, and the memory
// as it is then becomes the program's own. A worker's first cluster needs no visitor: it is there, alive, when the program is.

import { describe, withoutExports } from "./module.mjs";
import { readData, writeData } from "./data.mjs";
import { concat, Reader, SECTION, u32, vector, writeModule } from "./wasm.mjs";

const PAGE = 65_536;
/** So many zeros are better left out than written: memory is empty at first. */
const ZEROS = 16;

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
  // Below the constants is the stack, on which nothing is any more.
  const from = Math.min(...readData(sections.get(SECTION.data)).map((segment) => segment.from));
  const segments = pieces(memory, from);
  sections.set(SECTION.data, writeData(segments));
  if (sections.has(SECTION.count)) sections.set(SECTION.count, u32(segments.length));
  sections.set(SECTION.memory, memoryOf(sections.get(SECTION.memory), memory.length / PAGE));
  return withoutExports(writeModule(sections), /^prepare$/);
}

/** What is in memory from an address on, without its zeros. */
function pieces(memory, from) {
  const found = [];
  let end = from;
  for (let at = from; at < memory.length; at++) {
    if (memory[at] === 0) continue;
    if (found.length > 0 && at - end < ZEROS) found.at(-1).to = at + 1;
    else found.push({ from: at, to: at + 1 });
    end = at + 1;
  }
  return found.map(({ from, to }) => ({ from, bytes: memory.slice(from, to) }));
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

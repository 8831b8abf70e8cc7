// Where one is in a YAML text: the document, the path of keys, what stands beside. By indentation, so that a text that is
// being written has an answer too; inside `{…}` and `[…]` by the syntax tree.

import { syntaxTree } from "@codemirror/language";
import { ITEM } from "./schema.js";

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`{}[\],][^#]*?)\s*:(?=\s|$)/;

/** A line's parts: the columns of its dashes, of its key, the key, and where its value begins. */
export function parts(text) {
  const dashes = [];
  let column = text.length - text.trimStart().length;
  while (/^-(\s|$)/.test(text.slice(column))) {
    dashes.push(column);
    column += 1 + (text.slice(column + 1).match(/^ */)[0].length || 1);
  }
  const key = text.slice(column).match(KEY);
  return {
    blank: isBlank(text), dashes, column,
    key: key ? key[1].replace(/^(["'])(.*)\1$/, "$2") : undefined,
    value: key ? column + key[0].length : undefined,
  };
}

const isBreak = (text) => /^(---|\.\.\.)(\s|$)/.test(text);
const isBlank = (text) => /^\s*(#.*)?$/.test(text);

/** The lines between a text's documents, and the documents in which something stands: of each text once, however long it is. */
const surveys = new WeakMap();
function survey(doc) {
  if (surveys.has(doc)) return surveys.get(doc);
  const found = { breaks: [], documents: [] };
  let [number, from, says] = [0, 1, false];
  const end = () => says && found.documents.push({ from, to: number - 1 });
  for (const text of doc.iterLines()) {
    number++;
    if (!isBreak(text)) says ||= !isBlank(text);
    else {
      end();
      found.breaks.push(number);
      [from, says] = [number + 1, false];
    }
  }
  number++;
  end();
  surveys.set(doc, found);
  return found;
}

/** How many of sorted numbers are not above one. */
function upTo(numbers, one) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= one) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first and last line of the document that a line is in. */
export function documentAt(doc, line) {
  const { breaks } = survey(doc);
  const from = (breaks[upTo(breaks, line) - 1] ?? 0) + 1;
  return { from, to: Math.max(from, (breaks[upTo(breaks, Math.max(from, line))] ?? doc.lines + 1) - 1) };
}

/** All documents of a text, by their lines. */
export const documents = (doc) => survey(doc).documents;

/** The value beside a key, without quotes and comment. */
export function scalar(text, { value }) {
  const rest = text.slice(value).replace(/\s+#.*$/, "").trim();
  return rest.replace(/^(["'])(.*)\1$/, "$2");
}

/** Keys of the mapping that has a key at `column` on `line`: `{key, line, column, value}`. */
export function siblings(doc, line, column, { from, to }) {
  const found = [];
  const look = (number) => {
    const text = doc.line(number).text;
    const part = parts(text);
    if (part.blank) return true;
    if (part.column === column && part.key !== undefined) {
      found.push({ key: part.key, line: number, column, value: scalar(text, part), part });
    }
    return part.column >= column && !(part.dashes.length && part.dashes.at(-1) < column) && !(part.column < column);
  };
  const own = parts(doc.line(line).text);
  // An item's first line has those of the item before it above.
  const isFirst = own.dashes.length && own.dashes.at(-1) < column && own.column === column;
  for (let number = line - 1; number >= from && !isFirst; number--) {
    const part = parts(doc.line(number).text);
    if (!part.blank && (part.column < column)) break;
    look(number);
    if (!part.blank && part.dashes.length && part.dashes[0] < column && part.column <= column) break;
  }
  if (own.key !== undefined && own.column === column) look(line);
  for (let number = line + 1; number <= to; number++) {
    const part = parts(doc.line(number).text);
    if (!part.blank && ((part.dashes[0] ?? part.column) < column)) break;
    look(number);
  }
  return found;
}

/**
 * The way from the document's root to a mapping whose keys stand at `column` on `line` (or, with `inside`, to an item's
 * place): steps `{step, line, column}`.
 */
export function pathTo(doc, line, column, from) {
  const steps = [];
  let limit = column;
  let inclusive = false;
  const take = (part, number, own) => {
    // From right to left: the key, then the dashes before it.
    if (part.key !== undefined && (part.column < limit || (inclusive && part.column === limit)) && !own) {
      steps.unshift({ step: part.key, line: number, column: part.column });
      [limit, inclusive] = [part.column, false];
    }
    for (const dash of part.dashes.toReversed()) {
      if (dash >= limit) continue;
      steps.unshift({ step: ITEM, line: number, column: dash });
      [limit, inclusive] = [dash, true];
    }
  };
  take(parts(doc.line(line).text), line, true);
  for (let number = line - 1; number >= from && (limit > 0 || inclusive); number--) {
    const part = parts(doc.line(number).text);
    if (!part.blank) take(part, number, false);
  }
  return steps;
}

/** The way to a node inside `{…}` or `[…]`, or `undefined` where there is none around the position. */
function flowPath(state, position) {
  const tree = syntaxTree(state);
  const name = (node) => plain(state, node);
  const steps = [];
  const mappings = [];
  let outer;
  for (let node = tree.resolveInner(position, -1); node.parent; node = node.parent) {
    if (node.name === "FlowMapping" || node.name === "FlowSequence") {
      outer = node;
      if (node.name === "FlowSequence") steps.unshift(ITEM);
      // What is not closed yet is read as a key of another.
      else if (node.firstChild?.name === "{") mappings.unshift({ node, inside: steps.length });
    }
    if (node.name === "Pair" && node.parent.name === "FlowMapping" && node.firstChild?.name === "Key") {
      const key = node.firstChild;
      if (position > key.to) steps.unshift(name(key));
    }
  }
  let key = tree.resolveInner(position, 1);
  while (key && key.name !== "Key" && key.name !== "Pair") key = key.parent;
  return outer && {
    steps, owner: flowOwner(state, mappings, steps), isQuoted: /^[{[\s]*"/.test(state.sliceDoc(outer.from, outer.to)), from: outer.from, keys: keysOf(tree.resolveInner(position, -1), state), key: key?.name === "Key" ? name(key) : undefined,
  };
}

/** The text of a node, without quotes. */
const plain = (state, { from, to }) => state.sliceDoc(from, to).replace(/^(["'])(.*)\1$/, "$2");

/** apiVersion and kind of an object that stands in braces as a whole, or in a `List` that does, with how deep it is there. */
function flowOwner(state, mappings, steps) {
  const isItem = ({ inside }) => steps.length - inside === 2 && steps[0] === "items" && steps[1] === ITEM;
  const read = ({ node }) => {
    const found = {};
    for (let pair = node.firstChild; pair; pair = pair.nextSibling) {
      const [key, value] = [pair.firstChild, pair.lastChild];
      if (pair.name === "Pair" && value !== key) found[plain(state, key)] = plain(state, value);
    }
    return { apiVersion: found.apiVersion, kind: found.kind };
  };
  const whole = mappings[0] && mappings[0].inside === steps.length ? read(mappings[0]) : {};
  const item = whole.kind?.endsWith("List") && mappings.find(isItem);
  return item ? { ...read(item), depth: 2 } : { ...whole, depth: 0 };
}

function keysOf(node, state) {
  let mapping = node;
  while (mapping && mapping.name !== "FlowMapping") mapping = mapping.parent;
  const keys = [];
  for (let pair = mapping?.firstChild; pair; pair = pair.nextSibling) {
    const key = pair.firstChild;
    if (key) keys.push(plain(state, key));
  }
  return keys;
}

/**
 * What stands around a position: `{path, owner: {apiVersion, kind}, keys, key, value, line, column, document}`. `path` is
 * the way to the mapping or list that the position is in; `key` the key on its line, `value` its text when the position
 * is in it.
 */
export function context(state, position) {
  const { doc } = state;
  const at = doc.lineAt(position);
  const document = documentAt(doc, at.number);
  const part = parts(at.text);
  const offset = position - at.from;
  const flow = flowPath(state, position);
  const start = flow ? doc.lineAt(flow.from) : at;
  const startPart = flow ? parts(start.text) : part;
  // A blank line belongs where the cursor stands in it.
  const column = part.blank && !flow ? offset : startPart.column;
  let steps = pathTo(doc, start.number, column, document.from);
  const keyOf = startPart.key;
  let path = steps.map(({ step }) => step);
  let keys = siblings(doc, start.number, column, document);
  let owner = ownerOf(doc, steps, document);
  if (flow && keyOf === undefined && !steps.length) owner = { ...flow.owner, keys: [], line: start.number };
  let inValue = !flow && part.key !== undefined && offset >= part.value;
  if (flow) {
    if (keyOf !== undefined) path.push(keyOf);
    path = [...path, ...flow.steps];
    keys = flow.keys.map((key) => ({ key }));
    inValue = false;
  }
  return {
    path: path.slice(owner.depth), owner, keys, key: flow ? flow.key : part.key, line: at, part, column, document, inValue,
    flow: Boolean(flow), isQuoted: Boolean(flow?.isQuoted), steps: steps.slice(owner.depth),
  };
}

/** apiVersion and kind of the object that a path is in: an item of a `List` is one of its own. */
function ownerOf(doc, steps, document) {
  const read = (line, column) => {
    const found = siblings(doc, line, column, document);
    const value = (key) => found.find((one) => one.key === key)?.value;
    return { apiVersion: value("apiVersion"), kind: value("kind"), keys: found };
  };
  let first = document.from;
  while (first < document.to && parts(doc.line(first).text).blank) first++;
  const root = read(first, parts(doc.line(first).text).column);
  if (root.kind?.endsWith("List") && steps[0]?.step === "items" && steps[1]?.step === ITEM) {
    const item = steps[1];
    const inside = parts(doc.line(item.line).text);
    return { ...read(item.line, inside.column), depth: 2, line: item.line };
  }
  return { ...root, depth: 0, line: first };
}

/**
 * Where a path of keys and numbers (`["spec", "containers", 0, "image"]`) stands below the object that begins on `line`
 * at `column`: the deepest part that is there, as `{line, column, key, depth}`.
 */
export function find(doc, path, { from, to }) {
  let first = from;
  while (first < to && parts(doc.line(first).text).blank) first++;
  let place = { line: first, column: parts(doc.line(first).text).column, depth: 0 };
  let [line, column] = [place.line, place.column];
  for (const [depth, step] of path.entries()) {
    if (typeof step === "number") {
      const item = itemsAt(doc, line, column, to)[step];
      if (!item) break;
      [line, column] = [item.line, item.inside];
      place = { line, column: item.inside, depth: depth + 1 };
      continue;
    }
    const found = siblings(doc, line, column, { from, to }).find(({ key }) => key === step);
    if (!found) break;
    place = { line: found.line, column: found.column, key: step, part: found.part, depth: depth + 1 };
    let next = found.line + 1;
    while (next <= to && parts(doc.line(next).text).blank) next++;
    if (next > to) break;
    const below = parts(doc.line(next).text);
    const start = below.dashes[0] ?? below.column;
    if (start < found.column || (start === found.column && !below.dashes.length)) break;
    [line, column] = [next, start];
  }
  return place;
}

/** Where the items of a list stand: `{line, inside}` each. */
export function itemsOf(doc, path, document) {
  const place = find(doc, [...path, 0], document);
  return place.depth > path.length ? itemsAt(doc, place.line, parts(doc.line(place.line).text).dashes[0], document.to) : [];
}

function itemsAt(doc, line, column, to) {
  const items = [];
  for (let number = line; number <= to; number++) {
    const part = parts(doc.line(number).text);
    if (part.blank) continue;
    const at = part.dashes.indexOf(column);
    const start = part.dashes[0] ?? part.column;
    if (at >= 0) items.push({ line: number, inside: part.dashes[at + 1] ?? part.column });
    else if (start < column || (start === column && !part.dashes.length)) break;
  }
  return items;
}

/** `spec.containers[0].env[1].name` as steps. Keys with dots stand in brackets. */
export const steps = (path) => [...path.matchAll(/\[(\d+)\]|\[([^\]]+)\]|([^.[\]]+)/g)]
  .map(([, index, named, key]) => (index !== undefined ? Number(index) : named ?? key));

/** The last line of what begins on `line` with a key at `column`. */
export function lastLine(doc, line, column, to) {
  let last = line;
  for (let number = line + 1; number <= to; number++) {
    const part = parts(doc.line(number).text);
    if (part.blank) continue;
    const start = part.dashes[0] ?? part.column;
    if (start < column || (start === column && !part.dashes.length)) break;
    last = number;
  }
  return last;
}

/** How many columns deeper a child stands in this text. */
export function unit(doc) {
  for (let number = 1; number < Math.min(doc.lines, 400); number++) {
    const part = parts(doc.line(number).text);
    const next = parts(doc.line(number + 1).text);
    if (!part.blank && part.key !== undefined && !next.blank && !next.dashes.length && next.column > part.column) {
      return next.column - part.column;
    }
  }
  return 2;
}

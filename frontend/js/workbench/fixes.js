// Quick fixes for which the schemas that are served must be asked, custom resources among them; the others come with the
// faults (shared/src/session/fixes.rs).

import { at, ITEM, kinds, schemaOf } from "./schema.js";
import { documents, find, lastLine, parts, siblings, steps, unit } from "./text.js";
import { say } from "./words.js";

const pad = (columns) => " ".repeat(columns);

/** How unlike two words are: changed, missing and swapped letters. */
export function distance(one, other) {
  let [before, row] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row.at(-1);
}

/** The word of a list that somebody most likely meant. */
export function nearest(word, list) {
  const written = word.toLowerCase();
  const rated = list.map((one) => ({ one, far: distance(written, one.toLowerCase()) }));
  const best = rated.reduce((a, b) => (b.far < a.far ? b : a), { far: Infinity });
  return best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.one : undefined;
}

/** The document in which a message's place is, and its schema. */
async function placed(doc, line) {
  const document = documents(doc).find(({ from, to }) => line >= from && line <= to);
  if (!document) return undefined;
  const first = find(doc, [], document);
  const root = siblings(doc, first.line, first.column, document);
  const value = (key) => root.find((one) => one.key === key)?.value;
  return { document, root, kind: value("kind"), apiVersion: value("apiVersion") };
}

/** The schema at `spec.containers[0]`, and on the way there. */
const along = (schema, path) => path.map((_, depth) => at(schema, path.slice(0, depth + 1).map((step) => (typeof step === "number" ? ITEM : step))));

const replaced = (name, from, to, insert) => ({ name, changes: [{ from, to, insert }] });

/** Lines of a document that are looked through for signs. */
const MOST_LINES = 5000;

/** What an input method makes of `:`, `-` and spaces where YAML has its own, as changes. */
function signs(doc, { from, to }) {
  const changes = [];
  const change = (at, old, insert) => old !== insert && changes.push({ from: at, to: at + old.length, insert });
  for (let number = from; number <= Math.min(to, from + MOST_LINES); number++) {
    const line = doc.line(number);
    const [, indent, dash = "", key, colon = ""] = line.text.match(/^([ \u00a0\u3000]*)((?:[-－–—][ \u00a0\u3000]+)*)([\w./-]*)((?:：|[\u00a0\u3000]*:)[ \u00a0\u3000]*)?/);
    change(line.from, indent, indent.replaceAll("\u3000", "  ").replaceAll("\u00a0", " "));
    change(line.from + indent.length, dash, dash.replace(/[－–—]/g, "-").replace(/[\u00a0\u3000]/g, " "));
    const rest = line.text.slice(indent.length + dash.length + key.length + colon.length);
    if (key && /[：\u00a0\u3000]/.test(colon)) change(line.to - rest.length - colon.length, colon, rest ? ": " : ":");
  }
  return changes;
}

const rules = [
  // Signs that look like YAML's.
  async ({ doc, place }) => {
    const changes = place ? signs(doc, place.document) : [];
    return changes.length ? [{ name: say("fix_signs"), changes }] : [];
  },
  // A key that nobody knows: another name, or another place.
  async ({ message, doc, diagnostic, place, schema }) => {
    const field = message.match(/unknown field "([^"]+)"/)?.[1];
    if (!field || !schema) return [];
    const path = steps(field);
    const key = String(path.at(-1));
    const owner = path.length > 1 ? along(schema, path.slice(0, -1)).at(-1) : schema;
    const found = find(doc, path, place.document);
    const fixes = [];
    const line = doc.line(found.key === key ? found.line : doc.lineAt(diagnostic.from).number);
    const start = line.from + line.text.indexOf(key);
    const near = owner && nearest(key, owner.fields);
    if (near) fixes.push(replaced(say("fix_rename", { name: near }), start, start + key.length, near));
    if (found.key === key) fixes.push(...moves({ doc, place, schema, path, found, key, owner }));
    return fixes;
  },
  // What only the server may set.
  async ({ message, doc, place }) => {
    if (!place || !/resourceVersion should not be set/.test(message)) return [];
    const { line, key } = find(doc, steps("metadata.resourceVersion"), place.document);
    if (key !== "resourceVersion") return [];
    const { from, to, number } = doc.line(line);
    return [{ name: say("fix_remove", { name: key }), changes: [{ from, to: number < doc.lines ? to + 1 : to, insert: "" }] }];
  },
  // A version that is no longer served, or a kind in other letters.
  async ({ message, doc, place }) => {
    const said = message.match(/no matches for kind "([^"]*)" in version "([^"]*)"/);
    if (!said || !place) return [];
    const all = await kinds();
    const line = (key) => place.root.find((one) => one.key === key);
    const put = (key, value) => {
      const own = line(key);
      const text = doc.line(own.line);
      return replaced(say("fix_set", { name: `${key}: ${value}` }), text.from + own.part.value, text.to, ` ${value}`);
    };
    const fixes = [];
    const same = all.filter(({ kind }) => kind === said[1]);
    // One that has just come to be served is written right already.
    const other = same.filter(({ apiVersion }) => apiVersion !== said[2]);
    other.forEach(({ apiVersion }) => line("apiVersion") && fixes.push(put("apiVersion", apiVersion)));
    const written = said[1].toLowerCase();
    const named = all.find(({ kind, plural, short }) => [kind.toLowerCase(), plural, ...short].includes(written))?.kind;
    const near = !same.length && (named ?? nearest(said[1], [...new Set(all.map(({ kind }) => kind))]));
    if (near && line("kind")) {
      fixes.push(put("kind", near));
      const version = all.find(({ kind }) => kind === near).apiVersion;
      if (version !== said[2] && !all.some(({ kind, apiVersion }) => kind === near && apiVersion === said[2]) && line("apiVersion")) {
        fixes[0].changes.push(...put("apiVersion", version).changes);
      }
    }
    return fixes;
  },
];

/** Moves a key with all below it to where the schema has it: wrong indentation. */
function moves({ doc, place, schema, path, found, key, owner }) {
  const last = lastLine(doc, found.line, found.column, place.document.to);
  const body = doc.sliceString(doc.line(found.line).from, doc.line(last).to).split("\n");
  if (parts(body[0]).dashes.length) return [];
  const shift = (columns) => body.map((line) => (line.trim() ? pad(Math.max(0, line.length - line.trimStart().length + columns)) + line.trimStart() : line)).join("\n");
  const [from, to] = [doc.line(found.line).from, doc.line(last).to];
  // Deeper: it belongs to what stands just above it.
  const own = path.slice(0, -1);
  const beside = siblings(doc, found.line, found.column, place.document).filter(({ line }) => line < found.line).at(-1);
  const below = beside && owner?.below(beside.key);
  const target = below?.isList ? below.below(ITEM) : below;
  if (target?.fields.includes(key)) {
    const end = lastLine(doc, beside.line, beside.column, found.line - 1);
    let column = found.column + unit(doc);
    for (let number = beside.line + 1; number <= end; number++) {
      const part = parts(doc.line(number).text);
      if (!part.blank) { column = part.column; break; }
    }
    return [replaced(say("fix_move", { name: [...own, beside.key].filter((step) => typeof step === "string").join(".") }), from, to, shift(column - found.column))];
  }
  // Shallower: it belongs to something around it, and is written right after its place there.
  const levels = [schema, ...along(schema, own)];
  for (let depth = own.length - 1; depth >= 0; depth--) {
    if (!levels[depth]?.fields.includes(key)) continue;
    const around = find(doc, own.slice(0, depth + 1), place.document);
    if (around.depth !== depth + 1) continue;
    return [replaced(say("fix_move", { name: own.slice(0, depth).filter((step) => typeof step === "string").join(".") || place.kind }), from, to, shift(around.column - found.column))]
      .filter(() => last === lastLine(doc, around.line, around.column, place.document.to));
  }
  return [];
}

/** What a diagnostic (`{from, to, message}` in offsets) can be mended with: `{name, changes}`. */
export async function fixesOf(doc, diagnostic) {
  const line = doc.lineAt(diagnostic.from).number;
  const place = await placed(doc, line);
  const schema = place && await schemaOf(place.apiVersion, place.kind);
  const { message } = diagnostic;
  const found = await Promise.all(rules.map((rule) => rule({ message, doc, diagnostic, place, schema })));
  return found.flat();
}

/** For text that is no YAML: the indentation of one line under which it would be, tried by `parses`. */
export function indentation(doc, diagnostic, parses) {
  const at = doc.lineAt(diagnostic.from).number;
  const lines = doc.toString().split("\n");
  for (const number of [at, at - 1].filter((one) => one >= 1 && one <= lines.length && lines[one - 1].trim())) {
    const old = lines[number - 1];
    const candidates = new Set();
    for (let above = number - 1; above >= 1 && candidates.size < 8; above--) {
      const part = parts(lines[above - 1]);
      if (!part.blank) [...part.dashes, part.column].toReversed().forEach((column) => candidates.add(column));
    }
    for (const column of candidates) {
      const changed = [...lines];
      changed[number - 1] = pad(column) + old.trimStart();
      if (changed[number - 1] === old || !parses(changed.join("\n"))) continue;
      const { from } = doc.line(number);
      return [replaced(say("fix_indent", { count: column }), from, from + (old.length - old.trimStart().length), pad(column))];
    }
  }
  return [];
}

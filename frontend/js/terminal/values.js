// The variables of a script, and what a `$` means in its text.

import { changed } from "./expand.js";
import { Abort, Wrong } from "./filters.js";
import { sum } from "./sum.js";
import { DEEPEST, after, read, until } from "./syntax.js";
import { words } from "./words.js";

/** A variable holds so many letters: one that doubles itself in a loop would fill the page's memory. */
const LONGEST = 1 << 23;
/** And a list so many of them. */
const MOST_ITEMS = 1 << 17;
/** What a shell knows that nobody has set. */
export const KNOWN = [["HOME", "/root"], ["USER", "root"], ["PWD", "/root"], ["SHELL", "/bin/bash"], ["HOSTNAME", "kubarium"]];

const BRACED = /^(!?)(#?)([A-Za-z_]\w*|[\d@*#?!$])(?:\[([^\]]+)\])?(?:(:?[-+?=]|##?|%%?|\/[/#%]?|\^\^?|,,?|:)([^]*))?$/;

/** A list: items by number, or by name (`declare -A`). */
export class List {
  constructor(named, items = []) {
    Object.assign(this, { named, items: new Map(), next: 0 });
    for (const [key, value] of items) this.put(key, value);
  }
  put(key, value) {
    this.items.set(key, value);
    if (key >= this.next) this.next = key + 1;
  }
  push(value) {
    this.put(this.next, value);
  }
  /** Numbers in their order. */
  get keys() {
    return this.named ? [...this.items.keys()] : [...this.items.keys()].sort((a, b) => a - b);
  }
  get values() {
    return this.keys.map((key) => this.items.get(key));
  }
}

/** What a script knows: `names`, and the words that it was given (`params`). */
export class Values {
  /** A variable as one text. */
  scalar(name) {
    const value = this.names.get(name);
    return value instanceof List ? value.items.get(value.named ? "0" : 0) : value;
  }
  set(name, value) {
    if (value?.length > LONGEST) throw new Abort(`${name}: the value is too long`);
    if (value === undefined) this.names.delete(name);
    else if (this.constants.has(name)) throw new Wrong(`${name}: readonly variable`);
    else this.names.set(name, value);
  }
  /** Sets what stands left of a `=`: a variable, or an item of a list. */
  async put(name, index, value) {
    if (index === undefined && value instanceof List) return this.set(name, value);
    const list = this.names.get(name);
    if (index === undefined && !(list instanceof List)) return this.set(name, value);
    const into = list instanceof List ? list : new List(false, list === undefined ? [] : [[0, list]]);
    if (list !== into) this.set(name, into);
    into.put(await this.key(name, index ?? "0"), value);
    if (into.items.size > MOST_ITEMS) throw new Abort(`${name}: too many items`);
    return undefined;
  }
  /** What an item is found by: a number, or a name. */
  async key(name, index) {
    const list = this.names.get(name);
    const text = await this.text(index);
    if (list instanceof List && list.named) return text;
    const at = this.sum(text);
    if (at >= 0) return at;
    const key = (list instanceof List ? list.next : 1) + at;
    if (key < 0) throw new Wrong(`${name}: bad array subscript`);
    return key;
  }
  /** The list that `a=(…)` makes: of words, and of `[key]=word`. */
  async itemsOf(text, named, list = new List(named)) {
    for (const word of await this.words(text.replace(/(?<=^|\s)#[^\n]*/g, ""))) {
      if (!Array.isArray(word)) throw new Wrong(`syntax error near unexpected token \`${word.op ?? "newline"}'`);
      const keyed = word[0].text.startsWith("[") && word.findIndex(({ text, how }) => how === "bare" && text.includes("]="));
      if (keyed === false || keyed < 0) for (const field of this.spread(word)) list.push(field);
      else {
        const at = word[keyed].text.indexOf("]=");
        const key = word.slice(0, keyed + 1).map((piece, index) => piece.text.slice(index ? 0 : 1, index === keyed ? at : undefined)).join("");
        list.put(named ? key : this.sum(key), word.slice(keyed).map((piece, index) => (index ? piece.text : piece.text.slice(at + 2))).join(""));
      }
      if (list.items.size > MOST_ITEMS) throw new Abort("too many items");
    }
    return list;
  }

  /** `1 + i`, with the variables. */
  sum(text) {
    const parted = (name) => name.match(/^(\w+)(?:\[(-?\d+)\])?$/);
    return sum(text, (name) => {
      const [, list, index] = parted(name);
      const value = this.names.get(list);
      return index === undefined ? this.valueOf(list) : value instanceof List ? value.items.get(Number(index)) : value;
    }, (name, value) => {
      const [, list, index] = parted(name);
      const into = this.names.get(list);
      if (into instanceof List) into.put(Number(index ?? 0), value);
      else this.set(list, index === undefined ? value : new List(false, [[Number(index), value]]));
    });
  }

  /** What a `$`, a backquote or a `<(` means, and where that ends; `undefined` where it is a letter. */
  async value(text, at) {
    if (text[at] === "<") return this.printedFile(text, at);
    if (text.startsWith("${", at)) return this.braced(text, at);
    const [whole, name] = text.slice(at, at + 260).match(/^\$([A-Za-z_]\w*|[\d@*#?!$])/) ?? [];
    if (whole) return { value: this.known(name), end: at + whole.length };
    if (text[at] !== "`" && text[at + 1] !== "(") return undefined;
    const end = after(text, at);
    if (text.startsWith("$((", at) && text.endsWith("))", end)) {
      return { value: this.sum(await this.text(text.slice(at + 3, end - 2))), end };
    }
    const inner = text[at] === "`" ? text.slice(at + 1, end - 1).replace(/\\([`$\\])/g, "$1") : text.slice(at + 2, end - 1);
    return { value: (await this.printed(inner)).replace(/\n+$/, ""), end };
  }
  async printed(script) {
    if (this.depth >= DEEPEST) throw new Abort("too much inside of each other");
    const [file] = script.match(/(?<=^\s*<\s*)[^\s<>|&;]+(?=\s*$)/) ?? [];
    return this.capture(read(file ? `cat ${file}` : script));
  }
  /** `<(…)`: what a command prints, as a file. */
  async printedFile(text, at) {
    const end = until(text, at + 2, ")", "cmdsubst");
    return { value: this.shell.printed(await this.printed(text.slice(at + 2, end - 1))), end };
  }
  async braced(text, at) {
    const end = after(text, at);
    const inside = text.slice(at + 2, end - 1);
    const [, through, length, name, index, op, word] = inside.match(BRACED) ?? [];
    if (!name) throw new Wrong(`\${${inside}}: bad substitution`);
    if (through && !op && (index === "@" || index === "*")) return { value: this.names.get(name)?.keys?.map(String) ?? [], end };
    const value = through ? this.valueOf(this.scalar(name) ?? "") : await this.item(name, index);
    if (length) return { value: Array.isArray(value) ? value.length : Array.from(String(value ?? "")).length, end };
    if (!op) return { value: through ? value ?? "" : this.known(name, value), end };
    if (op === ":") return { value: this.part(value ?? "", await this.text(word)), end };
    const pieces = (await this.words(word)).flatMap((piece, index) => (index ? [{ text: " ", how: "quoted" }, ...piece] : piece));
    if (Array.isArray(value) && !/^:?[-+?=]$/.test(op)) return { value: value.map((one) => changed(one, name, op, pieces)), end };
    const one = Array.isArray(value) ? value.length ? value.join(" ") : undefined : value;
    const result = changed(one, name, op, pieces);
    if (op.endsWith("=") && one !== result) await this.put(name, index, result);
    return { value: Array.isArray(value) && result === one ? value : result, end };
  }
  /** `${NAME:FROM:LENGTH}`, of a text, or of a list. */
  part(value, range) {
    const [from, length] = range.split(/:(.*)/s).slice(0, 2).map((text) => this.sum(text));
    // What is given comes after the name of the script.
    const all = value === this.params ? ["bash", ...value] : typeof value === "string" ? Array.from(value) : value;
    const begin = from < 0 ? Math.max(all.length + from, 0) : from;
    const cut = all.slice(begin, length === undefined ? undefined : length < 0 ? length : begin + length);
    return typeof value === "string" ? cut.join("") : cut;
  }
  /** A variable, or with `index` what a list has there: a text, a list, or nothing. */
  async item(name, index) {
    if (index === undefined) return this.valueOf(name);
    const list = this.names.get(name);
    if (index === "@" || index === "*") {
      const values = list instanceof List ? list.values : list === undefined ? [] : [list];
      return index === "*" ? this.starred(values) : values;
    }
    const key = await this.key(name, index);
    return list instanceof List ? list.items.get(key) : key === 0 ? list : undefined;
  }
  /** Items beside each other, as `$*` has them in quotes: in none they come apart again. */
  starred(values) {
    return Object.assign([...values], { by: (this.names.get("IFS") ?? " ").slice(0, 1) });
  }
  /** `$NAME`, `$1`, `$@`, `$#`, `$?`. */
  valueOf(name) {
    if (name === "?") return String(this.code);
    if (name === "#") return String(this.params.length);
    if (name === "$") return "1";
    if (name === "!") return this.shell.lastStarted();
    if (name === "*") return this.starred(this.params);
    if (name === "@") return this.params;
    if (/^\d/.test(name)) return name === "0" ? "bash" : this.params[name - 1];
    if (name === "SECONDS") return String(Math.floor(performance.now() / 1000));
    return name === "RANDOM" ? String(Math.floor(Math.random() * 32_768)) : this.scalar(name);
  }
  /** The same where there has to be one. */
  known(name, value = this.valueOf(name)) {
    if (value === undefined && this.options.u) throw new Abort(`${name}: unbound variable`);
    return value ?? "";
  }

  words(text) {
    return words(text, (...place) => this.value(...place));
  }
  /** A text that is given to a program, with the values in it. */
  async given(text) {
    return (await words(text, (...place) => this.value(...place), true))[0].map((piece) => piece.text).join("");
  }
  /** A word as it is. */
  async text(text) {
    return (await this.words(text)).map((word) => (word.map ? word.map((piece) => piece.text).join("") : word.op ?? "")).join(" ");
  }
}

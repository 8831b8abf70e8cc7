// The line that is being typed: keys, history, Ctrl-R, Tab. Draws itself with the terminal's own sequences.

import { inWords } from "./help.js";

/** What nobody sees, or what turns a line around. */
const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ue000]/g;
const WIDE = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\u3000-\u303f\uff01-\uff60]/u;
export const width = (text) => Array.from(text).reduce((sum, letter) => sum + (WIDE.test(letter) ? 2 : /\p{M}/u.test(letter) ? 0 : 1), 0);

/** So much is pasted at once, and stands in one line, in letters: more belongs into a file. */
const [MOST_PASTED, LONGEST] = [4 << 20, 100_000];

/** `complete(text before the cursor)` resolves to `{from, words}`: what stands from `from` on may become one of `words`. */
export class Line {
  constructor(terminal, { history, complete }) {
    Object.assign(this, { terminal, history, complete, text: [], at: 0, row: 0, search: null, asked: null });
    this.paste([]);
    /** Is called when somebody reads: keys that were pressed before are handed over. */
    this.heed = undefined;
  }

  /** Lines that were pasted behind the one that is read; the last of them has no end yet. */
  paste(lines) {
    Object.assign(this, { pasted: lines, next: 0 });
  }

  /** Resolves to a line, to `null` after Ctrl-C, to `undefined` after Ctrl-D on an empty line. */
  read(prompt) {
    Object.assign(this, { prompt, text: [], at: 0, row: 0, search: null, past: this.history.length, draft: "" });
    const pasted = this.pasted[this.next++] ?? "";
    if (this.next < this.pasted.length) {
      this.terminal.write(`${prompt.text}${pasted}\r\n`);
      return pasted;
    }
    this.paste([]);
    this.terminal.write(prompt.text);
    if (pasted) this.insert(pasted);
    return new Promise((resolve) => {
      this.asked = resolve;
      this.heed?.();
    });
  }

  end(result, sign = "") {
    this.at = this.text.length;
    this.draw();
    this.terminal.write(`${sign}\r\n`);
    const asked = this.asked;
    this.asked = null;
    asked(result);
  }

  /** Something was printed meanwhile: it stands above what is typed, and the last of it before that. */
  above(text, prompt) {
    this.terminal.write(`${this.row ? `\x1b[${this.row}A` : ""}\r\x1b[J${text}`);
    Object.assign(this, { prompt, row: 0 });
    this.draw();
  }

  /** Nobody wants the line any more. */
  leave() {
    const { asked } = this;
    this.asked = null;
    if (this.prompt.text || this.text.length) this.terminal.write("\r\n");
    asked?.();
  }

  /** Draws the line anew; it may take several rows. */
  draw() {
    const { cols } = this.terminal;
    const prompt = this.search === null ? this.prompt : { text: `(reverse-i-search)'${this.search}': `, width: 22 + width(this.search) };
    const text = this.text.join("").replaceAll("\t", " ");
    const end = prompt.width + width(text);
    const cursor = prompt.width + width(this.text.slice(0, this.at).join(""));
    let out = (this.row ? `\x1b[${this.row}A` : "") + "\r\x1b[J" + prompt.text + text;
    // At the last column the cursor waits for the next letter: bring it down.
    if (end && end % cols === 0) out += "\r\n";
    const up = Math.floor(end / cols) - Math.floor(cursor / cols);
    out += (up ? `\x1b[${up}A` : "") + "\r" + (cursor % cols ? `\x1b[${cursor % cols}C` : "");
    this.row = Math.floor(cursor / cols);
    this.terminal.write(out);
  }

  set(text, at = Infinity) {
    this.text = Array.from(text);
    this.at = Math.min(at, this.text.length);
    this.draw();
  }

  insert(text) {
    const letters = Array.from(text);
    this.text.splice(this.at, 0, ...letters);
    this.at += letters.length;
    this.draw();
  }

  cut(from, to) {
    this.text.splice(from, to - from);
    this.at = from;
    this.draw();
  }

  wordBefore() {
    let at = this.at;
    while (at > 0 && this.text[at - 1] === " ") at--;
    while (at > 0 && this.text[at - 1] !== " ") at--;
    return at;
  }

  wordAfter() {
    let at = this.at;
    while (at < this.text.length && this.text[at] === " ") at++;
    while (at < this.text.length && this.text[at] !== " ") at++;
    return at;
  }

  remember(step) {
    const next = this.past + step;
    if (next < 0 || next > this.history.length) return;
    if (this.past === this.history.length) this.draft = this.text.join("");
    this.past = next;
    this.set(this.history[next] ?? this.draft);
  }

  find(before = this.history.length) {
    for (let index = before - 1; index >= 0; index--) {
      if (!this.history[index].includes(this.search)) continue;
      this.past = index;
      return this.set(this.history[index]);
    }
    this.draw();
  }

  /** What xterm says was typed or pasted. */
  key(data) {
    if (!this.asked) return;
    if (this.search !== null && this.searching(data)) return;
    const end = this.text.length;
    const keys = {
      "\r": () => this.end(this.text.join("")),
      "\x03": () => {
        this.paste([]);
        this.end(null, "^C");
      },
      "\x04": () => (end ? this.cut(this.at, Math.min(this.at + 1, end)) : this.end(undefined)),
      "\x01": () => this.set(this.text.join(""), 0), "\x1b[H": () => this.set(this.text.join(""), 0),
      "\x05": () => this.set(this.text.join("")), "\x1b[F": () => this.set(this.text.join("")),
      "\x02": () => this.set(this.text.join(""), Math.max(this.at - 1, 0)), "\x1b[D": () => keys["\x02"](),
      "\x06": () => this.set(this.text.join(""), this.at + 1), "\x1b[C": () => keys["\x06"](),
      "\x1b[1;5D": () => this.set(this.text.join(""), this.wordBefore()), "\x1bb": () => keys["\x1b[1;5D"](),
      "\x1b[1;5C": () => this.set(this.text.join(""), this.wordAfter()), "\x1bf": () => keys["\x1b[1;5C"](),
      "\x7f": () => this.at && this.cut(this.at - 1, this.at),
      "\x1b[3~": () => this.at < end && this.cut(this.at, this.at + 1),
      "\x17": () => this.cut(this.wordBefore(), this.at),
      "\x15": () => this.cut(0, this.at),
      "\x0b": () => this.cut(this.at, end),
      "\x0c": () => {
        this.terminal.write("\x1b[2J\x1b[H");
        this.row = 0;
        this.draw();
      },
      "\x1b[A": () => this.remember(-1), "\x10": () => this.remember(-1),
      "\x1b[B": () => this.remember(1), "\x0e": () => this.remember(1),
      "\x12": () => {
        this.search = "";
        this.draw();
      },
      "\t": () => this.tab(),
    };
    if (Object.hasOwn(keys, data)) return keys[data]();
    // A pasted text of several lines is one line after the other.
    const lines = data.replace(/\r\n?/g, "\n").replace(/\x1b\[20[01]~/g, "").split("\n");
    if (data.length > MOST_PASTED || lines.some((line) => line.length > LONGEST) || this.text.length + lines[0].length > LONGEST) {
      return this.above(`\x1b[31m${inWords().too_long}\x1b[39m\r\n`, this.prompt);
    }
    const [first, ...rest] = lines.map((line) => line.replace(UNSEEN, ""));
    if (first && !data.startsWith("\x1b")) this.insert(first);
    if (rest.length) {
      this.paste(rest);
      this.end(this.text.join(""));
    }
  }

  searching(data) {
    if (data === "\x12") this.find(this.past);
    else if (data === "\x7f") {
      this.search = this.search.slice(0, -1);
      this.find();
    } else if (data === "\x03" || data === "\x07" || data === "\x1b") {
      this.search = null;
      this.past = this.history.length;
      this.set("");
    } else if (!/[\x00-\x1f]/.test(data)) {
      this.search += data;
      this.find();
    } else {
      this.search = null;
      this.draw();
      return data === "\x1b[C" || data === "\x1b[D";
    }
    return true;
  }

  async tab() {
    const before = this.text.slice(0, this.at).join("");
    const { from, words } = await this.complete(before);
    // Whoever typed on in the meantime is not held up.
    if (!this.asked || this.text.slice(0, this.at).join("") !== before || !words.length) return;
    const shared = words.reduce((common, word) => {
      let length = 0;
      while (length < common.length && common[length] === word[length]) length++;
      return common.slice(0, length);
    });
    const typed = before.slice(from);
    if (words.length === 1) return this.insert(shared.slice(typed.length) + (/[=/]$/.test(shared) ? "" : " "));
    if (shared.length > typed.length) return this.insert(shared.slice(typed.length));
    const column = Math.max(...words.map(width)) + 2;
    const perRow = Math.max(1, Math.floor(this.terminal.cols / column));
    let list = "";
    words.slice(0, 120).forEach((word, index) => {
      list += word + ((index + 1) % perRow ? " ".repeat(column - width(word)) : "\r\n");
    });
    if (words.length > 120) list += `\r\n… ${words.length - 120} more`;
    this.terminal.write(`\r\n${list.trimEnd()}\r\n`);
    this.row = 0;
    this.draw();
  }
}

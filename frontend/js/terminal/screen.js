// What programs print, on the screen.

import { harmless, painted } from "./paint.js";

/** A text with the colours that a program of this terminal has given it, and no other signs. */
const coloured = (text) => `${text.split(/(\x1b\[[\d;]*m)/).map((part, index) => (index % 2 ? part : harmless(part))).join("")}\x1b[0m`;
const isColoured = (text, own) => own && text.includes("\x1b[");
const lineOf = (text, own) => {
  const line = text.replace(/\r$/, "");
  return isColoured(line, own) ? coloured(line) : painted(harmless(line));
};
const shown = (lines, own) => lines.map((line) => `${lineOf(line, own)}\r\n`).join("");

/**
 * Where programs write: `out` and `errors` in front, `behind()` for one that runs behind, each `{write(text, own)}` with whether colours in it are a
 * program's `own`. `end()` lets the last line have an end, `note(text)` says something between the lines of programs.
 */
export function screens({ write, complain, room }) {
  /** Whether the screen's last line has no end yet. */
  let unended = false;
  const end = () => {
    if (unended) write("\r\n");
    unended = false;
  };
  const out = {
    screen: true, room,
    write(text, own) {
      const lines = text.split("\n");
      const rest = lines.pop();
      const all = shown(lines, own) + (isColoured(rest, own) ? coloured(rest) : harmless(rest));
      if (!all) return;
      write(all);
      unended = rest !== "" || (unended && !lines.length);
    },
  };
  /** It writes whole lines: somebody types meanwhile. */
  const behind = () => {
    let left = "";
    const lines = {
      room,
      write(text, own) {
        const all = (left + text).split("\n");
        left = all.pop();
        if (all.length) write(shown(all, own));
      },
      end: () => left && lines.write("\n"),
    };
    return lines;
  };
  const note = (text) => {
    end();
    write(`\x1b[90m${harmless(text)}\x1b[39m\r\n`);
  };
  return { out, errors: { screen: true, write: (text) => complain(text) }, behind, end, note };
}

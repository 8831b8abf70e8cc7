// What people write for sed behind kubectl: `s/a/b/g`, `/a/d`, `1d`, `-n '2,4p'`.

/** One command with the lines that it is for. */
function command(reader, regex, wrong) {
  const address = () => {
    const found = /^(\d+|\$|\/((?:[^/\\]|\\.)*)\/)/.exec(reader.rest);
    if (!found) return undefined;
    reader.rest = reader.rest.slice(found[0].length);
    if (found[2] !== undefined) {
      const pattern = regex(found[2].replace(/\\\//g, "/"), "");
      return { hits: (line) => pattern.test(line) };
    }
    return found[1] === "$" ? { last: true, hits: (_, __, last) => last } : { number: Number(found[1]), hits: (_, at) => at === Number(found[1]) };
  };
  const from = address();
  const comma = from && reader.rest.startsWith(",");
  if (comma) reader.rest = reader.rest.slice(1);
  const to = comma ? address() : undefined;
  if (comma && !to) throw wrong("unexpected `,'");
  const not = /^\s*!/.test(reader.rest);
  reader.rest = reader.rest.replace(/^\s*!?\s*/, "");
  const name = reader.rest[0];
  reader.rest = reader.rest.slice(1);
  let within = false;
  const isFor = (line, at, last) => {
    if (!from) return true;
    if (!to) return from.hits(line, at, last);
    if (within) {
      within = !(to.number === undefined ? to.hits(line, at, last) : at >= to.number);
      return true;
    }
    const begins = from.hits(line, at, last);
    within = begins && !(to.number !== undefined && at >= to.number);
    return begins;
  };
  const applies = (line, at, last) => isFor(line, at, last) !== not;
  const last = Boolean(from?.last || to?.last);
  if (from?.number === 0) throw wrong("invalid usage of line address 0");
  if (name === "d" || name === "p" || name === "q" || name === "=") return { name, applies, last };
  if (name !== "s") throw wrong(name === undefined ? "missing command" : `unknown command: \`${name}'`);
  const by = reader.rest[0];
  const parts = [""];
  let at = 1;
  for (; at < reader.rest.length && parts.length < 3; at++) {
    const sign = reader.rest[at];
    if (sign === by) parts.push("");
    else if (sign === "\\" && reader.rest[at + 1] === by) parts[parts.length - 1] += reader.rest[++at];
    else if (sign === "\\") parts[parts.length - 1] += sign + (reader.rest[++at] ?? "");
    else parts[parts.length - 1] += sign;
  }
  if (parts.length < 3) throw wrong("unterminated `s' command");
  const flags = /^[gipI\d]*/.exec(reader.rest.slice(at))[0];
  reader.rest = reader.rest.slice(at + flags.length);
  if (/\\[ULEul]/.test(parts[1])) throw wrong(`${/\\[ULEul]/.exec(parts[1])[0]} is not known to this terminal's sed`);
  if (!parts[0]) throw wrong("no previous regular expression");
  const which = Number(/\d+/.exec(flags)?.[0] ?? 0);
  const pattern = regex(parts[0], `${flags.includes("g") || which ? "g" : ""}${/i/i.test(flags) ? "i" : ""}`);
  const put = (...found) => parts[1].replace(/\\(.)|&/g, (all, letter) => {
    if (all === "&") return found[0];
    return /\d/.test(letter) ? found[letter] ?? "" : letter === "n" ? "\n" : letter === "t" ? "\t" : letter;
  });
  // `s/a/b/2`: the second one; with a `g` all from there on.
  const nth = (line) => {
    let count = 0;
    return line.replace(pattern, (...found) => (++count === which || (flags.includes("g") && count > which) ? put(...found) : found[0]));
  };
  return { name, applies, last, change: which ? nth : (line) => line.replace(pattern, put), prints: flags.includes("p") };
}

/** A script as a filter over all lines. `regex(text, flags)` makes a pattern of sed's, `wrong(why)` an error. */
export function sed(script, quiet, regex, wrong) {
  const reader = { rest: script };
  const commands = [];
  for (;;) {
    reader.rest = reader.rest.replace(/^[\s;]+/, "");
    if (!reader.rest) break;
    commands.push(command(reader, regex, wrong));
    if (!/^\s*(;|\n|$)/.test(reader.rest)) throw wrong("extra characters after command");
  }
  const play = (first, at, last) => {
    const out = [];
    let [line, gone] = [first, false];
    for (const { name, applies, change, prints } of commands) {
      if (gone || over || !applies(line, at, last)) continue;
      if (name === "d") gone = true;
      else if (name === "p") out.push(line);
      else if (name === "q") over = true;
      else if (name === "=") out.push(String(at));
      else {
        const after = change(line);
        if (prints && after !== line) out.push(after);
        line = after;
      }
    }
    if (!gone && !quiet) out.push(...line.split("\n"));
    return out;
  };
  // Who asks for the last line learns a line later which it is.
  const waits = commands.some(({ last }) => last);
  let [held, number, over] = [undefined, 0, false];
  return {
    line(line, hasEnd) {
      if (over) return [];
      this.open = !hasEnd;
      if (!waits) return play(line, ++number, false);
      const out = held === undefined ? [] : play(held, ++number, false);
      held = line;
      return out;
    },
    end() {
      return held === undefined || over ? [] : play(held, number + 1, true);
    },
    full: () => over,
  };
}

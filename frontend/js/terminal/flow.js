// Text on its way through filters, line by line.

import { Wrong } from "./filters.js";

/**
 * Lines on their way through `filters` to `out`, which hears text. `full()` is called when nobody wants more: one of them has enough, or has
 * refused what it got, which `end` throws.
 */
export function flow(filters, out, full) {
  let left = [];
  let refused;
  /** Whether the last line that a filter got had an end. */
  const ended = filters.map(() => true);
  const push = (from, lines, hasEnd) => {
    for (let index = from; index < filters.length && lines.length; index++) {
      const { length } = lines;
      const filter = filters[index];
      ended[index] = hasEnd;
      lines = lines.flatMap((line, at) => filter.line(line, hasEnd || at < length - 1));
      hasEnd = !filter.open;
    }
    if (lines.length) out.write(lines.join("\n") + (hasEnd ? "\n" : ""), filters.at(-1).colours);
    if (filters.some((filter) => filter.full?.())) full();
  };
  const guarded = (act) => {
    if (refused) return;
    try {
      act();
    } catch (error) {
      if (!(error instanceof Wrong || error instanceof RangeError)) throw error;
      refused = error;
      full();
    }
  };
  return {
    take(part) {
      const end = part.lastIndexOf("\n");
      if (end < 0) return void left.push(part);
      const lines = (left.join("") + part.slice(0, end)).split("\n");
      left = [part.slice(end + 1)];
      return guarded(() => push(0, lines, true));
    },
    end() {
      guarded(() => {
        const last = left.join("");
        if (last) push(0, [last], false);
        filters.forEach((filter, index) => {
          const lines = filter.end(ended[index]);
          push(index + 1, lines, !filter.open);
        });
      });
      if (refused) throw refused;
    },
  };
}

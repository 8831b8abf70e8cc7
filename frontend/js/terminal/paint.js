// Statuses in colour, and headings in bold, in what a program printed.

const is = (words, sign) => [new RegExp(`(?<=\\s)(${words})(?=\\s|$)`, "g"), `\x1b[${sign}m$1\x1b[39m`];
const [GREEN, YELLOW, RED] = [32, 33, 31];

// At the beginning of a line of `describe`, `Ready` is the name of a condition; pressure that is true is no good news.
const RULES = [
  is("(?<=\\S\\s+)Ready|Running|Bound|Active|Completed|Succeeded|(?<!(?:Pressure|Unavailable|Stale|Failure)\\s+)True", GREEN),
  is("Pending|ContainerCreating|Terminating|Unknown|Warning|[A-Za-z,]*SchedulingDisabled", YELLOW),
  is("CrashLoopBackOff|Error|ErrImagePull|ImagePullBackOff|NotReady|Failed|Evicted|OOMKilled|(?<=(?:Pressure|Unavailable|Stale|Failure)\\s+)True", RED),
  [/^([A-Z][A-Z-]*(?: [A-Z-]+)*)((?:\s{2,}[A-Z][A-Z-]*(?:[ -][A-Z()]+)*)+)\s*$/, "\x1b[1m$1$2\x1b[22m"],
];

/** A line with its colours; it holds none of its own. */
export const painted = (line) => RULES.reduce((text, [pattern, shown]) => text.replace(pattern, shown), line);

/** What a program prints is text: whatever would move the cursor, ring, change colours or turn the direction of a line is
 *  shown as `cat -v` shows it, a carriage return that ends no line among it. */
export const harmless = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)/g, (sign) =>
  sign < "\x80" ? `^${String.fromCharCode(sign.charCodeAt(0) ^ 64)}` : "\ufffd");

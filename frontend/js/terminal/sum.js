// `1 + 2 * i`: whole numbers, as in `$((…))` and `((…))`.

import { Wrong } from "./filters.js";

const TOKEN = /\s*(?:(0[xX][\da-fA-F]+|\d+)|([A-Za-z_]\w*)|(\*\*|\+\+|--|<<|>>|&&|\|\||[-+*/%<>=!&|^]=|[-+*/%<>=!&|^~?:(),[\]]))/y;
/** From what is done last to what is done first. */
const LEVELS = [
  { "||": (a, b) => +(a !== 0 || b !== 0) }, { "&&": (a, b) => +(a !== 0 && b !== 0) }, { "|": (a, b) => a | b }, { "^": (a, b) => a ^ b }, { "&": (a, b) => a & b },
  { "==": (a, b) => +(a === b), "!=": (a, b) => +(a !== b) },
  { "<": (a, b) => +(a < b), "<=": (a, b) => +(a <= b), ">": (a, b) => +(a > b), ">=": (a, b) => +(a >= b) },
  { "<<": (a, b) => a << b, ">>": (a, b) => a >> b },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => Math.trunc(a / b), "%": (a, b) => a % b },
  { "**": (a, b) => a ** b },
];
const SETS = /^(?:[-+*/%&|^]?=)$/;
const actOf = (sign) => LEVELS.find((level) => Object.hasOwn(level, sign))[sign];

/** The value of `text`: `valueOf(name)` is a variable's text, `set(name, text)` changes it; `name` may be `list[3]`. */
export function sum(text, valueOf, set) {
  const wrong = (why = "arithmetic syntax error") => new Wrong(`${why}: ${text.trim()}`);
  const tokens = [];
  for (TOKEN.lastIndex = 0; text.slice(TOKEN.lastIndex).trim();) {
    const [, number, name, sign] = TOKEN.exec(text) ?? [];
    if (number === undefined && !name && !sign) throw wrong();
    tokens.push({ number, name, sign });
  }
  let at = 0;
  /** What stands behind `&&`, `||` and `?` and does not count changes nothing either. */
  let idle = 0;
  const sign = () => tokens[at]?.sign;
  const takes = (wanted) => sign() === wanted && Boolean(++at);
  const expect = (wanted) => {
    if (!takes(wanted)) throw wrong();
  };
  const whole = (value) => {
    if (!Number.isSafeInteger(value)) throw wrong(Number.isFinite(value) ? undefined : "division by 0");
    return value;
  };
  const put = (name, value) => {
    if (!idle) set(name, String(whole(value)));
    return value;
  };
  const held = (name) => Number.parseInt(valueOf(name) || "0", 10) || 0;
  const unless = (isIdle, read) => {
    idle += isIdle;
    try {
      return read();
    } finally {
      idle -= isIdle;
    }
  };

  const list = () => {
    let value = assigned();
    while (takes(",")) value = assigned();
    return value;
  };
  const assigned = () => {
    const before = at;
    const name = named();
    const op = name && sign();
    if (name && SETS.test(op)) {
      at++;
      const value = assigned();
      return put(name, op === "=" ? value : actOf(op[0])(held(name), value));
    }
    at = before;
    const condition = level(0);
    if (!takes("?")) return condition;
    const yes = unless(condition === 0, assigned);
    expect(":");
    const no = unless(condition !== 0, assigned);
    return condition ? yes : no;
  };
  const level = (which) => {
    if (which === LEVELS.length) return unary();
    let left = level(which + 1);
    while (Object.hasOwn(LEVELS[which], sign() ?? "")) {
      const op = sign();
      at++;
      const right = unless((op === "&&" && left === 0) || (op === "||" && left !== 0), () => level(which + (op === "**" ? 0 : 1)));
      const value = LEVELS[which][op](left, right);
      left = idle ? value : whole(value);
    }
    return left;
  };
  const unary = () => {
    if (takes("-")) return -unary() || 0;
    if (takes("+")) return unary();
    if (takes("!")) return +(unary() === 0);
    if (takes("~")) return ~unary();
    const by = takes("++") ? 1 : takes("--") ? -1 : 0;
    if (by) {
      const name = named() ?? expect("a name");
      return put(name, held(name) + by);
    }
    return primary();
  };
  /** A name, with what it is counted by in a list. */
  const named = () => {
    const name = tokens[at]?.name;
    if (!name) return undefined;
    at++;
    if (!takes("[")) return name;
    const index = list();
    expect("]");
    return `${name}[${index}]`;
  };
  const primary = () => {
    const number = tokens[at]?.number;
    if (number !== undefined) {
      at++;
      return Number(number);
    }
    if (takes("(")) {
      const inner = list();
      expect(")");
      return inner;
    }
    const name = named();
    if (!name) throw wrong();
    const value = held(name);
    if (takes("++")) put(name, value + 1);
    else if (takes("--")) put(name, value - 1);
    return value;
  };
  if (!tokens.length) return 0;
  const result = list();
  if (at < tokens.length) throw wrong();
  return result;
}

// What the parts of a room share: texts, elements, what the browser keeps, the server.

import en from "../../../public/locales/rooms/en.json";
import ja from "../../../public/locales/rooms/ja.json";

const LANGUAGES = { en, ja };
export const language = () => (document.documentElement.lang.startsWith("ja") ? "ja" : "en");
/** A text in the page's language, with its values filled in. */
export const t = (name, values = {}) =>
  LANGUAGES[language()][name].replace(/\{\{ (\w+) \}\}/g, (all, key) => values[key] ?? all);
/** A text of the scenario's own in the page's language, if it has one. */
export const inWords = (texts) => texts?.[language()] ?? texts?.en;
/** An objective in words; its id when the scenario says no more. */
export const titleOf = (titles, id) => inWords(titles?.[id]) ?? id.replaceAll("-", " ");

/** An element. What people wrote only ever becomes text. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
export const button = (text, onclick, props = {}) => h("button", { type: "button", class: "quiet", onclick, ...props }, text);

/** What one room's key is kept under; in private windows only until the page is left. */
const memory = new Map();
const KEY = (code) => `kubarium.room.${code}`;
export function remember(code, token) {
  memory.set(code, token);
  try {
    localStorage.setItem(KEY(code), token);
    return true;
  } catch {
    return false;
  }
}
export function recall(code) {
  try {
    return localStorage.getItem(KEY(code)) ?? memory.get(code);
  } catch {
    return memory.get(code);
  }
}
export function forget(code) {
  memory.delete(code);
  try {
    localStorage.removeItem(KEY(code));
  } catch { /* Nothing was kept then. */ }
}

/** Puts text on the clipboard; browsers offer that only on secure origins, and the old way works on others. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { value: text, readonly: true, class: "visually-hidden" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Asks the server; throws the words of its refusal. */
export async function ask(path, { method = "GET", body, token } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`/api/v1/rooms${path}`, { method, body, headers });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? `HTTP ${answer.status}`), { status: answer.status });
}

/** Hands out text as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** After these codes there is no use in coming back. */
const HOPELESS = [4400, 4401, 4403, 4404, 4410];
const LONGEST_WAIT_MS = 5000;

/**
 * A connection to a room that comes back by itself. `hear(kind, content)` gets what the room says, `state(connected, why,
 * final)` whether it can be heard.
 */
export function connect(code, token, hear, state) {
  let socket;
  let ended = false;
  let wait = 500;
  let why = "";
  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/rooms/${code}/ws`);
    socket.onopen = () => socket.send(JSON.stringify({ hello: { token } }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const [kind] = Object.keys(message);
      wait = 500;
      why = kind === "refused" ? kubarium.inWords(message.refused.why) : "";
      if (kind !== "refused") state(true);
      hear(kind, message[kind]);
    };
    socket.onclose = (event) => {
      if (ended) return;
      const final = HOPELESS.includes(event.code);
      state(false, kubarium.inWords(event.reason) || why, final, event.code);
      if (final) return;
      setTimeout(() => ended || open(), wait * (0.7 + 0.6 * Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  };
  open();
  return {
    say: (message) => socket.readyState === WebSocket.OPEN && (socket.send(JSON.stringify(message)), true),
    end: () => {
      ended = true;
      socket.close();
    },
  };
}

// ---- The cluster behind the glass ----

const engine = window.kubarium.engine;
const waiting = [];
/** Whether the cluster that was asked for last is the one that is shown. */
let arrived = true;
engine.addEventListener("message", ({ data }) => {
  if (typeof data !== "string") return;
  if (data.startsWith('{"frame":{"reset":true')) arrived = true;
  if (!data.startsWith('{"standing"')) return;
  const { standing } = JSON.parse(data);
  waiting.splice(0).forEach((resolve) => resolve(arrived ? standing : null));
});
/** How the cluster stands that was asked for last; null while another one is still shown. */
export const standing = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) engine.postMessage('"standing"');
  });
/** Puts a session behind the glass. */
export function show(id, token, name) {
  arrived = false;
  // Who connects kubectl means this one (share/kubectl.js).
  window.kubarium.session = `${id}.${token}`;
  engine.postMessage(JSON.stringify({ open: { live: `${id}.${token}${name ? `.${name}` : ""}` } }));
}

// A still picture of a cluster, drawn from a few letters: nodes with a dot between them, each a letter for its state and
// one for each pod on it (as `standing` in frontend/src/worker/standing.rs has them): "rr.rf.o".

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 250;
/** Colours that can be told apart on light and dark. */
const PODS = { r: "#1d9a8a", u: "#1d9a8a", d: "#7f929b", p: "none", s: "#c98a1b", f: "#d9483b", t: "#a08a7c", x: "#8a8f93" };

function make(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const glass = (x, y, width, height, more = {}) => make("rect", {
  x, y, width, height, rx: 8, fill: "currentColor", "fill-opacity": 0.05, stroke: "currentColor", "stroke-opacity": 0.28, ...more,
});

function pod(letter, x, y, radius) {
  const fill = PODS[letter] ?? "none";
  return make("circle", {
    cx: x, cy: y, r: radius, fill, "fill-opacity": letter === "u" ? 0.35 : 0.9, stroke: fill === "none" ? "currentColor" : fill,
    ...(fill === "none" ? { "stroke-dasharray": "2 2", "stroke-opacity": 0.6 } : {}),
  });
}

function node(text, x, y, width, height) {
  const [state, ...pods] = text;
  const isOff = "onj".includes(state);
  const group = make("g", isOff ? { opacity: 0.45 } : {}, glass(x, y, width, height, isOff ? { "stroke-dasharray": "5 4" } : {}));
  group.append(make("circle", { cx: x + 12, cy: y + 12, r: 3.5, fill: isOff ? "#d9483b" : state === "c" ? "#c98a1b" : "#1d9a8a" }));
  const radius = Math.max(3, Math.min(8, width / 10, height / 8));
  const across = Math.max(1, Math.floor((width - 12) / (radius * 2.8)));
  const down = Math.max(1, Math.floor((height - 26) / (radius * 2.8)));
  pods.slice(0, across * down).forEach((letter, index) => group.append(
    pod(letter, x + 8 + radius + (index % across) * radius * 2.8, y + 26 + radius + Math.floor(index / across) * radius * 2.8, radius)));
  return group;
}

/** The cluster of the first screen. */
const FIRST = "rr.rr.rr";

/** The letters that are known of a cluster: those that were written down, or those of the first screen where there is no link. */
export const lettersOf = (written, link) => written ?? (link ? "" : FIRST);

/** The picture, as an SVG element; without letters there is only glass where the nodes would be. */
export function still(text) {
  const nodes = /^[a-z]+(\.[a-z]+)*$/.test(text) ? text.split(".") : [];
  const picture = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", preserveAspectRatio: "xMidYMid meet" });
  [0, 1, 2].forEach((index) => picture.append(glass(96 + index * 126, 10, 118, 30)));
  picture.append(glass(8, 52, WIDTH - 16, 30));
  const across = nodes.length <= 4 ? nodes.length : Math.ceil(Math.sqrt(nodes.length * 2));
  const down = Math.ceil(nodes.length / across);
  const [width, height] = [(WIDTH - 16 - 10 * (across - 1)) / across, (HEIGHT - 104 - 10 * (down - 1)) / down];
  if (!nodes.length) picture.append(glass(8, 96, WIDTH - 16, HEIGHT - 104));
  nodes.forEach((one, index) => picture.append(
    node(one, 8 + (index % across) * (width + 10), 96 + Math.floor(index / across) * (height + 10), width, height)));
  return picture;
}

/** What the button over the picture looks like, for a shadow root or a page of its own. */
export const STYLE = `
.start { position: absolute; inset: 0; width: 100%; height: 100%; display: grid; place-items: center; padding: 12px; border: 0; font: 600 1rem system-ui, sans-serif;
  color: inherit; cursor: pointer; background: color-mix(in srgb, currentColor 4%, transparent) center / cover no-repeat; }
.start > svg { grid-area: 1 / 1; width: 100%; height: 100%; min-height: 0; opacity: 0.55; }
.start > span { grid-area: 1 / 1; position: relative; display: flex; gap: 10px; align-items: center; padding: 12px 20px; border-radius: 999px; color: #fff; background: #b8430a;
  box-shadow: 0 6px 24px rgb(0 0 0 / 0.28); }
.start > span::before { content: ""; border: solid transparent; border-width: 7px 0 7px 12px; border-left-color: currentColor; }
.start:hover > svg, .start:focus-visible > svg { opacity: 0.75; }
.start:focus-visible { outline: 3px solid; outline-offset: -6px; }
`;

/** What the button says where the page around it says nothing. */
export const wordsFor = (language) => (language?.startsWith("ja") ? "クラスタを動かす" : "Start this cluster");

/** The button; `poster` is the address of a picture that takes the still one's place. */
export function startButton({ label, picture, poster, start }) {
  const button = document.createElement("button");
  button.className = "start";
  const words = document.createElement("span");
  words.textContent = label;
  if (poster) button.style.backgroundImage = `url(${JSON.stringify(poster)})`;
  else button.append(still(picture));
  button.append(words);
  button.addEventListener("click", start);
  return button;
}

// An animated picture of the stage, for services that take no foreign frames: recorded, encoded and handed out here.

import { download } from "../workbench/download.js";
import { copyable, heard } from "./base.js";
import { colours, Gif, indexed } from "./gif.js";
import { addressOf } from "./link.js";
import { element, say } from "./words.js";

const FILE = "kubarium.gif";
const SECONDS = 5;
const A_SECOND = 8;
/** The largest picture, in bytes: what the services take without a word. */
const MOST = 1_000_000;
/** Widths and which pictures are kept, the best first: the first that is small enough is taken. */
const TRIES = [[1200, 1], [960, 1], [720, 1], [640, 2], [480, 2], [360, 3]];

const { engine } = window.kubarium;
const breath = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

/** All styles of the page, without movement of their own: a picture is of one moment. */
function styles() {
  const sheets = [...document.styleSheets, ...document.adoptedStyleSheets];
  return `${sheets.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join("\n")}
    *, *::before, *::after { animation: none !important; transition: none !important; }`;
}

/** The stage as the text of a picture. Its surroundings stay, without boxes, for what they make of it. */
function drawing(stage, css) {
  const { width, height } = stage.getBoundingClientRect();
  const copy = stage.cloneNode(true);
  const canvases = stage.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, index) => {
    const image = new Image();
    image.src = canvases[index].toDataURL();
    image.style.cssText = `position: absolute; left: ${canvases[index].offsetLeft}px; top: ${canvases[index].offsetTop}px; width: ${canvases[index].clientWidth}px; height: ${canvases[index].clientHeight}px`;
    canvas.replaceWith(image);
  });
  // What the browser moves is where its style says.
  const moving = stage.querySelectorAll(".dot");
  copy.querySelectorAll(".dot").forEach((dot, index) => (dot.style.transform = getComputedStyle(moving[index]).transform));
  for (const [name, value] of Object.entries({ width: `${width}px`, height: `${height}px`, margin: "0", "box-sizing": "border-box" })) copy.style.setProperty(name, value, "important");
  let whole = copy;
  for (let around = stage.parentElement; around !== document.documentElement; around = around.parentElement) {
    const shell = around.cloneNode(false);
    shell.style.setProperty("display", "contents", "important");
    shell.append(whole);
    whole = shell;
  }
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const ground = getComputedStyle(root).getPropertyValue("--water-deep");
  const text = new XMLSerializer().serializeToString(whole);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" lang="${root.lang}" data-theme="${dark ? "dark" : "light"}">
    <style><![CDATA[${css}]]></style><rect width="100%" height="100%" style="fill: ${ground}"/>
    <foreignObject width="100%" height="100%">${text}</foreignObject></svg>`;
}

/** A picture of the stage as it stands. */
async function shot(stage, css, canvas) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing(stage, css))}`;
  await image.decode();
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0, canvas.width, canvas.height);
  return createImageBitmap(canvas);
}

/** Whether time passes: then a frame comes at once. */
async function runs() {
  const frame = await Promise.race([heard("frame"), breath(200)]);
  return frame?.clock.running ?? false;
}

async function record(told) {
  const stage = document.querySelector(".stages .stage");
  const { width, height } = stage.getBoundingClientRect();
  const scale = Math.min(1, TRIES[0][0] / width);
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(width * scale), height: Math.round(height * scale) });
  const css = styles();
  const still = !await runs();
  if (still) engine.postMessage(JSON.stringify({ pace: "play" }));
  const pictures = [];
  const begun = performance.now();
  for (let now = begun; now < begun + SECONDS * 1000; now = performance.now()) {
    pictures.push({ at: now, bitmap: await shot(stage, css, canvas) });
    told((now - begun) / (SECONDS * 1000));
    await breath(Math.max(0, now + 1000 / A_SECOND - performance.now()));
  }
  if (still) engine.postMessage(JSON.stringify({ pace: "pause" }));
  return pictures;
}

/** The pictures as a GIF of a width, every so manieth of them. */
async function encoded(pictures, wanted, every) {
  const [first] = pictures;
  const width = Math.min(wanted, first.bitmap.width);
  const height = Math.round(first.bitmap.height * width / first.bitmap.width);
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
  const pixels = ({ bitmap }) => {
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  };
  const kept = pictures.filter((_, index) => index % every === 0);
  const found = colours([kept[0], kept[kept.length >> 1], kept.at(-1)].map(pixels));
  const gif = new Gif(width, height, found.palette);
  for (const [index, picture] of kept.entries()) {
    const until = kept[index + 1]?.at ?? picture.at + 1500;
    gif.add(indexed(pixels(picture), found), Math.max(2, Math.round((until - picture.at) / 10)));
    await breath();
  }
  return { blob: gif.end(), width, height };
}

async function small(pictures) {
  for (const [width, every] of TRIES) {
    const made = await encoded(pictures, width, every);
    if (made.blob.size <= MOST || width === TRIES.at(-1)[0]) return made;
  }
}

/** The panel; `take(options, link)` hears what is chosen. */
export function picture() {
  let address = "";
  const markdown = copyable("markdown", { lines: 3 });
  const state = element("p", { class: "muted", role: "status" });
  const trouble = element("p", { class: "share-trouble", role: "alert" });
  const result = element("div", { class: "share-stack share-picture", hidden: true });
  const put = () => markdown.put(`[![${say("picture_alt")}](${FILE})](${address})`);
  const go = element("button", { type: "button", class: "primary", text: "record", onclick: async () => {
    go.disabled = true;
    trouble.textContent = "";
    try {
      const pictures = await record((part) => (state.textContent = say("recording", { percent: Math.round(part * 100) })));
      state.textContent = say("encoding");
      const { blob, width, height } = await small(pictures);
      const url = URL.createObjectURL(blob);
      state.textContent = say("picture_is", { width, height, size: Math.ceil(blob.size / 1000) });
      result.replaceChildren(Object.assign(new Image(), { src: url, alt: say("picture_alt") }),
        element("p", {}, element("button", { type: "button", class: "primary", text: "download", onclick: () => download(FILE, blob, blob.type) })),
        element("h3", { text: "markdown" }), markdown.row, element("p", { class: "muted", text: "markdown_says" }));
      result.hidden = false;
    } catch (error) {
      state.textContent = "";
      trouble.textContent = say("picture_failed", { reason: error.message });
    }
    go.disabled = false;
  } });
  const panel = element("div", { class: "share-stack" }, element("p", { text: "picture_says" }), element("p", {}, go), state, trouble, result);
  return Object.assign(panel, { take: (options, link) => {
    address = addressOf(options, link);
    put();
  } });
}

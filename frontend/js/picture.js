// The stage as a picture: an SVG of plain shapes and words that any program opens, drawn after what is on the screen. Loaded
// when somebody asks for one.
//
// stagePicture({element, margin, title}) → {svg, width, height}; pngOf(picture, scale) → Promise<Blob>;
// create(element): the buttons of the sheet "Share".

import { button, h, t } from "./stage/base.js";
import { animate, animation, sequence } from "./stage/film.js";

const round = (number) => Math.round(number * 10) / 10;
const escape = (text) => String(text).replace(/[&<>"\u0000-\u0008\u000b-\u001f]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one] ?? "");
const attributes = (values) =>
  Object.entries(values).filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => ` ${name}="${escape(typeof value === "number" ? round(value) : value)}"`).join("");

/** Colours as every program reads them: `#rrggbb`, and how much of it is there. */
function createColours() {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  return (css) => {
    if (!known.has(css)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = css;
      context.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
      const hex = `#${[red, green, blue].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
      known.set(css, { colour: hex, share: alpha / 255 });
    }
    return known.get(css);
  };
}

/** Draws what is below an element; what it draws is in `parts`, what that refers to in `defs`. */
function createDrawing(origin) {
  const colours = createColours();
  const measure = document.createElement("canvas").getContext("2d");
  const parts = [];
  const defs = [];
  const paint = (name, css) => {
    const { colour, share } = colours(css);
    if (share === 0) return undefined;
    return { [name]: colour, [`${name}-opacity`]: share < 1 ? Math.round(share * 1000) / 1000 : undefined };
  };
  const add = (name, values, text) => {
    const opacity = ["fill-opacity", "stroke-opacity", "opacity"].filter((key) => values[key] !== undefined)
      .map((key) => ` ${key}="${values[key]}"`).join("");
    const rest = { ...values, "fill-opacity": undefined, "stroke-opacity": undefined, opacity: undefined };
    parts.push(`<${name}${attributes(rest)}${opacity}${text === undefined ? "/>" : `>${escape(text)}</${name}>`}`);
  };
  const place = (rect) => ({ x: rect.left - origin.x, y: rect.top - origin.y, width: rect.width, height: rect.height });
  const pixels = (text) => Number.parseFloat(text) || 0;

  /** Background, border and outline of a box. */
  function box({ x, y, width, height }, style, transform) {
    if (width <= 0 || height <= 0) return;
    const longest = Math.min(width, height) / 2;
    const radius = Math.min(longest, pixels(style.borderTopLeftRadius) * (style.borderTopLeftRadius.includes("%") ? Math.min(width, height) / 100 : 1));
    const fill = paint("fill", style.backgroundColor);
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({ wide: pixels(style[`border${side}Width`]), css: style[`border${side}Color`], kind: style[`border${side}Style`] }));
    const whole = sides.every((side) => side.wide > 0 && side.kind !== "none");
    const [first] = sides;
    const stroke = whole ? paint("stroke", first.css) : undefined;
    if (fill || stroke) {
      const inset = stroke ? first.wide / 2 : 0;
      const dashes = { dashed: `${first.wide * 3} ${first.wide * 2.4}`, dotted: `${first.wide} ${first.wide * 1.6}` }[first.kind];
      add("rect", {
        x: x + inset, y: y + inset, width: width - 2 * inset, height: height - 2 * inset, rx: Math.max(0, radius - inset) || undefined, transform,
        ...(fill ?? { fill: "none" }), ...stroke, "stroke-width": stroke && first.wide, "stroke-dasharray": stroke && dashes,
      });
    }
    if (!whole) {
      const ends = [[x, y, x + width, y], [x + width, y, x + width, y + height], [x, y + height, x + width, y + height], [x, y, x, y + height]];
      sides.forEach((side, index) => {
        const colour = side.wide > 0 && side.kind !== "none" ? paint("stroke", side.css) : undefined;
        const [x1, y1, x2, y2] = ends[index];
        if (colour) add("line", { x1, y1, x2, y2, ...colour, "stroke-width": side.wide, transform });
      });
    }
    const outline = style.outlineStyle !== "none" && style.outlineStyle !== "auto" ? pixels(style.outlineWidth) : 0;
    if (outline > 0) {
      const off = pixels(style.outlineOffset) + outline / 2;
      add("rect", { x: x - off, y: y - off, width: width + 2 * off, height: height + 2 * off, rx: radius + off, fill: "none", ...paint("stroke", style.outlineColor), "stroke-width": outline });
    }
  }

  /** Words on one line, from `left`, in a box whose upper edge is `top`. */
  function words(text, { left, top, width, height }, style, fit = true) {
    const colour = paint("fill", style.color);
    if (!colour || !text.trim()) return;
    measure.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = measure.measureText(text);
    add("text", {
      x: left - origin.x, y: top - origin.y + (height - up - down) / 2 + up,
      "font-family": style.fontFamily, "font-size": pixels(style.fontSize), "font-weight": style.fontWeight === "400" ? undefined : style.fontWeight,
      "text-decoration": style.textDecorationLine === "none" ? undefined : style.textDecorationLine,
      textLength: fit && text.length > 1 ? width : undefined, lengthAdjust: fit && text.length > 1 ? "spacingAndGlyphs" : undefined, ...colour,
    }, text);
  }

  /** A text as the browser broke it into lines, cut where it is cut on the screen. */
  function text(node, style) {
    const range = document.createRange();
    const all = node.data;
    range.selectNodeContents(node);
    if (!range.getClientRects().length) return;
    const ending = cutOff(node.parentElement);
    let line = null;
    const lines = [];
    for (let from = 0; from < all.length;) {
      const to = from + (all.codePointAt(from) > 0xffff ? 2 : 1);
      range.setStart(node, from);
      range.setEnd(node, to);
      const rect = range.getClientRects()[0];
      const letter = all.slice(from, to);
      from = to;
      if (!rect || (!rect.width && !letter.trim())) continue;
      if (!line || Math.abs(rect.top - line.top) > rect.height / 2) lines.push((line = { text: "", left: rect.left, top: rect.top, right: rect.right, height: rect.height, over: false }));
      if (ending !== undefined && rect.right > ending + 0.5) line.over = true;
      if (line.over) continue;
      line.text += /\s/.test(letter) ? " " : letter;
      line.right = rect.right;
    }
    for (const { text, left, top, right, height, over } of lines) {
      if (over) words(`${text.slice(0, -1)}…`, { left, top, width: right - left, height }, style, false);
      else words(text.trimEnd(), { left, top, width: right - left, height }, style, text === text.trimEnd());
    }
  }
  /** Where a text is cut with an ellipsis, if it is. */
  function cutOff(element) {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.textOverflow === "ellipsis" && style.overflowX !== "visible") return at.getBoundingClientRect().right;
      if (style.display !== "inline") return undefined;
    }
    return undefined;
  }

  /** What a style sheet puts before or behind an element's content. */
  function pseudo(element, which, parent) {
    const style = getComputedStyle(element, which);
    const { content } = style;
    if (content === "none" || content === "normal" || style.display === "none" || style.opacity === "0") return;
    const said = content.match(/^"(.*)"$/)?.[1] ?? element.getAttribute(content.match(/^attr\(([\w-]+)\)/)?.[1] ?? "") ?? "";
    const rect = element.getBoundingClientRect();
    const around = place(rect);
    let [width, height] = [pixels(style.width), pixels(style.height)];
    let x;
    let y;
    if (style.position === "absolute") {
      x = around.x + pixels(parent.borderLeftWidth) + pixels(style.left);
      y = around.y + pixels(parent.borderTopWidth) + pixels(style.top);
    } else {
      [width, height] = [width || around.width, height || around.height];
      const middle = parent.display.includes("grid");
      x = middle ? around.x + (around.width - width) / 2 : around.x + pixels(parent.paddingLeft);
      y = around.y + (around.height - height) / 2;
    }
    const [tx, ty] = style.translate === "none" ? [] : style.translate.split(" ");
    const part = (text, of) => (text?.endsWith("%") ? (pixels(text) / 100) * of : pixels(text));
    [x, y] = [x + part(tx, width), y + part(ty ?? (tx && "0"), height)];
    const [ox, oy] = style.transformOrigin.split(" ").map(pixels);
    const matrix = style.transform === "none" ? undefined : `translate(${round(x + ox)} ${round(y + oy)}) ${style.transform.replaceAll(",", "")} translate(${round(-x - ox)} ${round(-y - oy)})`;
    box({ x, y, width, height }, style, matrix);
    if (said) {
      measure.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const wide = measure.measureText(said).width;
      words(said, { left: x + origin.x + (width - wide) / 2, top: y + origin.y, width: wide, height }, style, false);
    }
  }

  /** A drawing of the page's own, with its colours written into it. */
  function drawing(svg) {
    const around = getComputedStyle(svg);
    const rect = place(svg.getBoundingClientRect());
    box(rect, around);
    const inset = pixels(around.paddingLeft) + pixels(around.borderLeftWidth);
    const [x, y, width, height] = [rect.x + inset, rect.y + inset, rect.width - 2 * inset, rect.height - 2 * inset];
    const copy = svg.cloneNode(true);
    const inside = [...svg.querySelectorAll("*")];
    [...copy.querySelectorAll("*")].forEach((shape, index) => {
      const style = getComputedStyle(inside[index]);
      for (const name of ["class", "style", "data-to"]) shape.removeAttribute(name);
      if (style.display === "none") return shape.remove();
      for (const name of ["fill", "stroke"]) {
        const { colour, share } = style[name] === "none" ? { colour: "none", share: 1 } : colours(style[name]);
        shape.setAttribute(name, share ? colour : "none");
        if (share && share < 1) shape.setAttribute(`${name}-opacity`, String(Math.round(share * 100) / 100));
      }
      if (style.stroke !== "none") {
        shape.setAttribute("stroke-width", style.strokeWidth.replace("px", ""));
        if (style.strokeDasharray !== "none") shape.setAttribute("stroke-dasharray", style.strokeDasharray.replaceAll("px", ""));
        if (style.strokeLinecap !== "butt") shape.setAttribute("stroke-linecap", style.strokeLinecap);
      }
      return undefined;
    });
    const viewBox = svg.getAttribute("viewBox") ?? undefined;
    parts.push(`<svg${attributes({ x, y, width, height, viewBox, overflow: "visible" })}>${copy.innerHTML}</svg>`);
  }

  let clips = 0;
  function walk(element) {
    const style = getComputedStyle(element);
    const rect = element.getBoundingClientRect();
    const unseen = style.display === "none" || style.visibility === "hidden" || style.clipPath.startsWith("inset(50%");
    // The lightning is only there to be pressed.
    if (unseen || element.classList.contains("strike")) return;
    if (element instanceof SVGSVGElement) {
      drawing(element);
      return;
    }
    const opacity = Number(style.opacity);
    if (opacity === 0) return;
    const grey = /grayscale|saturate/.test(style.filter) ? style.filter : undefined;
    const grouped = opacity < 1 || grey;
    if (grouped) parts.push(`<g${opacity < 1 ? ` opacity="${opacity}"` : ""}${grey ? ` filter="${escape(grey)}"` : ""}>`);
    const here = place(rect);
    if (style.display !== "contents") box(here, style);
    const clipped = style.overflowX !== "visible" && here.width > 0;
    if (clipped) {
      const id = `k${++clips}`;
      defs.push(`<clipPath id="${id}"><rect${attributes({ x: here.x, y: here.y, width: here.width, height: here.height, rx: pixels(style.borderTopLeftRadius) })}/></clipPath>`);
      parts.push(`<g clip-path="url(#${id})">`);
    }
    pseudo(element, "::before", style);
    if (element instanceof HTMLCanvasElement) parts.push(`<image${attributes({ x: here.x, y: here.y, width: here.width, height: here.height })} href="${element.toDataURL()}"/>`);
    else if (element instanceof HTMLSelectElement) words(element.selectedOptions[0]?.text ?? "", { left: rect.left + 8, top: rect.top, width: 0, height: rect.height }, style, false);
    else if (element instanceof HTMLInputElement) words(element.value || element.placeholder, { left: rect.left + 8, top: rect.top, width: 0, height: rect.height }, style, false);
    else for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE && child.data.trim()) text(child, style);
      else if (child.nodeType === Node.ELEMENT_NODE) walk(child);
    }
    pseudo(element, "::after", style);
    if (clipped) parts.push("</g>");
    if (grouped) parts.push("</g>");
  }
  return { walk, paint, parts, defs };
}

/** A colour of the page's own. */
function token(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The stage as it is drawn now. Nothing on the page changes. */
export function stagePicture({ element = document.querySelector(".stages .stage"), margin = 18, title = "Kubarium" } = {}) {
  const rect = element.getBoundingClientRect();
  // What hangs over the edges (plugs, labels) has the margin for it.
  const [width, height] = [Math.ceil(rect.width + 2 * margin), Math.ceil(rect.height + 2 * margin)];
  const { walk, paint, parts, defs } = createDrawing({ x: rect.left - margin, y: rect.top - margin });
  // What is held in sight over the nodes on the screen has its own place in a picture of all of it.
  const held = element.classList.contains("held");
  element.classList.remove("held");
  walk(element);
  element.classList.toggle("held", held);
  const [top, deep] = ["water-top", "water-deep"].map((name) => paint("c", token(name)).c);
  const water = `<linearGradient id="water" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${deep}"/></linearGradient>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`
    + `<title>${escape(title)}</title><defs>${water}${defs.join("")}</defs><rect width="${width}" height="${height}" fill="url(#water)"/>${parts.join("")}</svg>`;
  return { svg, width, height };
}

/** The same as a picture of pixels. */
export async function pngOf({ svg, width, height }, scale = 2) {
  const canvas = await canvasOf({ svg, width, height }, scale);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** The same on a canvas; `canvas` may be one that is drawn over, and that keeps its size with `keep`. */
export async function canvasOf({ svg, width, height }, scale = 1, canvas = document.createElement("canvas"), keep = false) {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (!keep && (canvas.width !== wide || canvas.height !== high)) Object.assign(canvas, { width: wide, height: high });
    canvas.getContext("2d").drawImage(image, 0, 0, wide, high);
    return canvas;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Hands out a file. */
function give(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What is under way, also while the sheet is closed. */
let filming;

/** The buttons: the view as SVG and PNG, the run as an animation or as single pictures. */
export function create(element) {
  const said = h("p", { class: "muted", role: "status" });
  const draw = () => {
    const begin = (take) => async () => {
      let stop = false;
      filming = { stop: () => (stop = true), seconds: 0 };
      draw();
      try {
        const { blob, name } = await take(() => stop, (seconds) => {
          filming.seconds = seconds;
          said.textContent = t("filming", { seconds: Math.floor(seconds) });
        });
        give(blob, name);
        said.textContent = t("filmed", { name });
      } catch (reason) {
        said.textContent = String(reason);
      }
      filming = undefined;
      if (element.isConnected) draw();
    };
    const still = [
      button("SVG", () => give(new Blob([stagePicture().svg], { type: "image/svg+xml" }), "kubarium-cluster.svg")),
      button("PNG", async () => give(await pngOf(stagePicture()), "kubarium-cluster.png")),
    ];
    const run = filming
      ? [button(t("film_stop"), () => filming?.stop())]
      : [...(animation() ? [button(t("film"), begin(animate))] : []), button(t("film_pictures"), begin(sequence))];
    element.replaceChildren(h("h2", {}, t("picture")), h("p", {}, t("picture_says")), h("div", { class: "picture-row" }, ...still, ...run), said);
  };
  draw();
}

// A run as pictures: so many of the stage a second, handed out as an animation (WebM, where the browser can make one) or as
// a sequence of PNG files in an archive.

import { canvasOf, pngOf, stagePicture } from "../picture.js";

/** Pictures a second of an animation, and milliseconds between two of a sequence. */
const RATE = 10;
const APART_MS = 500;
/** The longest run, in milliseconds. */
const LONGEST_MS = 60_000;
const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

const wait = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Whether this browser can make an animation, and in which format. */
export const animation = () => TYPES.find((type) => window.MediaRecorder?.isTypeSupported(type));

/** Takes the run in until `stopped()`; `told` hears for how many seconds so far. */
export async function animate(stopped, told) {
  const type = animation();
  const canvas = await canvasOf(stagePicture(), 1);
  const recorder = new MediaRecorder(canvas.captureStream(RATE), { mimeType: type, videoBitsPerSecond: 2_500_000 });
  const parts = [];
  recorder.ondataavailable = ({ data }) => data.size && parts.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(1000);
  const begun = performance.now();
  // A picture at a time: the page goes on between them.
  while (!stopped() && performance.now() - begun < LONGEST_MS) {
    const since = performance.now();
    const { width, height } = canvas;
    const picture = stagePicture();
    await canvasOf(picture, Math.min(width / picture.width, height / picture.height), canvas, true);
    told((performance.now() - begun) / 1000);
    await wait(Math.max(10, 1000 / RATE - (performance.now() - since)));
  }
  recorder.stop();
  await ended;
  return { blob: new Blob(parts, { type: type.split(";")[0] }), name: type.includes("mp4") ? "kubarium.mp4" : "kubarium.webm" };
}

/** The same as single pictures in an archive. */
export async function sequence(stopped, told) {
  const files = [];
  const begun = performance.now();
  while (!stopped() && performance.now() - begun < LONGEST_MS) {
    const since = performance.now();
    const blob = await pngOf(stagePicture(), 1);
    files.push([`kubarium-${String(files.length + 1).padStart(3, "0")}.png`, new Uint8Array(await blob.arrayBuffer())]);
    told((performance.now() - begun) / 1000);
    await wait(Math.max(10, APART_MS - (performance.now() - since)));
  }
  return { blob: archive(files), name: "kubarium.zip" };
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});
function checksum(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 255];
  return ~sum >>> 0;
}

/** A ZIP archive of files as they are: PNG is small already. */
export function archive(files) {
  const parts = [];
  const entries = [];
  let at = 0;
  const words = (...fields) => {
    const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
    const view = new DataView(bytes.buffer);
    let place = 0;
    for (const [size, value] of fields) {
      if (size === 4) view.setUint32(place, value, true);
      else view.setUint16(place, value, true);
      place += size;
    }
    return bytes;
  };
  // The first of January 1980, the earliest day of the format.
  const DAY = 33;
  for (const [name, bytes] of files) {
    const title = new TextEncoder().encode(name);
    const about = [[2, 20], [2, 0], [2, 0], [2, 0], [2, DAY], [4, checksum(bytes)], [4, bytes.length], [4, bytes.length], [2, title.length], [2, 0]];
    const head = words([4, 0x04034b50], ...about);
    parts.push(head, title, bytes);
    entries.push(words([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), title);
    at += head.length + title.length + bytes.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const end = words([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, at], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

// What comes from outside: dropped files and pasted bytes become text, or a clear refusal; what a text is, a worker finds out.

import { say } from "./words.js";

/** The largest file that is read: the output of a real cluster shrinks a lot. */
const MOST_BYTES = 16 << 20;
/** The largest text that is opened as it is: what a link and the server take, too. */
export const MOST_TEXT = 3 << 20;

/** Why something is not opened. */
export const tooLarge = (name, size, most) => say("too_large", { name, size: (size / (1 << 20)).toFixed(1), most: most >> 20 });

/** A file's text, or why there is none: `{text}` or `{refused}`. */
export async function read(file) {
  if (file.size > MOST_BYTES) return { refused: tooLarge(file.name, file.size, MOST_BYTES) };
  return decode(new Uint8Array(await file.arrayBuffer()), file.name);
}

/** Bytes as text: UTF-8, or UTF-16 with its mark, and nothing binary. */
export function decode(bytes, name) {
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  let text;
  try {
    text = new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Programs and pictures have zeros; broken text has none.
    return { refused: say(bytes.includes(0) ? "binary" : "not_utf8", { name }) };
  }
  if (/[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)) return { refused: say("binary", { name }) };
  return { text: manifestsOf(text) };
}

/** Of what `helm install --dry-run` and its likes say, the manifests; any other text as it is. Lines end as on Unix. */
export function manifestsOf(brought) {
  const text = brought.replace(/\r\n?/g, "\n");
  const [before] = text.match(/^(?:.*\n){0,60}?NAME: .*\nLAST DEPLOYED: (?:.*\n)*?MANIFEST:\n/) ?? [];
  if (!before) return text;
  const [manifests] = text.slice(before.length).split(/^NOTES:$/m, 1);
  return `${manifests.trim()}\n`;
}

/** Whether it is worth reading all of a text to know what it is: that takes long where it is large. */
export const mayBeMore = (text) => /["']?kind["']?:\s*["']?(Scenario|Node)\b/.test(text);

/**
 * What a text is (see reader.js), found out beside the page so that it stays alive; `told` hears how far that has come.
 */
export async function understand(text, told) {
  const address = document.querySelector("meta[name='asset:reader']").content;
  const reader = new Worker(new URL(address, location.href), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      reader.onerror = ({ message }) => reject(new Error(message));
      reader.onmessage = ({ data }) => (data.part === undefined ? resolve(data) : told(data.part));
      reader.postMessage(text);
    });
  } finally {
    reader.terminate();
  }
}

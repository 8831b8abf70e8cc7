// What a cluster that came by a link was made with, to be read beside it.

import { parsed, scenario } from "./line.js";

/** So many texts are looked through at most, and of so many characters together. */
const MOST = 8;
const LARGEST = 300_000;

/** The texts that steps apply, those of one moment as one. */
function together(steps) {
  const texts = [];
  let moment;
  for (const { at, apply } of steps) {
    if (!apply) continue;
    const text = `${apply.trimEnd()}\n`;
    if (at === moment) texts.push(`${texts.pop()}---\n${text}`);
    else texts.push(text);
    moment = at;
  }
  return texts;
}

/**
 * What was applied in it, a file each moment, named after the cluster, the last one open: that is what it is about; `undefined` where
 * nothing was, or too much to be read.
 */
export async function brought() {
  const { metadata, spec } = parsed(await scenario()) ?? {};
  const applied = together(spec?.steps ?? []).slice(-MOST);
  if (!applied.length || applied.reduce((sum, { length }) => sum + length, 0) > LARGEST) return undefined;
  const stem = metadata?.name || "applied";
  const files = applied.map((text, index) => ({ name: `${stem}${applied.length > 1 ? `-${index + 1}` : ""}.yaml`, text, brought: true }));
  return { files, open: files.length - 1 };
}

/**
 * Calls `bring` with what a ready cluster, or one from a file, was made with, once it is there; it answers how that is taken back.
 * The answer ends that.
 */
export function followOpened(bring) {
  const { kubarium } = window;
  let waits = false;
  let back;
  const begin = () => {
    // A playground has files of its own.
    waits = !kubarium.leaving;
    back = undefined;
    kubarium.leaving ??= { restore: () => back?.() };
  };
  const hear = ({ data }) => {
    if (!waits || typeof data !== "string" || !/^\{("frame":\{"reset":true|"badLink")/.test(data)) return;
    waits = false;
    if (data.startsWith('{"frame"')) brought().then((found) => (back = found && bring(found)));
  };
  addEventListener("opening", begin);
  kubarium.engine.addEventListener("message", hear);
  return () => {
    removeEventListener("opening", begin);
    kubarium.engine.removeEventListener("message", hear);
  };
}

/** Whether this page shows somebody's cluster, and not the one that every visit begins with. */
export const isBrought = () => location.hash.length > 1 || "embed" in document.documentElement.dataset;

// What a cluster that came by a link was made with, to be read beside it.

import { parsed, scenario } from "./line.js";

/** So many texts are looked through at most. */
const MOST = 8;

/** What was applied in it, a file each, the last one open: that is what it is about; `undefined` where nothing was. */
export async function brought() {
  const steps = parsed(await scenario())?.spec?.steps ?? [];
  const files = steps.filter(({ apply }) => apply).slice(-MOST).map(({ apply }, index) => ({ name: `applied-${index + 1}.yaml`, text: `${apply.trimEnd()}\n` }));
  return files.length ? { files, open: files.length - 1 } : undefined;
}

/** Whether this page shows somebody's cluster, and not the one that every visit begins with. */
export const isBrought = () => location.hash.length > 1 || "embed" in document.documentElement.dataset;

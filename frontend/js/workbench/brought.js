// What a cluster that came by a link was made with, to be read beside it.

import { parsed, scenario } from "./line.js";

/** Everything that was applied in it, as one text; empty where nothing was. */
export async function brought() {
  const steps = parsed(await scenario())?.spec?.steps ?? [];
  return steps.filter(({ apply }) => apply).map(({ apply }) => `${apply.trimEnd()}\n`).join("---\n");
}

/** Whether this page shows somebody's cluster, and not the one that every visit begins with. */
export const isBrought = () => location.hash.length > 1 || "embed" in document.documentElement.dataset;

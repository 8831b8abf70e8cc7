// A worker that reads large texts beside the page: a scenario, the output of a real cluster, or manifests.

import { clusterOf, natureOf, objectsOf } from "./workbench/objects.js";

/** How often it is told how far it has come, in milliseconds. */
const TOLD_MS = 100;

onmessage = ({ data: text }) => {
  let last = 0;
  const objects = objectsOf(text, (part) => {
    if (performance.now() < last + TOLD_MS) return;
    last = performance.now();
    postMessage({ part });
  });
  const nature = natureOf(objects);
  postMessage({ nature, ...(nature === "cluster" ? clusterOf(objects) : {}) });
};

// Labels that a selector can ask for: those that the text gives, and those that objects of the cluster have.

import { kubectl, parsed } from "./line.js";
import { once } from "./schema.js";
import { parts, scalar } from "./text.js";

/** The kind (its plural) whose labels the mapping at the end of `path` asks for; `undefined` where it asks for none. */
export function askedOf(path, kind) {
  const last = path.at(-1);
  if (last === "nodeSelector") return "nodes";
  if (last === "matchLabels") return path.at(-2) === "namespaceSelector" ? "namespaces" : "pods";
  return last === "selector" && ["Service", "ReplicationController"].includes(kind) ? "pods" : undefined;
}

/** What controllers put on each of their pods anew: nobody selects by it. */
const OWN = /(^|\/)(pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|pod-index)$/;

/** So many objects are looked at: thousands of pods have the labels of a few templates. */
const MOST = 500;

const served = (plural) => once(`labels ${plural}`, async () => {
  const { stdout } = await kubectl(["get", "--raw", `/api/v1/${plural}?limit=${MOST}`]);
  return (parsed(stdout)?.items ?? []).flatMap(({ metadata }) => Object.entries(metadata.labels ?? {}));
});

/** Labels that the text gives its objects and their pods. */
function written(doc) {
  const found = [];
  for (let number = 1; number <= doc.lines; number++) {
    const { text } = doc.line(number);
    const part = parts(text);
    if (part.key !== "labels") continue;
    const flow = text.slice(part.value).match(/^\s*\{(.*)\}/);
    const pairs = flow?.[1].matchAll(/([\w./-]+):\s*["']?([\w./-]*)/g) ?? [];
    for (const [, key, value] of pairs) found.push([key, value]);
    for (let below = number + 1; !flow && below <= doc.lines; below++) {
      const line = doc.line(below).text;
      const one = parts(line);
      if (one.blank) continue;
      if (one.column <= part.column || one.key === undefined) break;
      found.push([one.key, scalar(line, one)]);
    }
  }
  return found;
}

/** The labels that objects of a kind have or will have, as `[key, value]`, each once. */
export async function labelsOf(plural, doc) {
  const all = [...(plural === "pods" ? written(doc) : []), ...(await served(plural))];
  const known = new Map(all.filter(([key]) => !OWN.test(key)).map(([key, value]) => [`${key}=${value}`, [key, value]]));
  return [...known.values()];
}

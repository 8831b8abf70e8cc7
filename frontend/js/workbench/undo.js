// How what one did in a shared cluster is taken back without touching what others did: what was made goes, and of what was
// changed only the fields that one changed are what they were.

import { kubectl, objects } from "./line.js";

/** Verbs that change objects named behind them, and how many words follow the verb. */
const CHANGES = { annotate: 0, apply: 0, autoscale: 0, cordon: 0, create: 0, label: 0, patch: 0, replace: 0, rollout: 1, scale: 0, set: 1, uncordon: 0 };
const ROLLOUTS = ["pause", "restart", "resume", "undo"];
/** Flags with which the same objects are read; their value may follow. */
const SAME = /^(-n|--namespace|-f|--filename|-l|--selector|--all)(=.*)?$/;
/** An annotation of the Deployment controller's own. */
const REVISION = "deployment.kubernetes.io/revision";
/** What a person does not set. */
const SET_BY_SERVER = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];

/** The words of `kubectl get` for the objects that a command changes; `undefined` where that is not known. */
export function readingOf(args) {
  const [verb, ...rest] = args;
  if (!(verb in CHANGES) || args.some((word) => /^--dry-run(?!=none)/.test(word))) return undefined;
  if (verb === "rollout" && !ROLLOUTS.includes(rest[0])) return undefined;
  const words = rest.slice(CHANGES[verb]);
  // What is made by words alone has its kind and name there, and sometimes a type between them.
  if (verb === "autoscale" || (verb === "create" && !words.some((word) => /^(-f|--filename)/.test(word)))) return undefined;
  const reading = verb === "cordon" || verb === "uncordon" ? ["get", "node"] : ["get"];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (SAME.test(word)) {
      reading.push(word);
      if (!word.includes("=") && word !== "--all") reading.push(words[(at += 1)]);
    } else if (word.startsWith("-")) {
      const next = words[at + 1];
      if (!word.includes("=") && next !== undefined && /^(-p|--patch|--type|--replicas|--to-revision|--field-manager)$/.test(word)) at += 1;
    } else if (!/^[\w./-]+=/.test(word) && !/-$/.test(word)) reading.push(word);
  }
  return reading.filter((word) => word !== undefined);
}

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/** The merge patch (RFC 7396) that leads from one value to another; `undefined` when they are alike. */
export function mergePatch(from, to) {
  if (!isPlain(from) || !isPlain(to)) return JSON.stringify(from) === JSON.stringify(to) ? undefined : to;
  const patch = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const part = key in to ? mergePatch(from[key], to[key]) : null;
    if (part !== undefined) patch[key] = part;
  }
  return Object.keys(patch).length ? patch : undefined;
}

/** An object as far as people set it. */
function own({ status: _, metadata, ...object }) {
  const set = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SET_BY_SERVER.includes(key)));
  if (set.annotations) ({ [REVISION]: _, ...set.annotations } = set.annotations);
  return { ...object, metadata: set };
}
const nameOf = ({ kind, metadata: { namespace = "", name } }) => `${kind}/${namespace}/${name}`;
const listed = (found) => (found?.items ?? [found]).filter((object) => object?.metadata);

/**
 * Reads what a command is about to change. To be called again once it is changed: that gives what takes it back, `undefined`
 * where nothing changed.
 */
export function watchChange(reading, stdin) {
  const read = async () => new Map(listed(await objects(reading, stdin)).map((object) => [nameOf(object), object]));
  const before = read();
  return async () => {
    const [was, is] = [await before, await read()];
    const deeds = [...is].flatMap(([name, object]) => {
      const { kind, metadata } = object;
      const thing = [kind.toLowerCase(), metadata.name, ...(metadata.namespace ? ["-n", metadata.namespace] : [])];
      if (!was.has(name)) return [["delete", ...thing, "--wait=false"]];
      const patch = mergePatch(own(object), own(was.get(name)));
      return patch ? [["patch", ...thing, "--type=merge", "-p", JSON.stringify(patch)]] : [];
    });
    if (!deeds.length) return undefined;
    return async () => {
      for (const args of deeds) await kubectl(args);
    };
  };
}

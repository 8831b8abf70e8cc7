// Work that is kept in this browser: named playgrounds, each with its files and its cluster (IndexedDB).

import { openDB } from "idb";

const STORE = "playgrounds";
/** What is kept by itself: the editor's files, and the cluster. No name that a person gives begins with a space. */
export const CURRENT = " files";
export const CLUSTER = " cluster";

let opened;
const database = () => (opened ??= openDB("kubarium", 1, {
  upgrade: (db) => db.createObjectStore(STORE, { keyPath: "name" }),
  // Another tab has a newer page: it may go on.
  blocking: (_, __, event) => event.target.close(),
}));

/** Runs something with the store; where the browser keeps nothing, the answer is `fallback`. */
async function attempt(work, fallback) {
  try {
    return await work(await database());
  } catch {
    opened = undefined;
    return fallback;
  }
}

/** What a name keeps: `{name, saved, files, open, scenario}`. */
export const load = (name) => attempt((db) => db.get(STORE, name), undefined);

/** Keeps it; whether that worked. */
export const save = (playground) => attempt(async (db) => {
  await db.put(STORE, { ...playground, saved: Date.now() });
  return true;
}, false);

/** Everything that was given a name, newest first. */
export const all = () => attempt(async (db) => (await db.getAll(STORE)).filter(({ name }) => !name.startsWith(" "))
  .sort((a, b) => b.saved - a.saved), []);

/** Forgets one, and answers what it was: it can be saved again. */
export const forget = (name) => attempt(async (db) => {
  const was = await db.get(STORE, name);
  await db.delete(STORE, name);
  return was;
}, undefined);

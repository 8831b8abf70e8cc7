// Work that is kept in this browser: named playgrounds, each with its files and its cluster (IndexedDB).

import { openDB } from "idb";

const STORE = "playgrounds";
/** What is kept by itself: the editor's files, and the cluster. No name that a person gives begins with a space. */
export const CURRENT = " files";
export const CLUSTER = " cluster";

/** In somebody else's page nothing is kept: what is of the person's own is no part of it, and must not become any. */
const isFramed = "embed" in document.documentElement.dataset;

let opened;
const database = () => (opened ??= openDB("kubarium", 1, {
  upgrade: (db) => db.createObjectStore(STORE, { keyPath: "name" }),
  // Another tab has a newer page: it may go on.
  blocking: (_, __, event) => event.target.close(),
}));

/** Runs something with the store; where the browser keeps nothing, the answer is `fallback`. */
async function attempt(work, fallback) {
  if (isFramed) return fallback;
  try {
    return await work(await database());
  } catch {
    opened = undefined;
    return fallback;
  }
}

/** What a name keeps: `{name, saved, files, open, scenario}`. */
export const load = (name) => attempt((db) => db.get(STORE, name), undefined);

/** Keeps it; whether that worked. What was kept before keeps its time. */
export const save = (playground) => attempt(async (db) => {
  await db.put(STORE, { saved: Date.now(), ...playground });
  return true;
}, false);

/** Everything that was given a name, newest first. */
export const all = () => attempt(async (db) => (await db.getAll(STORE)).filter(({ name }) => !name.startsWith(" "))
  .sort((a, b) => b.saved - a.saved), []);

/** Tells what this page keeps by itself from what others did. */
export const PAGE = performance.timeOrigin;

/** What other pages kept of files before this one did: a name for each page. */
const OTHERS = " files of ";
const MOST_OTHERS = 3;
/** When the files were kept that this page has begun with, or has kept itself. */
let known;

/** The files of last time: of this very tab, where it was only loaded again. */
export async function loadFiles() {
  const own = handedOver();
  const kept = await load(CURRENT);
  // What this very tab has kept before is no other page's.
  if (!own || own.page === kept?.page) known = kept?.saved;
  return own ?? kept;
}

/** Keeps this page's files. What another page has kept of its own meanwhile is kept beside them. */
export const keepFiles = (files) => attempt(async (db) => {
  const store = db.transaction(STORE, "readwrite").store;
  const was = await store.get(CURRENT);
  const text = (one) => JSON.stringify(one.files);
  if (was && was.saved !== known && text(was) !== text(files)) {
    await store.put({ ...was, name: `${OTHERS}${was.page}` });
    const others = await store.getAll(IDBKeyRange.bound(OTHERS, `${OTHERS}:`));
    for (const old of others.sort((a, b) => b.saved - a.saved).slice(MOST_OTHERS)) await store.delete(old.name);
  }
  known = Date.now();
  await store.put({ name: CURRENT, saved: known, page: PAGE, ...files });
}, undefined);

/** What is handed to the page that comes in this tab's place, when there is no time any more for anything else. */
const HANDED = "kubarium.files";
export function handOver(files) {
  if (isFramed) return;
  try {
    sessionStorage.setItem(HANDED, JSON.stringify({ ...files, page: PAGE }));
  } catch { /* No storage, or not so much: what was kept last is there. */ }
}
function handedOver() {
  if (isFramed) return undefined;
  try {
    const text = sessionStorage.getItem(HANDED);
    sessionStorage.removeItem(HANDED);
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The files of other pages, newest first; what was kept last may be another page's, too, if this one has not begun with it. */
export const others = () => attempt(async (db) => {
  const found = [await db.get(STORE, CURRENT), ...await db.getAll(STORE, IDBKeyRange.bound(OTHERS, `${OTHERS}:`))];
  return found.filter((one) => one && one.page !== PAGE && one.saved !== known).sort((a, b) => b.saved - a.saved);
}, []);

/** What something else came in place of: its names begin so, and end with the time at which that was. */
const EARLIER = " before ";
const MOST_EARLIER = 5;
const times = (db) => db.getAllKeys(STORE, IDBKeyRange.bound(EARLIER, `${EARLIER}:`));

/** Keeps a cluster that something else comes in place of, among the few newest of such. */
export const keepEarlier = ({ saved = Date.now(), scenario, files, open }) => attempt(async (db) => {
  const names = await times(db);
  const newest = names.at(-1);
  // Of the same cluster once more nothing is added.
  const isThere = newest && (await db.get(STORE, newest)).scenario === scenario;
  // All times have as many digits: names sort as they do.
  const name = isThere ? newest : `${EARLIER}${Math.max(Date.now(), 1 + Number(newest?.slice(EARLIER.length) ?? 0))}`;
  await db.put(STORE, { name, saved, scenario, ...(files && { files, open }) });
  for (const old of names.slice(0, Math.max(0, names.length + (isThere ? 0 : 1) - MOST_EARLIER))) await db.delete(STORE, old);
}, undefined);

/** What something else came in place of, newest first; before them the cluster of last time, as long as this page keeps none of its own. */
export const earlier = () => attempt(async (db) => {
  const last = await db.get(STORE, CLUSTER);
  const found = await Promise.all((await times(db)).reverse().map((name) => db.get(STORE, name)));
  const isOfLastTime = last?.scenario && last.page !== PAGE && found[0]?.scenario !== last.scenario;
  return [...(isOfLastTime ? [last] : []), ...found];
}, []);

/** Forgets one, and answers what it was: it can be saved again. */
export const forget = (name) => attempt(async (db) => {
  const was = await db.get(STORE, name);
  await db.delete(STORE, name);
  return was;
}, undefined);

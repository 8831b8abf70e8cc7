// The service worker: the page works without a network after the first visit. scripts/page.mjs puts the version and the
// list of files in.
//
// Never a mix: every program is named by its content, and a cache holds all files of one build or is not there. The page
// itself comes from the network where there is one; without, from the cache that has everything it names. One that came from
// the network and is of another build has nothing of this one's, also of what bears the same name in each.

const FILES = "{files}";
const scope = new URL(registration.scope);
/** Its place belongs to the name: a file host may have several below one origin, which share what is kept. */
const CACHE = `kubarium-{version} ${scope.pathname}`;

addEventListener("install", (event) => event.waitUntil(
  caches.open(CACHE).then((cache) => cache.addAll(FILES.map((name) => new Request(name, { cache: "no-cache" })))),
));

addEventListener("activate", (event) => event.waitUntil((async () => {
  const isOld = (name) => name.startsWith("kubarium-") && name !== CACHE && (name.split(" ")[1] ?? scope.pathname) === scope.pathname;
  await Promise.all((await caches.keys()).filter(isOld).map((name) => caches.delete(name)));
})()));

const kept = async (request) => (await caches.open(CACHE)).match(request, { ignoreSearch: true });

/** What is named so is the same in every build that has it: the next one's are there before it takes over. */
const BY_CONTENT = /-[\da-f]{16}\.\w+$/;

/** Where it is noted that a page is of another build: this worker may end and begin again under it. */
const noteOf = (client) => `${scope}other/${client}`;
const judged = new Map();
async function judge(page, client) {
  const [theirs, own] = await Promise.all([page, kept(scope.href)].map(async (one) => (await one)?.text()));
  if (theirs !== own) await (await caches.open(CACHE)).put(noteOf(client), new Response());
}

/** The page, for a new client. */
function opened(event) {
  const { request, resultingClientId: client } = event;
  const page = fetch(request);
  judged.set(client, judge(page.then((found) => found.clone()), client).catch(() => {}).finally(() => judged.delete(client)));
  event.waitUntil(judged.get(client));
  return page.catch(() => kept(scope.href).then((page) => page ?? Response.error()));
}

/** Any other file of a build. */
async function file({ request, clientId }, name) {
  if (BY_CONTENT.test(name)) return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request);
  await judged.get(clientId);
  const isOther = await kept(noteOf(clientId));
  return (!isOther && await kept(request)) || fetch(request);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const name = url.pathname.slice(scope.pathname.length);
  if (request.mode === "navigate" && (name === "" || name === "index.html")) event.respondWith(opened(event));
  else if (FILES.includes(name) || BY_CONTENT.test(name)) event.respondWith(file(event, name));
});

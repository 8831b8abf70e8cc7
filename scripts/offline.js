// The service worker: the page works without a network after the first visit. scripts/page.mjs puts the version and the
// list of files in.
//
// Never a mix: every program is named by its content, and a cache holds all files of one build or is not there. The page
// itself comes from the network where there is one; without, from the cache that has everything it names.

const VERSION = "kubarium-{version}";
const FILES = "{files}";

addEventListener("install", (event) => event.waitUntil(
  caches.open(VERSION).then((cache) => cache.addAll(FILES.map((name) => new Request(name, { cache: "no-cache" })))),
));

addEventListener("activate", (event) => event.waitUntil((async () => {
  const old = (await caches.keys()).filter((name) => name.startsWith("kubarium-") && name !== VERSION);
  await Promise.all(old.map((name) => caches.delete(name)));
})()));

const scope = new URL(registration.scope);
const kept = async (request) => (await caches.open(VERSION)).match(request, { ignoreSearch: true });

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const name = url.pathname.slice(scope.pathname.length);
  if (request.mode === "navigate" && (name === "" || name === "index.html")) {
    event.respondWith(fetch(request).catch(() => kept(scope.href).then((page) => page ?? Response.error())));
  } else if (FILES.includes(name)) event.respondWith(kept(request).then((file) => file ?? fetch(request)));
});

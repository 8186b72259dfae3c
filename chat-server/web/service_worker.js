// Opens the page without a connection, and answers a reload with one request: the files whose names change with their
// content are kept, and the page itself is asked for, and kept for when nothing answers.

/* global PAGE_FILES, PAGE_VERSION: the build says which files there are. Without it, what was loaded is kept. */
const FILES = typeof PAGE_FILES === "undefined" ? [] : PAGE_FILES;
const VERSION = typeof PAGE_VERSION === "undefined" ? "" : PAGE_VERSION;

const SCOPE = registration.scope;
const NAME = `page ${SCOPE} `;
const PAGE = new URL("./", SCOPE).href;
const KEPT = new Set(FILES.map((file) => new URL(file, SCOPE).href));

// Beside those, files of other languages, once they were loaded.
const ASSETS = new URL("./assets/", SCOPE).href;

// What belongs to the page, where nobody has said it.
const OF_PAGE = /\/(?:[\w.-]+\.(?:css|js|svg|webmanifest))$/;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(open().then((cache) => cache.addAll([PAGE, ...KEPT])));
});

// The page has loaded these.
addEventListener("message", (event) => {
  const loaded = event.data.filter((url) => url.startsWith(ASSETS));
  event.waitUntil(Promise.all(loaded.map((url) => kept(url, url))));
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => clients.claim()));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(goTo(event.notification.data.hash));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = request.url.split(/[?#]/)[0];
  if (request.method !== "GET" || !url.startsWith(SCOPE)) return;
  if (url.startsWith(ASSETS)) event.respondWith(kept(request, url));
  else if (url === PAGE || (OF_PAGE.test(url) && !url.includes("/api/"))) event.respondWith(asked(request, url));
});

async function kept(request, url) {
  const cache = await open();
  const known = await cache.match(url);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) await cache.put(url, response.clone());
  return response;
}

async function asked(request, url) {
  try {
    const response = await fetch(request);
    if (response.ok) await (await open()).put(url, response.clone());
    return response;
  } catch (error) {
    const before = await (await open()).match(url);
    if (before === undefined) throw error;
    return before;
  }
}

/** Shows what a notification is of, in a page that is open if there is one. */
async function goTo(hash) {
  const pages = await clients.matchAll({ type: "window" });
  const page = pages.find(({ url }) => url.split("#")[0] === PAGE);
  if (!page) return clients.openWindow(PAGE + hash);
  page.postMessage({ chosen: hash });
  return page.focus();
}

function open() {
  return caches.open(NAME + VERSION);
}

async function forgetOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith(NAME) && name !== NAME + VERSION) await caches.delete(name);
  }
}

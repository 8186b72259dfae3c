// What the client needs of the place where it runs, and takes from nowhere else.

/**
 * @typedef {import("./scope.js").Clock} Clock
 *
 * What is kept, as the browser's `localStorage`.
 * @typedef {object} Store
 * @property {(name: string) => string | null} getItem
 * @property {(name: string, value: string) => void} setItem
 * @property {(name: string) => void} removeItem
 * @property {() => string[]} names
 *
 * A page, or something like one: whether it is seen, and what happens to it.
 * @typedef {object} PageLike
 * @property {() => boolean} isHidden
 * @property {() => boolean} [hasFocus] whether the user is at it; always, if not given
 * @property {() => boolean} isOnline
 * @property {(event: PageEvent, handler: (event: any) => void) => () => void} listen the result stops it
 * @property {(url: string, body: string) => void} beacon sends something while the page goes away
 *
 * @typedef {"visibilitychange" | "online" | "offline" | "storage" | "pagehide" | "pageshow" | "beforeunload"} PageEvent
 *
 * @typedef {object} Environment
 * @property {Clock} clock
 * @property {Store | null} local for all tabs; `null` keeps nothing
 * @property {Store | null} session for this tab and its reloads
 * @property {PageLike} page
 * @property {boolean} hasWebsockets
 * @property {string} base the address that `url` is relative to
 * @property {(bytes: number) => string} random hexadecimal digits that nobody can guess
 */

/**
 * The page's own.
 * @returns {Environment}
 */
export function browserEnvironment() {
  return {
    clock: systemClock(),
    local: storeOf("localStorage"),
    session: storeOf("sessionStorage"),
    page: {
      isHidden: () => document.hidden,
      hasFocus: () => document.hasFocus(),
      isOnline: () => navigator.onLine,
      listen(event, handler) {
        const target = event === "visibilitychange" ? document : window;
        const ours = event === "storage" ? (/** @type {any} */ change) => handler(named(change)) : handler;
        target.addEventListener(event, ours);
        return () => target.removeEventListener(event, ours);
      },
      beacon: (url, body) => void navigator.sendBeacon(url, body),
    },
    hasWebsockets: "WebSocket" in window,
    base: document.baseURI,
    random,
  };
}

/**
 * A program without a page: it is always online, nobody sees it, and nothing is kept unless `local` is given.
 * @param {Partial<Environment>} [given]
 * @returns {Environment}
 */
export function headlessEnvironment(given = {}) {
  return {
    clock: systemClock(),
    local: null,
    session: null,
    page: { isHidden: () => true, isOnline: () => true, listen: () => () => {}, beacon: () => {} },
    hasWebsockets: true,
    base: "http://localhost/",
    random,
    ...given,
  };
}

/** @returns {Clock} */
function systemClock() {
  return {
    now: () => Date.now(),
    setTimeout: (act, ms) => setTimeout(act, ms),
    clearTimeout: (timer) => clearTimeout(timer),
  };
}

/**
 * @param {"localStorage" | "sessionStorage"} area
 * @returns {Store | null}
 */
function storeOf(area) {
  try {
    const storage = window[area];
    return {
      getItem: (name) => storage.getItem(name),
      setItem: (name, value) => storage.setItem(name, value),
      removeItem: (name) => storage.removeItem(name),
      names: () => Object.keys(storage),
    };
  } catch {
    return null; // Forbidden.
  }
}

/** Only what is for all tabs tells other tabs. @param {StorageEvent} event */
function named({ key, newValue, oldValue, storageArea }) {
  return storageArea === window.localStorage ? { key, newValue, oldValue } : { key: null };
}

/** @param {number} bytes */
function random(bytes) {
  const values = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(values, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

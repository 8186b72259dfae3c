// Files that are to be sent, kept over a reload of the tab: which ones in its session, and their bytes in the browser's
// database.

const STORE = "files";

export class KeptFiles {
  #name;
  #database;

  /** `name` is that of the entry in the session. */
  constructor(name) {
    this.#name = name;
  }

  /** What was kept: { key, ... } with the file, unless the browser has dropped it. */
  async all() {
    const kept = JSON.parse(sessionStorage.getItem(this.#name) ?? "[]");
    const found = await Promise.all(kept.map(async (entry) => ({ ...entry, file: await this.#do("readonly", (store) => store.get(entry.key)) })));
    return found.filter(({ file }) => file instanceof File);
  }

  /** Keeps a file by its key. */
  put(key, file) {
    return this.#do("readwrite", (store) => store.put(file, key));
  }

  remove(key) {
    return this.#do("readwrite", (store) => store.delete(key));
  }

  /** Notes which there are. */
  note(entries) {
    if (entries.length === 0) sessionStorage.removeItem(this.#name);
    else sessionStorage.setItem(this.#name, JSON.stringify(entries));
  }

  // Without the database, as in some private windows, nothing is kept.
  async #do(mode, act) {
    try {
      this.#database ??= await answer(openDatabase());
      return await answer(act(this.#database.transaction(STORE, mode).objectStore(STORE)));
    } catch {
      return undefined;
    }
  }
}

function openDatabase() {
  const opening = indexedDB.open("chat-uploads", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return opening;
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

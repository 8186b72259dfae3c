// What a browser remembers, as JSON under names that begin with "chat.", or with the path of the page too when that is
// not "/": several chats may share a host. Where storage is forbidden or full, the page works and forgets.

const FOLDER = new URL(".", document.baseURI).pathname;
const PREFIX = FOLDER === "/" ? "chat." : `chat${FOLDER}.`;

export class Memory {
  #storage;

  // `area`: "localStorage", for all tabs, or "sessionStorage", for this one and its reloads.
  constructor(area) {
    try {
      this.#storage = window[area];
    } catch {
      this.#storage = null;
    }
  }

  get(name, otherwise) {
    return parsed(this.#read(name)) ?? otherwise;
  }

  // Says whether it will be remembered.
  set(name, value) {
    try {
      this.#storage.setItem(PREFIX + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }

  remove(name) {
    try {
      this.#storage.removeItem(PREFIX + name);
    } catch {
      // As if it were forgotten.
    }
  }

  // All values whose names begin so.
  below(beginning) {
    const names = Object.keys(this.#storage ?? {}).filter((name) => name.startsWith(PREFIX + beginning));
    return names.map((name) => this.get(name.slice(PREFIX.length))).filter((value) => value !== undefined);
  }

  // Calls back with the new and the old value when another tab has changed it.
  onChange(name, callback) {
    addEventListener("storage", ({ storageArea, key, newValue, oldValue }) => {
      const isThis = storageArea === this.#storage && key === PREFIX + name;
      if (isThis) callback(parsed(newValue), parsed(oldValue));
    });
  }

  // Calls back when another tab has changed a value whose name begins so, with the rest of the name and the new value.
  onChangeBelow(beginning, callback) {
    const start = PREFIX + beginning;
    addEventListener("storage", ({ storageArea, key, newValue }) => {
      const isBelow = storageArea === this.#storage && key?.startsWith(start);
      if (isBelow) callback(key.slice(start.length), parsed(newValue));
    });
  }

  #read(name) {
    try {
      return this.#storage.getItem(PREFIX + name);
    } catch {
      return null;
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Damaged by something else: as if there were none.
  }
}

// What is remembered, as JSON under names that begin with "chat.", or with the path of the chat too when that is not "/":
// several chats may share a host. Where storage is forbidden or full, everything works and is forgotten.

/** @typedef {import("./environment.js").Store} Store */
/** @typedef {import("./environment.js").PageLike} PageLike */
/** @typedef {import("./scope.js").Scope} Scope */

export class Memory {
  #store;
  #prefix;

  /**
   * @param {Store | null} store
   * @param {string} prefix
   */
  constructor(store, prefix) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /**
   * The prefix for a chat, as seen from the page that uses it.
   * @param {URL} chat
   * @param {string} base
   */
  static prefix({ origin, pathname }, base) {
    const host = origin === new URL(base).origin ? "" : origin;
    return host === "" && pathname === "/" ? "chat." : `chat${host}${pathname}.`;
  }

  /**
   * @param {string} name
   * @param {any} otherwise
   */
  get(name, otherwise) {
    return parsed(this.#read(name)) ?? otherwise;
  }

  /**
   * Says whether it will be remembered.
   * @param {string} name
   * @param {unknown} value
   */
  set(name, value) {
    try {
      this.#store?.setItem(this.#prefix + name, JSON.stringify(value));
      return this.#store !== null;
    } catch {
      return false;
    }
  }

  /** @param {string} name */
  remove(name) {
    try {
      this.#store?.removeItem(this.#prefix + name);
    } catch {
      // As if it were forgotten.
    }
  }

  /**
   * Removes everything but what has these names.
   * @param {readonly string[]} kept
   */
  wipe(kept) {
    for (const name of this.#names()) {
      const ours = name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : null;
      if (ours !== null && !kept.includes(ours)) this.remove(ours);
    }
  }

  /**
   * All values whose names begin so.
   * @param {string} beginning
   * @returns {any[]}
   */
  below(beginning) {
    const names = this.#names().filter((name) => name.startsWith(this.#prefix + beginning));
    return names.map((name) => this.get(name.slice(this.#prefix.length), undefined)).filter((value) => value !== undefined);
  }

  /**
   * Calls back with the new and the old value when another tab has changed it.
   * @param {Listening} listening
   * @param {string} name
   * @param {(now: any, before: any) => void} callback
   */
  onChange(listening, name, callback) {
    this.#listen(listening, ({ key, newValue, oldValue }) => {
      if (key === this.#prefix + name) callback(parsed(newValue), parsed(oldValue));
    });
  }

  /**
   * Calls back when another tab has changed a value whose name begins so, with the rest of the name and the new value.
   * @param {Listening} listening
   * @param {string} beginning
   * @param {(rest: string, now: any) => void} callback
   */
  onChangeBelow(listening, beginning, callback) {
    const start = this.#prefix + beginning;
    this.#listen(listening, ({ key, newValue }) => {
      if (key?.startsWith(start)) callback(key.slice(start.length), parsed(newValue));
    });
  }

  /**
   * @param {Listening} listening
   * @param {(event: { key: string | null, newValue: string | null, oldValue: string | null }) => void} handler
   */
  #listen({ scope, page }, handler) {
    scope.onEnd(page.listen("storage", handler));
  }

  #names() {
    try {
      return this.#store?.names() ?? [];
    } catch {
      return [];
    }
  }

  /** @param {string} name */
  #read(name) {
    try {
      return this.#store?.getItem(this.#prefix + name) ?? null;
    } catch {
      return null;
    }
  }
}

/** @typedef {{ scope: Scope, page: PageLike }} Listening */

/** @param {string | null} text */
function parsed(text) {
  try {
    return JSON.parse(/** @type {string} */ (text));
  } catch {
    return null; // Damaged by something else: as if there were none.
  }
}

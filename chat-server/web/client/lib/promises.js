// Promises by key, which are settled later.

/** @typedef {import("./entry.js").Stored} Stored */

export class Promises {
  /** @type {Map<string, { made: Promise<Stored>, resolve: (stored: Stored) => void, reject: (error: Error) => void }>} */
  #settlers = new Map();

  /**
   * The promise of this key, which is made if there is none.
   * @param {string} key
   * @returns {Promise<Stored>}
   */
  make(key) {
    const known = this.#settlers.get(key);
    if (known) return known.made;
    let [resolve, reject] = [(/** @type {Stored} */ _) => {}, (/** @type {Error} */ _) => {}];
    /** @type {Promise<Stored>} */
    const made = new Promise((...settle) => ([resolve, reject] = settle));
    this.#settlers.set(key, { made, resolve, reject });
    // Whoever does not wait for it sees it fail in the snapshot.
    made.catch(() => {});
    return made;
  }

  /**
   * @param {string} key
   * @param {number} offset
   */
  resolve(key, offset) {
    this.#settlers.get(key)?.resolve({ offset });
    this.#settlers.delete(key);
  }

  /**
   * @param {string} key
   * @param {Error} error
   */
  reject(key, error) {
    this.#settlers.get(key)?.reject(error);
    this.#settlers.delete(key);
  }

  /** @param {Error} error */
  rejectAll(error) {
    for (const key of [...this.#settlers.keys()]) this.reject(key, error);
  }
}

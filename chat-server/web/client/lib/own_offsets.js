// The offsets of the user's own messages. A user without a name is somebody else for the server after a reload, and its
// messages are recognised by them.

const NAME = "own-offsets";

// How many are remembered.
const MAX = 2_000;

export class OwnOffsets {
  #tab;
  /** @type {Set<number>} */
  #offsets;

  /** @param {import("./memory.js").Memory} tab */
  constructor(tab) {
    this.#tab = tab;
    this.#offsets = new Set(tab.get(NAME, []));
  }

  /** @param {number} offset */
  has(offset) {
    return this.#offsets.has(offset);
  }

  /** @param {number} offset */
  add(offset) {
    if (this.has(offset)) return;
    this.#offsets.add(offset);
    const [first] = this.#offsets;
    if (this.#offsets.size > MAX) this.#offsets.delete(first);
    this.#tab.set(NAME, [...this.#offsets]);
  }

  /** The log has begun anew: no offset means anything. */
  forget() {
    this.#offsets.clear();
    this.#tab.set(NAME, []);
  }
}

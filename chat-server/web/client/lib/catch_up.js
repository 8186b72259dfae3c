// Counts, after a connection was lost and is back, how many messages had been missed.

/** @typedef {import("./scope.js").Scope} Scope */

// When nothing has come for so long, all of it has.
const QUIET_MS = 400;

export class CatchUp {
  #scope;
  /** @type {number[] | null} */
  #offsets = null;
  #tail = Infinity;
  #cancel = () => {};
  /** @type {(count: number) => void} */
  #done = () => {};

  /** @param {Scope} scope */
  constructor(scope) {
    this.#scope = scope;
  }

  /** Whether it still counts. */
  get isGoing() {
    return this.#offsets !== null;
  }

  /**
   * Calls `done` with the number of messages. `tail` resolves with the end of the log at the moment of the reconnect:
   * what comes after it was not missed.
   * @param {Promise<number | undefined>} tail
   * @param {(count: number) => void} done
   */
  begin(tail, done) {
    this.#offsets = [];
    this.#tail = Infinity;
    this.#done = done;
    tail.then((offset = Infinity) => {
      // Counted already, as nothing came for so long; or begun anew.
      if (this.#offsets === null || this.#done !== done || this.#scope.hasEnded) return;
      this.#tail = offset;
      this.#look();
    });
  }

  /**
   * A message of somebody else has arrived.
   * @param {number} offset
   */
  note(offset) {
    if (this.#offsets === null) return;
    this.#offsets.push(offset);
    this.#look();
  }

  #look() {
    this.#cancel();
    const last = this.#offsets?.at(-1);
    if (last !== undefined && last >= this.#tail) this.#end();
    else this.#cancel = this.#scope.after(QUIET_MS, () => this.#end());
  }

  #end() {
    if (this.#offsets === null) return;
    const count = this.#offsets.filter((offset) => offset <= this.#tail).length;
    this.#offsets = null;
    this.#done(count);
  }
}

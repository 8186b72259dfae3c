// Timers and listeners with an end: what a scope has begun, `end` takes away.

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since 1970
 * @property {(act: () => void, ms: number) => unknown} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

// The longest time that a timer can wait for, in milliseconds.
const LONGEST = 2 ** 31 - 1;

export class Scope {
  #clock;
  #ended = false;
  /** @type {Set<() => void>} */
  #ends = new Set();

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  get hasEnded() {
    return this.#ended;
  }

  now() {
    return this.#clock.now();
  }

  /**
   * Acts once, after so many milliseconds. Calling the result prevents it.
   * @param {number} ms
   * @param {() => void} act
   */
  after(ms, act) {
    const forget = this.onEnd(() => this.#clock.clearTimeout(timer));
    const timer = this.#clock.setTimeout(() => {
      forget();
      act();
    }, Math.min(ms, LONGEST));
    return () => {
      forget();
      this.#clock.clearTimeout(timer);
    };
  }

  /**
   * Acts again and again, with so many milliseconds between.
   * @param {number} ms
   * @param {() => void} act
   */
  every(ms, act) {
    this.after(ms, () => {
      act();
      if (!this.#ended) this.every(ms, act);
    });
  }

  /**
   * Calls `end` when the scope ends, unless the result is called before.
   * @param {() => void} end
   */
  onEnd(end) {
    this.#ends.add(end);
    return () => void this.#ends.delete(end);
  }

  end() {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
  }
}

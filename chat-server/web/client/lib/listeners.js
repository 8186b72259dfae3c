// Who is told what happens.

/**
 * Lists of functions by event.
 */
export class Listeners {
  /** @type {Map<string, Set<(...args: any[]) => void>>} */
  #byEvent = new Map();

  /**
   * Calling the result takes the listener away.
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   */
  add(event, listener) {
    const listeners = this.#byEvent.get(event) ?? new Set();
    this.#byEvent.set(event, listeners);
    // Of its own, so that one that is added twice is there twice.
    const ours = (/** @type {any[]} */ ...args) => listener(...args);
    listeners.add(ours);
    return () => void listeners.delete(ours);
  }

  /**
   * @param {string} event
   * @param {...any} args
   */
  tell(event, ...args) {
    for (const listener of this.#byEvent.get(event) ?? []) listener(...args);
  }

  clear() {
    this.#byEvent.clear();
  }
}

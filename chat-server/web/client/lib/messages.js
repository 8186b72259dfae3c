// Messages in the order of the log, each once, however they arrive: live, again, or as a page of history.

/** @typedef {import("./types.js").Message} Message */

/**
 * The index of the first message at `offset` or after it.
 * @param {readonly Message[]} messages
 * @param {number} offset
 */
export function indexAt(messages, offset) {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle].offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Messages {
  /**
   * Ascending by offset, with no message missing between two of them.
   * @type {Message[]}
   */
  #list = [];
  /** @type {readonly Message[] | null} */
  #snapshot = null;

  get length() {
    return this.#list.length;
  }

  get oldest() {
    return this.#list[0]?.offset ?? null;
  }

  get newest() {
    return this.#list.at(-1)?.offset ?? null;
  }

  /** As they are now; the same list until something changes. */
  snapshot() {
    return (this.#snapshot ??= Object.freeze([...this.#list]));
  }

  /**
   * Says whether it was new.
   * @param {Message} message
   */
  add(message) {
    const index = this.newest === null || message.offset > this.newest
      ? this.#list.length
      : indexAt(this.#list, message.offset);
    if (this.#list[index]?.offset === message.offset) return false;
    this.#list.splice(index, 0, Object.freeze(message));
    this.#snapshot = null;
    return true;
  }

  /**
   * Adds a message, or replaces what is known of it.
   * @param {Message} message
   */
  put(message) {
    if (!this.add(message)) this.#replace(indexAt(this.#list, message.offset), message);
  }

  /**
   * Changes a message, if it is here, by what `changed` returns of it.
   * @param {number} offset
   * @param {(message: Message) => Partial<Message>} changed
   */
  change(offset, changed) {
    const index = indexAt(this.#list, offset);
    const message = this.#list[index];
    if (message?.offset === offset) this.#replace(index, { ...message, ...changed(message) });
  }

  /**
   * A page of history, oldest first.
   * @param {Message[]} page
   */
  addPage(page) {
    const { oldest } = this;
    const earlier = page.filter(({ offset }) => oldest === null || offset < oldest);
    const others = page.slice(earlier.length);
    this.#list = earlier.map((message) => Object.freeze(message)).concat(this.#list);
    this.#snapshot = null;
    for (const message of others) this.add(message);
  }

  /**
   * The newest page, in place of what was kept up to an offset: only what has come since stays. The server says keys to
   * those it knows as their authors only, and others may be known here.
   * @param {Message[]} page
   * @param {number} upto
   */
  replace(page, upto) {
    const end = Math.max(upto, page.at(-1)?.offset ?? 0);
    const newer = this.#list.filter(({ offset }) => offset > end);
    const keys = new Map(this.#list.map(({ offset, key }) => [offset, key]));
    const known = (/** @type {Message} */ message) => ({ ...message, key: message.key ?? keys.get(message.offset) ?? null });
    this.#list = page.map((message) => Object.freeze(known(message))).concat(newer);
    this.#snapshot = null;
  }

  /**
   * Those of others that come after this offset; undefined if not all of them are here.
   * @param {number} offset
   */
  othersAfter(offset) {
    if (this.oldest === null || this.oldest > offset + 1) return undefined;
    return this.#list.slice(indexAt(this.#list, offset + 1)).filter(({ own }) => !own);
  }

  /**
   * The message at this offset, if it is here.
   * @param {number} offset
   */
  at(offset) {
    const message = this.#list[indexAt(this.#list, offset)];
    return message?.offset === offset ? message : undefined;
  }

  /**
   * The offset of the message before this offset; just before it if that one is not here.
   * @param {number} offset
   */
  before(offset) {
    return this.#list[indexAt(this.#list, offset) - 1]?.offset ?? offset - 1;
  }

  /**
   * Forgets the oldest but `count`; says whether there were any.
   * @param {number} count
   */
  keepNewest(count) {
    this.#snapshot = null;
    return this.#list.splice(0, Math.max(0, this.#list.length - count)).length > 0;
  }

  /**
   * Forgets those before an offset.
   * @param {number} offset
   */
  keepFrom(offset) {
    this.#snapshot = null;
    this.#list.splice(0, indexAt(this.#list, offset));
  }

  /**
   * @param {number} index
   * @param {Message} message
   */
  #replace(index, message) {
    this.#list[index] = Object.freeze(message);
    this.#snapshot = null;
  }
}

// Messages in the order of the log, each once, however they arrive: live, again, or as a page of history.

export class Messages {
  // Ascending by offset, with no message missing between two of them.
  #list = [];

  get length() {
    return this.#list.length;
  }

  get oldest() {
    return this.#list[0]?.offset ?? null;
  }

  get newest() {
    return this.#list.at(-1)?.offset ?? null;
  }

  at(index) {
    return this.#list[index];
  }

  slice(start, end) {
    return this.#list.slice(start, end);
  }

  // The last message for which this holds; undefined if there is none.
  last(holds) {
    return this.#list.findLast(holds);
  }

  // The index of the first message at `offset` or after it.
  indexOf(offset) {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#list[middle].offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Says whether it was new.
  add(message) {
    if (this.newest === null || message.offset > this.newest) {
      this.#list.push(message);
      return true;
    }
    const index = this.indexOf(message.offset);
    if (this.#list[index].offset === message.offset) return false;
    this.#list.splice(index, 0, message);
    return true;
  }

  // Adds a message, or replaces what is known of it.
  put(message) {
    if (!this.add(message)) this.#list[this.indexOf(message.offset)] = message;
  }

  // Changes a message, if it is here: what `changed` returns of it replaces it. Rows are drawn from new objects only.
  change(offset, changed) {
    const index = this.indexOf(offset);
    const message = this.#list[index];
    if (message?.offset === offset) this.#list[index] = { ...message, ...changed(message) };
  }

  // A page of history, oldest first.
  addPage(page) {
    const earlier = page.filter(({ offset }) => this.oldest === null || offset < this.oldest);
    const others = page.slice(earlier.length);
    this.#list = earlier.concat(this.#list);
    for (const message of others) this.add(message);
  }

  // Forgets the oldest but `count`; says whether there were any.
  keepNewest(count) {
    return this.#list.splice(0, Math.max(0, this.#list.length - count)).length > 0;
  }
}

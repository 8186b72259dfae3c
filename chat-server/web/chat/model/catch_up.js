// Counts, after a connection was lost and is back, how many messages had been missed.

// When nothing has come for so long, all of it has.
const QUIET_MS = 400;

export class CatchUp {
  #offsets = null;
  #tail = Infinity;
  #timer = null;
  #done = () => {};

  // `tail` resolves with the end of the log at the moment of the reconnect: what comes after it was not
  // missed. Resolves with the number of messages.
  begin(tail) {
    this.#offsets = [];
    this.#tail = Infinity;
    const counted = new Promise((resolve) => (this.#done = resolve));
    const end = this.#done;
    tail.then((offset = Infinity) => {
      // Counted already, as nothing came for so long; or begun anew.
      if (this.#offsets === null || this.#done !== end) return;
      this.#tail = offset;
      this.#look();
    });
    return counted;
  }

  // A message of somebody else has arrived.
  note(offset) {
    if (this.#offsets === null) return;
    this.#offsets.push(offset);
    this.#look();
  }

  #look() {
    clearTimeout(this.#timer);
    if (this.#offsets.at(-1) >= this.#tail) this.#end();
    else this.#timer = setTimeout(() => this.#end(), QUIET_MS);
  }

  #end() {
    if (this.#offsets === null) return;
    const count = this.#offsets.filter((offset) => offset <= this.#tail).length;
    this.#offsets = null;
    this.#done(count);
  }
}

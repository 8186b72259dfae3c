// The newest messages from the server, bounded. A position counts all messages since the beginning,
// also those that are no longer held.

const MAX_MESSAGES = 20_000;
const MAX_CHARACTERS = 16_000_000;

export class History {
  #messages = [];
  #characters = 0;
  #dropped = 0;

  // The position of the oldest message that is held.
  get start() {
    return this.#dropped;
  }

  // The position after the newest message.
  get end() {
    return this.#dropped + this.#messages.length;
  }

  // `undefined` where none is held.
  at(position) {
    return this.#messages[position - this.#dropped];
  }

  add(message) {
    this.#messages.push(message);
    this.#characters += message.content.length;
    if (this.#messages.length > MAX_MESSAGES || this.#characters > MAX_CHARACTERS) {
      // A tenth at once: to drop one at each arrival would move the whole array each time.
      this.#drop(Math.ceil(this.#messages.length / 10));
    }
  }

  // Forgets all; positions begin again at 0.
  clear() {
    this.#messages = [];
    this.#characters = 0;
    this.#dropped = 0;
  }

  #drop(count) {
    for (const { content } of this.#messages.splice(0, count)) this.#characters -= content.length;
    this.#dropped += count;
  }
}

// Which messages of a conversation are elements: a part of bounded size that follows the newest message, or
// stays where the reader reads back. Its ends are offsets, which mean the same when others are added.

import { indexAt } from "../../client/index.js";

// How many there are while the reader follows, and while reading back.
const FOLLOWING = 200;
const READING = 600;
// How many are added when the reader comes to an end.
const STEP = 100;

export class Window {
  following = true;
  // The first message that is shown, and the last; null: up to the newest.
  #from = 0;
  #to = null;

  get reachesEnd() {
    return this.#to === null;
  }

  follow() {
    this.following = true;
    this.#to = null;
  }

  // The indexes of the messages to show: from the first, before the second.
  range(messages) {
    const { length } = messages;
    if (this.following) {
      const start = Math.max(0, length - FOLLOWING);
      this.#from = messages[start]?.offset ?? 0;
      return [start, length];
    }
    const start = indexAt(messages, this.#from);
    const end = this.#end(messages);
    if (end - start <= READING) return [start, end];
    this.#to = messages[start + READING - 1].offset;
    return [start, start + READING];
  }

  // Shows a message with some before and after it.
  goTo(messages, offset) {
    const index = indexAt(messages, offset);
    const end = Math.min(messages.length, index + STEP);
    this.following = false;
    this.#from = messages[Math.max(0, index - STEP)]?.offset ?? 0;
    this.#to = end === messages.length ? null : messages[end - 1].offset;
  }

  // Begins a little before the message at an offset, up to the newest as far as there is room.
  begin(messages, offset) {
    this.#from = messages[Math.max(0, indexAt(messages, offset) - STEP)]?.offset ?? 0;
    this.#to = null;
  }

  // Shows some before the first; says whether there are any.
  extendBack(messages) {
    const start = indexAt(messages, this.#from);
    if (start === 0) return false;
    this.#from = messages[Math.max(0, start - STEP)].offset;
    return true;
  }

  // Shows some after the last.
  extendForward(messages) {
    const end = Math.min(messages.length, this.#end(messages) + STEP);
    this.#to = end === messages.length ? null : messages[end - 1].offset;
    const start = Math.max(indexAt(messages, this.#from), end - READING);
    this.#from = messages[start]?.offset ?? 0;
  }

  #end(messages) {
    return this.#to === null ? messages.length : indexAt(messages, this.#to + 1);
  }
}

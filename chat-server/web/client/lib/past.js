// A part of what was said before, around the place that the user has gone to. It ends where the newest messages of the
// conversation begin.

import { Messages } from "./messages.js";

/** @typedef {import("./types.js").Page & { first: number | undefined, last: number | undefined }} Page */

export class Past {
  messages = new Messages();
  // Whether the server has messages before the first, and after the last.
  more;
  moreAfter;

  // Where it begins and ends in the log, be it with a message or with an event.
  first;
  last;

  /** @type {import("./types.js").PastSnapshot | null} */
  #snapshot = null;

  /** @param {Page} page */
  constructor({ messages, more, moreAfter, first, last }) {
    this.messages.addPage([...messages]);
    this.more = more;
    this.moreAfter = moreAfter;
    this.first = first;
    this.last = last;
  }

  /** @param {Page} page */
  addEarlier({ messages, more, first = this.first }) {
    this.messages.addPage([...messages]);
    this.more = more;
    this.first = first;
  }

  /** @param {Page} page */
  addLater({ messages, moreAfter, last = this.last }) {
    for (const message of messages) this.messages.add(message);
    this.moreAfter = moreAfter;
    this.last = last;
  }

  /** As it is now; the same object as before if nothing has changed. */
  snapshot() {
    const { more, moreAfter } = this;
    const messages = this.messages.snapshot();
    const before = this.#snapshot;
    const isSame = before?.messages === messages && before.more === more && before.moreAfter === moreAfter;
    return isSame ? before : (this.#snapshot = Object.freeze({ messages, more, moreAfter }));
  }
}

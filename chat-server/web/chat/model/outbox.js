// What the reader has written and the server has not confirmed yet.
//
// It is kept in the tab's storage, so that a reload loses none: it is then sent again with the same key, and
// the server stores each message once.

import { newKey } from "./key.js";
import { explained } from "./refusals.js";

// How many of the stored messages are recognised as one's own after a reload: a reader without a name is somebody else
// for the server then.
const MAX_OWN = 2_000;

// For how long a message waits by itself when the server has refused it for a while, in milliseconds.
const LONGEST_WAIT = 30_000;

export class Outbox {
  // Called after every change.
  onChange = () => {};
  // Called with an entry that is stored, and its offset.
  onStored = () => {};

  #memory;
  #send;
  // By key, in the order of writing: { key, to: { kind, name }, content, at, state, reason,
  // forNow }. The state is "pending" or "failed"; forNow when it failed for a while only.
  #entries = new Map();
  // The offsets of the reader's own messages.
  #own;
  #saved = true;
  #sending = false;

  constructor(memory) {
    this.#memory = memory;
    this.#own = new Set(memory.get("own-offsets", []));
    for (const entry of memory.get("outbox", [])) this.#entries.set(entry.key, entry);
    addEventListener("beforeunload", (event) => {
      if (this.#entries.size > 0 && !this.#saved) event.preventDefault();
    });
  }

  // What waits for this conversation.
  entries({ kind, name }) {
    return [...this.#entries.values()].filter(({ to }) => to.kind === kind && to.name === name);
  }

  isOwn(offset) {
    return this.#own.has(offset);
  }

  // The log has begun anew: no offset means anything.
  forgetOwn() {
    this.#own.clear();
    this.#memory.set("own-offsets", []);
  }

  // Sends what was left by the page before a reload, and from now on what is added. `send` takes an entry
  // and resolves with the server's answer, or with nothing when there was none.
  start(send) {
    this.#send = send;
    this.#pump();
  }

  add({ kind, name }, content) {
    const entry = { key: newKey(), to: { kind, name }, content, at: Date.now(), state: "pending" };
    this.#entries.set(entry.key, entry);
    this.#changed();
    this.#pump();
  }

  // Sends a failed message as a new one: a key that was refused stays refused. One that was refused for a while only
  // keeps its key.
  retry(key) {
    const entry = this.#entries.get(key);
    if (entry.forNow) {
      entry.state = "pending";
      this.#changed();
      this.#pump();
      return;
    }
    this.#entries.delete(key);
    this.add(entry.to, entry.content);
  }

  discard(key) {
    if (this.#entries.delete(key)) this.#changed();
  }

  // The reader's message with this key has come back from the log, at this offset.
  arrived(key, offset) {
    this.#remember(offset);
    this.discard(key);
  }

  // One after the other: messages are stored in the order in which they were written.
  async #pump() {
    if (this.#sending || !this.#send) return;
    this.#sending = true;
    for (let entry; (entry = this.#next()); ) await this.#answered(entry, await this.#send(entry));
    this.#sending = false;
  }

  #next() {
    return [...this.#entries.values()].find(({ state }) => state === "pending");
  }

  async #answered(entry, answer) {
    // Without an answer it is sent again. It may have come back meanwhile, or been thrown away.
    if (!answer || this.#entries.get(entry.key) !== entry) return;
    if (answer.error?.retryAfter <= LONGEST_WAIT) {
      // The others wait behind it, and would be told the same.
      await new Promise((resolve) => setTimeout(resolve, answer.error.retryAfter));
      return;
    }
    if (answer.error) {
      entry.state = "failed";
      entry.forNow = answer.error.retryAfter !== undefined;
      entry.reason = explained(answer.error);
    } else {
      this.#entries.delete(entry.key);
      this.#remember(answer.offset);
      this.onStored(entry, answer);
    }
    this.#changed();
  }

  #remember(offset) {
    if (this.#own.has(offset)) return;
    this.#own.add(offset);
    if (this.#own.size > MAX_OWN) this.#own.delete(this.#own.values().next().value);
    this.#memory.set("own-offsets", [...this.#own]);
  }

  #changed() {
    this.#saved = this.#memory.set("outbox", [...this.#entries.values()]);
    this.onChange();
  }
}

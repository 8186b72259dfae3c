// The messages that were written here and have not come back from the server yet.
//
// They are kept in the tab's storage, so that a reload loses none: they are then sent again with the
// same key, and the server stores each once.

import { newKey } from "./key.js";

const ENTRIES = "chat.outbox";
const OWN_KEYS = "chat.own";

// How many of the sent messages are recognised as one's own after a reload.
const MAX_OWN_KEYS = 2_000;

export class Outbox {
  // Called after every change.
  onChange = () => {};

  #storage;
  #send;
  // Key to { key, content, at, state, reason }, in the order of writing. The state is "pending",
  // "sent" (stored by the server, but not back yet) or "failed".
  #entries = new Map();
  #ownKeys;
  #saved = true;
  // The newest offset that has come back.
  #newest = 0;

  constructor(storage) {
    this.#storage = storage;
    this.#ownKeys = new Set(this.#load(OWN_KEYS));
    for (const entry of this.#load(ENTRIES)) this.#entries.set(entry.key, entry);
    addEventListener("beforeunload", (event) => {
      if (this.#entries.size > 0 && !this.#saved) event.preventDefault();
    });
  }

  entries() {
    return this.#entries.values();
  }

  isOwn(key) {
    return this.#ownKeys.has(key);
  }

  // Sends what was left by the page before a reload, and from now on what is added. `send` takes a
  // content and a key and resolves with the server's answer.
  start(send) {
    this.#send = send;
    for (const entry of this.#entries.values()) if (entry.state === "pending") this.#dispatch(entry);
    this.onChange();
  }

  add(content) {
    const entry = { key: newKey(), content, at: Date.now(), state: "pending" };
    this.#entries.set(entry.key, entry);
    this.#remember(entry.key);
    this.#dispatch(entry);
    this.#changed();
  }

  // Sends a failed message as a new one: a key that was refused stays refused.
  retry(key) {
    const { content } = this.#entries.get(key);
    this.#entries.delete(key);
    this.add(content);
  }

  discard(key) {
    this.#entries.delete(key);
    this.#changed();
  }

  // The message at this offset of the log has arrived; it may be one of these.
  arrived(key, offset) {
    this.#newest = offset;
    if (this.#entries.delete(key)) this.#changed();
  }

  async #dispatch(entry) {
    const answer = await this.#send(entry.content, entry.key);
    if (!this.#entries.has(entry.key)) return;
    if (answer?.error) {
      entry.state = "failed";
      entry.reason = answer.error.message;
    } else if (answer?.offset <= this.#newest) {
      this.#entries.delete(entry.key);
    } else {
      entry.state = "sent";
    }
    this.#changed();
  }

  #remember(key) {
    this.#ownKeys.add(key);
    if (this.#ownKeys.size > MAX_OWN_KEYS) this.#ownKeys.delete(this.#ownKeys.values().next().value);
    this.#save(OWN_KEYS, [...this.#ownKeys]);
  }

  #changed() {
    this.#saved = this.#save(ENTRIES, [...this.#entries.values()].filter(({ state }) => state !== "sent"));
    this.onChange();
  }

  #load(name) {
    try {
      return JSON.parse(this.#storage?.getItem(name)) ?? [];
    } catch {
      return []; // Damaged by something else: start without.
    }
  }

  #save(name, value) {
    try {
      this.#storage.setItem(name, JSON.stringify(value));
      return true;
    } catch {
      return false; // Full or forbidden: the messages are safe until the page is left.
    }
  }
}

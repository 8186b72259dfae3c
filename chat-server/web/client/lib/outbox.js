// What the user has written and the server has not confirmed yet.
//
// It is kept in the storage, so that neither a reload nor a closed tab loses any: the next page sends it again with the
// same key, and the server stores each message once. So no tab has to know which others are open: a page takes all that
// is there when it is loaded, or when another is left, and what has been there for long, whose page has crashed: it does no
// harm when several send the same.

import { asWaiting } from "./entry.js";
import { OwnOffsets } from "./own_offsets.js";
import { Promises } from "./promises.js";
import { NoAnswer, Refusal } from "./refusal.js";

/** @typedef {import("./entry.js").Address} Address */
/** @typedef {import("./entry.js").Entry} Entry */
/** @typedef {import("./entry.js").Stored} Stored */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Listening} Listening */
/** @typedef {import("./types.js").Waiting} Waiting */

// For how long a message waits by itself when the server has refused it for a while, in milliseconds.
const LONGEST_WAIT = 30_000;

// What another page has not sent for so long may have no page any more.
const ABANDONED_MS = 30_000;

// Each message has a name of its own in the storage, so that no tab overwrites what another one writes. The value is
// the message, or for a moment { offset } when it is stored, so that other tabs which wait with it know.
const SAVED = "outbox.";
// Changes when a page is left that has messages waiting.
const LEFT = "outbox-left";

/** @type {readonly Waiting[]} */
const NOTHING = Object.freeze([]);

export class Outbox {
  /** Called after every change. */
  onChange = () => {};
  /**
   * Called with an entry that is stored, and where.
   * @type {(entry: Entry, stored: Stored) => void}
   */
  onStored = () => {};

  #scope;
  #page;
  #memory;
  #newKey;
  /** @type {((entry: Entry) => Promise<any>) | null} */
  #send = null;
  /**
   * By key, in the order of writing.
   * @type {Map<string, Entry>}
   */
  #entries = new Map();
  /** The keys of those that the storage does not remember. */
  #unsaved = new Set();
  #own;
  /** Who waits for an answer to an entry. */
  #promises = new Promises();
  /** @type {Map<string, readonly Waiting[]>} */
  #snapshots = new Map();
  /** @type {(() => void) | null} */
  #doNotAsk = null;
  #sending = false;

  /**
   * @param {Listening} listening
   * @param {Memory} memory
   * @param {Memory} tab
   * @param {() => string} newKey
   */
  constructor(listening, memory, tab, newKey) {
    this.#scope = listening.scope;
    this.#page = listening.page;
    this.#memory = memory;
    this.#newKey = newKey;
    this.#own = new OwnOffsets(tab);
    this.#take();
    memory.onChangeBelow(listening, SAVED, (key, now) => this.#otherTab(this.#entries.get(key), now));
    memory.onChange(listening, LEFT, () => {
      this.#take();
      this.#sendAll();
    });
    this.#scope.onEnd(this.#page.listen("pagehide", () => this.#next() && memory.set(LEFT, newKey())));
    this.#scope.onEnd(() => this.#end());
  }

  /**
   * What waits for this conversation; the same list until something changes.
   * @param {Address & { id: string }} conversation
   */
  waiting({ id, kind, name }) {
    if (this.#entries.size === 0) return NOTHING;
    let snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) {
      const entries = this.#all.filter(({ to }) => to.kind === kind && to.name === name);
      snapshot = entries.length === 0 ? NOTHING : Object.freeze(entries.map(asWaiting));
      this.#snapshots.set(id, snapshot);
    }
    return snapshot;
  }

  /** @param {string} key */
  has(key) {
    return this.#entries.has(key);
  }

  /** @param {number} offset */
  isOwn(offset) {
    return this.#own.has(offset);
  }

  /** The log has begun anew: no offset means anything. */
  forgetOwn() {
    this.#own.forget();
  }

  /**
   * Sends what was left by the page before, and from now on what is added. `send` takes an entry
   * and resolves with the server's answer, or with nothing when there was none.
   * @param {(entry: Entry) => Promise<any>} send
   */
  start(send) {
    this.#send = send;
    this.#sendAll();
    this.#scope.every(ABANDONED_MS, () => {
      this.#take(this.#scope.now() - ABANDONED_MS);
      this.#sendAll();
    });
  }

  /**
   * Resolves when the message is stored, and rejects when it is refused or given up.
   * @param {Address} to
   * @param {string} content
   * @param {string | null} as
   * @param {{ key?: string, replyTo?: number | null }} [options]
   * @returns {Promise<Stored>}
   */
  add({ kind, name }, content, as, { key = this.#newKey(), replyTo = null } = {}) {
    const stored = this.#promises.make(key);
    if (this.has(key)) return stored;
    // By the time they are sorted after a reload.
    const last = Math.max(0, ...this.#all.map(({ at }) => at));
    const at = Math.max(this.#scope.now(), last + 1);
    /** @type {Entry} */
    const entry = { key, to: { kind, name }, content, as, at, state: "pending" };
    if (replyTo !== null) entry.replyTo = replyTo;
    this.#entries.set(entry.key, entry);
    this.#save(entry);
    this.#changed();
    this.#sendAll();
    return stored;
  }

  /**
   * Sends a failed message as a new one: a key that was refused stays refused. One that was refused for a while only
   * keeps its key.
   * @param {string} key
   * @param {string | null} as
   */
  retry(key, as) {
    const entry = this.#entries.get(key);
    if (entry?.state !== "failed") return;
    if (entry.forNow) {
      Object.assign(entry, { as, state: "pending" });
      this.#save(entry);
      this.#changed();
      this.#sendAll();
      return;
    }
    this.discard(key);
    this.add(entry.to, entry.content, as, { replyTo: entry.replyTo });
  }

  /** @param {string} key */
  discard(key) {
    if (!this.#entries.delete(key)) return;
    this.#memory.remove(SAVED + key);
    this.#promises.reject(key, new NoAnswer());
    this.#changed();
  }

  /** @param {Address} address */
  discardAll({ kind, name }) {
    for (const { key, to } of this.#all) if (to.kind === kind && to.name === name) this.discard(key);
  }

  /**
   * The user's message with this key has come back from the log, at this offset.
   * @param {string} key
   * @param {number} offset
   */
  arrived(key, offset) {
    this.#own.add(offset);
    if (this.has(key)) this.#stored(key, offset);
  }

  get #all() {
    return [...this.#entries.values()];
  }

  // One after the other: messages are stored in the order in which they were written.
  async #sendAll() {
    if (this.#sending || !this.#send) return;
    this.#sending = true;
    for (let entry; !this.#scope.hasEnded && (entry = this.#next()); ) {
      await this.#answered(entry, await this.#send(entry));
    }
    this.#sending = false;
  }

  #next() {
    return this.#all.find(({ state }) => state === "pending");
  }

  /**
   * @param {Entry} entry
   * @param {any} answer
   */
  async #answered(entry, answer) {
    // Without an answer it is sent again. It may have come back meanwhile, or been thrown away.
    if (!answer || this.#entries.get(entry.key) !== entry) return;
    if (answer.error?.retryAfter <= LONGEST_WAIT) {
      // The others wait behind it, and would be told the same.
      await new Promise((resolve) => this.#scope.after(answer.error.retryAfter, () => resolve(undefined)));
      return;
    }
    if (answer.error) {
      const { code, message, retryAfter } = answer.error;
      entry.state = "failed";
      entry.forNow = retryAfter !== undefined;
      entry.problem = { code, message };
      this.#save(entry);
      this.#promises.reject(entry.key, new Refusal(answer.error));
      this.#changed();
    } else {
      this.#own.add(answer.offset);
      this.onStored(entry, answer);
      this.#stored(entry.key, answer.offset);
    }
  }

  /**
   * @param {string} key
   * @param {number} offset
   */
  #stored(key, offset) {
    this.#entries.delete(key);
    this.#memory.set(SAVED + key, { offset });
    this.#memory.remove(SAVED + key);
    this.#promises.resolve(key, offset);
    this.#changed();
  }

  /**
   * Another tab has stored what waits here too, or discarded it.
   * @param {Entry | undefined} entry
   * @param {any} now
   */
  #otherTab(entry, now) {
    if (!entry || (now && now.offset === undefined)) return;
    this.#entries.delete(entry.key);
    if (now) {
      this.#own.add(now.offset);
      this.onStored(entry, now);
      this.#promises.resolve(entry.key, now.offset);
    } else {
      this.#promises.reject(entry.key, new NoAnswer());
    }
    this.#changed();
  }

  // Takes what other pages have left, or wait with too; all of it, or what was written until a time.
  #take(until = Infinity) {
    const isLeft = (/** @type {Entry} */ { key, at }) => key !== undefined && !this.has(key) && at <= until;
    const left = this.#memory.below(SAVED).filter(isLeft);
    if (left.length === 0 && until !== Infinity) return;
    left.sort((one, other) => one.at - other.at);
    for (const entry of left) this.#entries.set(entry.key, entry);
    this.#changed();
  }

  /** @param {Entry} entry */
  #save(entry) {
    if (this.#memory.set(SAVED + entry.key, entry)) this.#unsaved.delete(entry.key);
    else this.#unsaved.add(entry.key);
  }

  #changed() {
    this.#snapshots.clear();
    const waits = this.#all.some(({ key, state }) => state === "pending" || this.#unsaved.has(key));
    // Not for longer than needed: a page that may ask is less often kept for "back".
    if (waits && !this.#scope.hasEnded) {
      this.#doNotAsk ??= this.#page.listen("beforeunload", ask);
    } else {
      this.#doNotAsk?.();
      this.#doNotAsk = null;
    }
    this.onChange();
  }

  #end() {
    this.#doNotAsk?.();
    this.#promises.rejectAll(new NoAnswer());
  }
}

/** Has the browser ask whether to leave the page. @param {Event} event */
function ask(event) {
  event.preventDefault();
}

// What the reader has written and the server has not confirmed yet.
//
// It is kept in the browser's storage, so that neither a reload nor a closed tab loses any: the next page sends it
// again with the same key, and the server stores each message once. So no tab has to know which others are open: a page
// takes all that is there when it is loaded, or when another is left, and it does no harm when several send the same.

import { newKey } from "./key.js";
import { explained } from "./refusals.js";

// How many of the stored messages are recognised as one's own after a reload: a reader without a name is somebody else
// for the server then.
const MAX_OWN = 2_000;

// For how long a message waits by itself when the server has refused it for a while, in milliseconds.
const LONGEST_WAIT = 30_000;

// Each message has a name of its own in the storage, so that no tab overwrites what another one writes. The value is
// the message, or for a moment { offset } when it is stored, so that other tabs which wait with it know.
const SAVED = "outbox.";
// Changes when a page is left that has messages waiting.
const LEFT = "outbox-left";

export class Outbox {
  // Called after every change.
  onChange = () => {};
  // Called with an entry that is stored, and its offset.
  onStored = () => {};

  #memory;
  #tab;
  #send;
  // By key, in the order of writing: { key, to: { kind, name }, content, as, at, state, reason,
  // forNow }. `as` is the author's name, or null; the state is "pending" or "failed"; forNow when it failed for a while
  // only.
  #entries = new Map();
  // The keys of those that the browser does not remember.
  #unsaved = new Set();
  // The offsets of the reader's own messages.
  #own;
  #sending = false;

  constructor(memory, tab) {
    this.#memory = memory;
    this.#tab = tab;
    this.#own = new Set(tab.get("own-offsets", []));
    this.#take();
    memory.onChangeBelow(SAVED, (key, now) => this.#otherTab(this.#entries.get(key), now));
    memory.onChange(LEFT, () => {
      this.#take();
      this.#pump();
    });
    addEventListener("pagehide", () => this.#next() && memory.set(LEFT, newKey()));
  }

  // What waits for this conversation.
  entries({ kind, name }) {
    return [...this.#entries.values()].filter(({ to }) => to.kind === kind && to.name === name);
  }

  has(key) {
    return this.#entries.has(key);
  }

  isOwn(offset) {
    return this.#own.has(offset);
  }

  // The log has begun anew: no offset means anything.
  forgetOwn() {
    this.#own.clear();
    this.#tab.set("own-offsets", []);
  }

  // Sends what was left by the page before, and from now on what is added. `send` takes an entry
  // and resolves with the server's answer, or with nothing when there was none.
  start(send) {
    this.#send = send;
    this.#pump();
  }

  add({ kind, name }, content, as) {
    // By the time they are sorted after a reload.
    const last = Math.max(0, ...[...this.#entries.values()].map(({ at }) => at));
    const at = Math.max(Date.now(), last + 1);
    const entry = { key: newKey(), to: { kind, name }, content, as, at, state: "pending" };
    this.#entries.set(entry.key, entry);
    this.#save(entry);
    this.#changed();
    this.#pump();
  }

  // Sends a failed message as a new one: a key that was refused stays refused. One that was refused for a while only
  // keeps its key.
  retry(key, as) {
    const entry = this.#entries.get(key);
    if (entry.forNow) {
      Object.assign(entry, { as, state: "pending" });
      this.#save(entry);
      this.#changed();
      this.#pump();
      return;
    }
    this.discard(key);
    this.add(entry.to, entry.content, as);
  }

  discard(key) {
    if (!this.#entries.delete(key)) return;
    this.#memory.remove(SAVED + key);
    this.#changed();
  }

  // The reader's message with this key has come back from the log, at this offset.
  arrived(key, offset) {
    this.#remember(offset);
    if (this.has(key)) this.#stored(key, offset);
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
      this.#save(entry);
      this.#changed();
    } else {
      this.#remember(answer.offset);
      this.onStored(entry, answer);
      this.#stored(entry.key, answer.offset);
    }
  }

  #stored(key, offset) {
    this.#entries.delete(key);
    this.#memory.set(SAVED + key, { offset });
    this.#memory.remove(SAVED + key);
    this.#changed();
  }

  // Another tab has stored what waits here too, or discarded it.
  #otherTab(entry, now) {
    if (!entry || (now && now.offset === undefined)) return;
    this.#entries.delete(entry.key);
    if (now) {
      this.#remember(now.offset);
      this.onStored(entry, now);
    }
    this.#changed();
  }

  // Takes what other pages have left, or wait with too.
  #take() {
    const left = this.#memory.below(SAVED).filter(({ key }) => key !== undefined && !this.has(key));
    left.sort((one, other) => one.at - other.at);
    for (const entry of left) this.#entries.set(entry.key, entry);
    this.#changed();
  }

  #remember(offset) {
    if (this.#own.has(offset)) return;
    this.#own.add(offset);
    if (this.#own.size > MAX_OWN) this.#own.delete(this.#own.values().next().value);
    this.#tab.set("own-offsets", [...this.#own]);
  }

  #save(entry) {
    if (this.#memory.set(SAVED + entry.key, entry)) this.#unsaved.delete(entry.key);
    else this.#unsaved.add(entry.key);
  }

  #changed() {
    const waits = ({ key, state }) => state === "pending" || this.#unsaved.has(key);
    // Not for longer than needed: a page that may ask is less often kept for "back".
    if ([...this.#entries.values()].some(waits)) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
    this.onChange();
  }
}

// Has the browser ask whether to leave the page.
function ask(event) {
  event.preventDefault();
}

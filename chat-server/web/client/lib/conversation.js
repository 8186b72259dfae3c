// One room, or what the user and one other person write to each other.

import { Messages } from "./messages.js";
import { nameKey } from "./names.js";

/** @typedef {import("./types.js").ConversationSnapshot} ConversationSnapshot */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").ReadMark} ReadMark */
/** @typedef {import("./types.js").Waiting} Waiting */

// What is kept of a conversation that nobody reads back in; the server has the rest.
const KEEP = 2_000;

/** @param {string} name */
export function roomId(name) {
  return `#${name}`;
}

/** @param {string} name */
export function personId(name) {
  return `@${nameKey(name)}`;
}

export class Conversation {
  messages = new Messages();

  // Whether the newest page of history is there, and whether the server has messages before the oldest.
  loaded = false;
  more = true;
  /**
   * The server has deleted what was before this offset; null if it has not said so.
   * @type {number | null}
   */
  goneBefore = null;
  /**
   * The messages up to here were kept, and may be incomplete: the server has not been asked yet. Else null.
   * @type {number | null}
   */
  restored = null;
  /**
   * What is shown in place of the newest messages; null for these.
   * @type {import("./past.js").Past | null}
   */
  past = null;

  /**
   * The user wants what comes after `read` to be unread: what was told as read up to here no longer counts. Else 0.
   */
  takenBack = 0;

  // The newest message that the user has read, how many came after it from others, and how many of those mention the user.
  read = 0;
  unread = 0;
  mentions = 0;
  /**
   * The user had read the messages up to here when new ones came; null when there is nothing to mark.
   * @type {number | null}
   */
  newAfter = null;

  /**
   * Who is in the room, by key, and how many; null when the server has not said.
   * @type {ReadonlyMap<string, string>}
   */
  members = new Map();
  /** @type {number | null} */
  users = null;
  /**
   * Who is typing, each with what ends it.
   * @type {Map<string | null, () => void>}
   */
  typing = new Map();
  /**
   * How far others have read, by user.
   * @type {Map<string | null, ReadMark>}
   */
  readers = new Map();
  /**
   * The id of the other person, if it is known.
   * @type {string | null}
   */
  user = null;
  /** Whether the server has said that the other person is there, in whatever room. */
  online = false;

  /** @type {ConversationSnapshot | null} */
  #snapshot = null;

  #isMention;

  /**
   * @param {"room" | "person"} kind
   * @param {string} name
   * @param {(message: Message) => boolean} isMention whether it mentions the user
   */
  constructor(kind, name, isMention) {
    this.kind = kind;
    this.name = name;
    this.#isMention = isMention;
    this.id = kind === "room" ? roomId(name) : personId(name);
  }

  get isRoom() {
    return this.kind === "room";
  }

  /** What the server knows it by, to whom reads it. */
  get address() {
    return this.isRoom ? { room: this.name } : { with: this.name };
  }

  /** @param {Message} message */
  countUnread(message) {
    if (message.offset <= this.read) return;
    if (this.unread === 0) this.newAfter = this.read;
    this.unread += 1;
    if (this.#isMention(message)) this.mentions += 1;
  }

  /**
   * Says whether anything changed.
   * @param {number} [upto]
   */
  markRead(upto = this.messages.newest ?? 0) {
    if (this.read >= upto && (this.unread === 0 || upto < (this.messages.newest ?? 0))) return false;
    this.read = Math.max(this.read, upto);
    this.#count(this.read >= (this.messages.newest ?? 0) ? 0 : this.unread);
    if (this.read >= this.takenBack) this.takenBack = 0;
    return true;
  }

  /**
   * Changes a message wherever it is here.
   * @param {number} offset
   * @param {(message: Message) => Partial<Message>} changed
   */
  change(offset, changed) {
    const before = this.#mentionsAt(offset);
    this.messages.change(offset, changed);
    this.mentions = Math.max(0, this.mentions + this.#mentionsAt(offset) - before);
    this.past?.messages.change(offset, changed);
  }

  /** What was said before and the newest messages are one, once they meet. */
  joinPast() {
    const { past, messages } = this;
    if (past === null || !this.loaded || past.messages.oldest === null) return;
    const meets = !past.moreAfter || (messages.oldest !== null && (past.messages.newest ?? 0) >= messages.oldest);
    if (!meets) return;
    if (messages.oldest === null || past.messages.oldest < messages.oldest) this.more = past.more;
    messages.addPage([...past.messages.snapshot()]);
    this.past = null;
  }

  /**
   * The message at this offset, and what comes after it, is unread again.
   * @param {number} offset
   */
  markUnread(offset) {
    const { read, messages } = this;
    this.takenBack = Math.max(this.takenBack, read);
    this.read = this.newAfter = Math.min(read, messages.before(offset));
    this.#count(0);
  }

  /**
   * Another device has read up to here, and the server says how many come after it.
   * @param {number} read
   * @param {number} unread
   */
  takeRead(read, unread) {
    this.markRead(read);
    this.#count(unread);
    this.newAfter = this.unread > 0 ? read : null;
  }

  forgetOld() {
    if (this.messages.length > KEEP * 1.1 && this.messages.keepNewest(KEEP)) this.more = true;
  }

  /**
   * What was kept of it.
   * @param {Message[]} messages
   */
  restore(messages) {
    this.messages.replace(messages, 0);
    this.restored = this.messages.newest;
  }

  /**
   * The server has deleted what was before an offset.
   * @param {number} before
   */
  forgetBefore(before) {
    this.messages.keepFrom(before);
    this.goneBefore = before;
    this.more = false;
    this.past = null;
  }

  /** The log has begun anew. */
  clear() {
    this.messages = new Messages();
    this.loaded = false;
    this.more = true;
    this.goneBefore = null;
    this.restored = null;
    this.past = null;
    this.read = this.unread = this.mentions = this.takenBack = 0;
    this.newAfter = null;
    this.readers.clear();
  }

  /**
   * As it is now; the same object as before if nothing has changed.
   * @param {readonly Waiting[]} waiting
   * @param {boolean} here
   */
  snapshot(waiting, here) {
    const { id, kind, name, loaded, more, goneBefore, read, unread, newAfter, users } = this;
    const before = this.#snapshot;
    const now = {
      id, kind, name, messages: this.messages.snapshot(), waiting, loaded, more, goneBefore, read, unread, newAfter, users,
      members: sameOr(before?.members, [...this.members.values()]),
      typing: sameOr(before?.typing, [...this.typing.keys()]),
      readers: sameOr(before?.readers, [...this.readers.values()]),
      forMe: this.isRoom ? this.mentions : unread, here, past: this.past?.snapshot() ?? null,
    };
    if (before === null || !isSame(before, now)) this.#snapshot = Object.freeze(now);
    return /** @type {ConversationSnapshot} */ (this.#snapshot);
  }

  /**
   * Counts what is unread, where all of it is here. Else there are this many, and the mentions that have been seen so far.
   * @param {number} unread
   */
  #count(unread) {
    const others = this.messages.othersAfter(this.read);
    this.unread = others?.length ?? unread;
    this.mentions = others?.filter(this.#isMention).length ?? Math.min(this.mentions, unread);
  }

  /**
   * How many unread mentions are at this offset.
   * @param {number} offset
   */
  #mentionsAt(offset) {
    const message = offset > this.read ? this.messages.at(offset) : undefined;
    return message && this.#isMention(message) ? 1 : 0;
  }
}

/**
 * @template {object} T
 * @param {T} before
 * @param {T} now
 */
function isSame(before, now) {
  return Object.keys(now).every((name) => before[/** @type {keyof T} */ (name)] === now[/** @type {keyof T} */ (name)]);
}

/**
 * The list of before if the new one has the same in it.
 * @template T
 * @param {readonly T[] | undefined} before
 * @param {T[]} now
 * @returns {readonly T[]}
 */
function sameOr(before, now) {
  const isSame = before?.length === now.length && before.every((item, index) => item === now[index]);
  return isSame ? before : Object.freeze(now);
}

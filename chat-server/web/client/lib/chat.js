// The chat: what the user can do, and what there is to see.

import { Listeners } from "./listeners.js";
import { assemble } from "./parts.js";
import { Refusal, settled } from "./refusal.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./types.js").ConversationId} ConversationId */
/** @typedef {import("./types.js").Events} Events */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./types.js").Snapshot} Snapshot */

/**
 * A client of the chat, which connects when it is started.
 * @param {Options} options
 */
export function createChat(options) {
  return new Chat(options);
}

export class Chat {
  #parts;
  #listeners = new Listeners();
  #others = new Listeners();
  /** @type {Snapshot | null} */
  #snapshot = null;

  /** @param {Options} options */
  constructor(options) {
    this.#parts = assemble(options, this.#listeners, this.#others, () => this.#changed());
    this.#parts.handover.onEnd = () => {
      this.#parts.scope.end();
      this.#listeners.tell("handedOver");
      this.stop();
    };
  }

  /** Where the chat is: the folder to which the URLs of files are relative. */
  get url() {
    return this.#parts.url;
  }

  /** Connects, and sends what waits. */
  start() {
    this.#parts.session.start();
  }

  /** Ends for good: no timer, no listener and no connection is left. What waits stays in the storage. */
  stop() {
    this.#parts.scope.end();
    this.#listeners.clear();
    this.#others.clear();
  }

  // What there is to see.

  /**
   * Calls `listener` after every change, until the result is called.
   * @type {(listener: () => void) => () => void}
   */
  subscribe = (listener) => this.#listeners.add("change", listener);

  /**
   * Everything as it is now: the same object until something changes, and in it the same conversations, but for those
   * that have changed.
   * @type {() => Snapshot}
   */
  snapshot = () => (this.#snapshot ??= this.#newSnapshot());

  /**
   * Calls `listener` when something happens, until the result is called.
   * @template {keyof Events} E
   * @param {E} event
   * @param {Events[E]} listener
   */
  on(event, listener) {
    return this.#listeners.add(event, listener);
  }

  /**
   * Calls `listener` with what comes with an event that this client does nothing with, as "room changed" or one of an
   * application, until the result is called.
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   */
  onEvent(event, listener) {
    return this.#others.add(event, listener);
  }

  // Messages.

  /**
   * Sends a message, once, whatever happens in between. Resolves when it is stored, and rejects with a `Refusal`. Until
   * then it is among those that wait. `key` is its key, random by default: one that is used again is not sent twice.
   * @param {ConversationId} id
   * @param {string} content
   * @param {{ replyTo?: number, key?: string }} [options]
   * @returns {Promise<{ offset: number }>}
   */
  send(id, content, options = {}) {
    const conversation = this.#find(id);
    this.#parts.typing.end();
    conversation.newAfter = null;
    return this.#parts.outbox.add(conversation, content, this.#parts.identity.name, options);
  }

  /**
   * Sends a message that failed.
   * @param {string} key
   */
  retry(key) {
    this.#parts.outbox.retry(key, this.#parts.identity.name);
  }

  /**
   * Gives up a message that is not sent yet.
   * @param {string} key
   */
  discard(key) {
    this.#parts.outbox.discard(key);
  }

  /**
   * @param {ConversationId} id
   * @param {number} offset
   * @param {string} content
   */
  async edit(id, offset, content) {
    await this.#parts.changes.edit(this.#find(id), offset, content);
    this.#changed();
  }

  /**
   * @param {ConversationId} id
   * @param {number} offset
   */
  async delete(id, offset) {
    await this.#parts.changes.delete(this.#find(id), offset);
    this.#changed();
  }

  /**
   * Gives an emoji to a message, or takes it back.
   * @param {ConversationId} id
   * @param {number} offset
   * @param {string} emoji
   * @param {boolean} [on]
   */
  async react(id, offset, emoji, on = true) {
    await this.#parts.changes.react(this.#find(id), offset, emoji, on);
    this.#changed();
  }

  /**
   * Adds the page of history before the messages that are there.
   * @param {ConversationId} id
   */
  loadEarlier(id) {
    return this.#parts.history.earlier(this.#find(id));
  }

  /**
   * Goes to a message or a time in a conversation: its `past` in the snapshot is what was said around it, until that
   * meets the newest messages or `showNewest` is called. Rejects with a `Refusal`, or with `NoAnswer`.
   * @param {ConversationId} id
   * @param {import("./types.js").Position} position
   */
  showAround(id, position) {
    return this.#parts.history.around(this.#find(id), position);
  }

  /**
   * Adds a page to the `past` of a conversation.
   * @param {ConversationId} id
   * @param {"earlier" | "later"} where
   */
  loadPast(id, where) {
    return this.#parts.history.morePast(this.#find(id), where);
  }

  /**
   * Ends the `past` of a conversation.
   * @param {ConversationId} id
   */
  showNewest(id) {
    const conversation = this.#find(id);
    if (conversation.past === null) return;
    conversation.past = null;
    this.#changed();
  }

  /**
   * Adds all of history from an offset on to the messages that are there. Resolves when it is there.
   * @param {ConversationId} id
   * @param {number} offset
   */
  loadBackTo(id, offset) {
    return this.#parts.history.backTo(this.#find(id), offset);
  }

  /**
   * A page of history of anywhere: before, after or around a position. The snapshot stays as it is.
   * @param {ConversationId} id
   * @param {import("./types.js").PageRequest} [request]
   */
  history(id, request = {}) {
    return this.#parts.history.page(this.#find(id), request);
  }

  // Conversations.

  /**
   * Joins a room, if the user is not in it; resolves with its id.
   * @param {string} name
   * @returns {Promise<ConversationId>}
   */
  async join(name) {
    const known = this.#parts.conversations.room(name);
    if (known) return known.id;
    const answer = settled(await this.#parts.connection.ask("join", name));
    const room = this.#parts.conversations.addRoom(answer.room, answer.tail);
    this.#parts.presence.ask(room);
    this.#changed();
    return room.id;
  }

  /**
   * Begins a private conversation; resolves with its id.
   * @param {string} name
   * @returns {Promise<ConversationId>}
   */
  async writeTo(name) {
    settled(await this.#parts.connection.ask("history", { with: name, limit: 1 }));
    if (this.#parts.identity.isMe(name)) throw new Refusal({ code: "message_to_oneself", message: "this is your own name" });
    const person = this.#parts.conversations.withPerson(name);
    this.#parts.presence.askPerson(person);
    this.#changed();
    return person.id;
  }

  /**
   * Leaves a room, or takes a person off the list; what was written is there when one comes back.
   * @param {ConversationId} id
   */
  leave(id) {
    const conversation = this.#find(id);
    if (conversation.isRoom) this.#parts.session.leaveRoom(conversation);
    else this.#parts.conversations.remove(conversation);
    this.show(this.#parts.conversations.open.id);
  }

  /**
   * Shows a conversation: as long as it is the open one and the page is seen, what arrives in it is read.
   * @param {ConversationId} id
   */
  show(id) {
    const conversation = this.#find(id);
    this.#parts.typing.end();
    this.#parts.conversations.show(conversation);
    this.#parts.arrivals.isReadingBack = false;
    this.#parts.history.open(conversation);
    if (conversation.isRoom) this.#parts.presence.ask(conversation);
    else this.#parts.presence.askPerson(conversation);
    this.#changed();
  }

  /**
   * Whether the user reads what was said before in the open conversation: then what arrives is not read, and nothing is
   * forgotten.
   * @param {boolean} isReadingBack
   */
  readBack(isReadingBack) {
    this.#parts.arrivals.isReadingBack = isReadingBack;
  }

  /**
   * The user has read a conversation up to an offset, or to its end.
   * @param {ConversationId} id
   * @param {number} [upto]
   */
  markRead(id, upto) {
    if (!this.#find(id).markRead(upto)) return;
    this.#parts.conversations.changed();
    this.#parts.reading.tell();
    this.#changed();
  }

  /**
   * Makes the message at an offset, and what comes after it, unread again, in this browser.
   * @param {ConversationId} id
   * @param {number} offset
   */
  markUnread(id, offset) {
    this.#find(id).markUnread(offset);
    this.#parts.conversations.changed();
    this.#changed();
  }

  /**
   * Asks how far others have read a room; then `readers` in the snapshot says so, and follows.
   * @param {ConversationId} id
   */
  loadReaders(id) {
    return this.#parts.reading.askReaders(this.#find(id));
  }

  /**
   * Says that the user is typing in a conversation, or has stopped.
   * @param {ConversationId} id
   * @param {boolean} [isTyping]
   */
  typing(id, isTyping = true) {
    if (isTyping) this.#parts.typing.begin(this.#find(id));
    else this.#parts.typing.end();
  }

  // Who the user is.

  /**
   * Takes a name.
   * @param {string} name
   * @param {{ invitation?: string, label?: string }} [options] the code of an invitation, where new users need one, and
   *   what the user calls this device
   */
  become(name, options = {}) {
    return this.#parts.session.become(name, options);
  }

  /** Goes on without a name. */
  becomeNobody() {
    this.#parts.session.becomeNobody();
  }

  /**
   * Makes this device one of the user who has made the code on another device. Of who was here before nothing stays; this
   * client ends, in all tabs, and "handedOver" says so.
   * @param {string} code
   * @param {string} [label] what the user calls this device
   */
  linkDevice(code, label) {
    return this.#parts.handover.link(code, label);
  }

  /** Ends as `linkDevice` does, with a device that is nobody's. */
  signOut() {
    return this.#parts.handover.signOut();
  }

  /**
   * Sends any event of the server's, and resolves with its answer. Rejects with a `Refusal`, or with `NoAnswer`.
   * @param {string} event
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  async request(event, ...args) {
    return settled(await this.#parts.connection.ask(event, ...args));
  }

  /** @param {ConversationId} id */
  #find(id) {
    const conversation = this.#parts.conversations.byId(id);
    if (!conversation) throw new Error(`there is no conversation ${id}`);
    return conversation;
  }

  #changed() {
    this.#snapshot = null;
    this.#listeners.tell("change");
  }

  /** @returns {Snapshot} */
  #newSnapshot() {
    const { rooms, people, open } = this.#parts.conversations;
    const one = (/** @type {Conversation} */ it) =>
      it.snapshot(this.#parts.outbox.waiting(it), !it.isRoom && this.#parts.presence.isHere(it));
    const all = { rooms: Object.freeze(rooms.map(one)), people: Object.freeze(people.map(one)) };
    return Object.freeze({
      connection: Object.freeze({ state: this.#parts.connection.state, problem: this.#parts.connection.problem }),
      me: Object.freeze({ name: this.#parts.identity.name, user: this.#parts.identity.user }),
      ...all,
      open: one(open),
      caughtUp: this.#parts.arrivals.isCaughtUp,
      unread: sum([...all.rooms, ...all.people].map(({ unread }) => unread)),
      forMe: sum([...all.rooms, ...all.people].map(({ forMe }) => forMe)),
    });
  }
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

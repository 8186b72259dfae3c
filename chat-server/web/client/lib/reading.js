// How far the user has read, on all devices, and how far others have. Only users with a name have it.

import { settled } from "./refusal.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

// How long reading goes on before the server is told how far it has come.
const TELL_AFTER_MS = 500;

export class Reading {
  /** Called after every change. */
  onChange = () => {};

  #scope;
  #conversations;
  #connection;
  #identity;
  // The server does not keep it.
  #isKept = true;
  #isAnswered = false;
  /**
   * What the server has been told, by conversation.
   * @type {Map<string, number>}
   */
  #told = new Map();
  /** @type {(() => void) | null} */
  #cancel = null;

  /**
   * @param {import("./scope.js").Scope} scope
   * @param {import("./conversations.js").Conversations} conversations
   * @param {import("./connection.js").Connection} connection
   * @param {import("./identity.js").Identity} identity
   */
  constructor(scope, conversations, connection, identity) {
    this.#scope = scope;
    this.#conversations = conversations;
    this.#connection = connection;
    this.#identity = identity;
  }

  /** Whether it is known what other devices have read. */
  get isKnown() {
    return this.#isAnswered || !this.#mayAsk;
  }

  /** Takes over what other devices have read, and tells what they have not: after each connection with a name. */
  async ask() {
    if (!this.#mayAsk) return;
    const answer = await this.#connection.ask("unread");
    if (answer?.error?.code === "unknown_event") this.#isKept = false;
    if (!answer) return;
    this.#isAnswered = true;
    if (answer.error) return this.onChange();
    this.#told.clear();
    for (const { room, ...position } of answer.rooms) this.#take(this.#conversations.room(room), position);
    for (const { user, ...position } of answer.conversations) {
      this.#take(this.#conversations.people.find((person) => person.user === user), position);
    }
    this.tell();
    this.onChange();
  }

  /** The user has read on. */
  tell() {
    if (this.#mayAsk) this.#cancel ??= this.#scope.after(TELL_AFTER_MS, () => this.#tell());
  }

  /** @param {{ room?: string, with?: string, user: string | null, nickname: string | null, offset: number }} event */
  heard({ room: name, with: other, user, nickname, offset }) {
    const { people, cursor } = this.#conversations;
    const room = name === undefined ? people.find((person) => person.user === other) : this.#conversations.room(name);
    if (!room) return;
    // What has not come cannot be known as read.
    const upto = Math.min(offset, Math.max(cursor.offset, room.messages.newest ?? 0));
    if (user !== null && user === this.#identity.user) this.#take(room, { read: upto, unread: 0 });
    else if (room.isRoom) room.readers.set(user, Object.freeze({ user, name: nickname, offset }));
    this.onChange();
  }

  /**
   * Asks how far others have read a room.
   * @param {Conversation} room
   */
  async askReaders(room) {
    const { readers } = settled(await this.#connection.ask("readers", room.name));
    for (const { user, nickname, offset } of readers) {
      const name = nickname ?? room.readers.get(user)?.name ?? null;
      if (user !== this.#identity.user) room.readers.set(user, Object.freeze({ user, name, offset }));
    }
    this.onChange();
  }

  /** The log has begun anew: no offset means anything. */
  forget() {
    this.#told.clear();
  }

  get #mayAsk() {
    return this.#isKept && this.#identity.name !== null;
  }

  #tell() {
    this.#cancel = null;
    if (!this.#mayAsk) return;
    for (const { id, address, read } of this.#conversations.all) {
      if (read <= (this.#told.get(id) ?? 0)) continue;
      this.#told.set(id, read);
      this.#connection.tell("read", { ...address, offset: read });
    }
  }

  /**
   * Another device has read up to here.
   * @param {Conversation | undefined} conversation
   * @param {{ read: number, unread: number }} position
   */
  #take(conversation, { read, unread }) {
    if (!conversation) return;
    this.#told.set(conversation.id, read);
    if (read <= Math.max(conversation.read, conversation.takenBack)) return;
    conversation.takeRead(read, unread);
    this.#conversations.changed();
  }
}

// Who is typing, and saying that the user is.

import { isSameName } from "./names.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

// The server says when somebody stops, and a connection may be lost before it does.
const FORGET_MS = 7_000;
// How often others are told while the user goes on typing.
const TELL_MS = 2_000;

export class Typing {
  /** Called after every change. */
  onChange = () => {};

  #scope;
  #conversations;
  #connection;
  /**
   * The room where the user is said to be typing, and when that was said.
   * @type {Conversation | null}
   */
  #room = null;
  #saidAt = 0;

  /**
   * @param {import("./scope.js").Scope} scope
   * @param {import("./conversations.js").Conversations} conversations
   * @param {import("./connection.js").Connection} connection
   */
  constructor(scope, conversations, connection) {
    this.#scope = scope;
    this.#conversations = conversations;
    this.#connection = connection;
  }

  /** @param {{ room: string, nickname: string | null, typing: boolean }} change */
  heard({ room: name, nickname, typing }) {
    this.#heard(this.#conversations.room(name), nickname, typing);
  }

  /** @param {{ nickname: string, user: string, typing: boolean }} change */
  heardPrivately({ nickname, user, typing }) {
    const { people } = this.#conversations;
    const person = people.find((it) => it.user === user) ?? people.find((it) => isSameName(it.name, nickname));
    this.#heard(person, nickname, typing);
  }

  /**
   * @param {Conversation | undefined} room
   * @param {string | null} nickname
   * @param {boolean} typing
   */
  #heard(room, nickname, typing) {
    if (!room) return;
    this.#forget(room, nickname);
    if (typing) {
      const forget = () => {
        this.#forget(room, nickname);
        this.onChange();
      };
      room.typing.set(nickname, this.#scope.after(FORGET_MS, forget));
    }
    this.onChange();
  }

  /**
   * A message has come: its author has finished it.
   * @param {Conversation} room
   * @param {string | null} nickname
   */
  wrote(room, nickname) {
    this.#forget(room, nickname);
  }

  /** The connection is lost: nobody will say that they stopped. */
  clear() {
    for (const room of this.#conversations.all) {
      for (const nickname of [...room.typing.keys()]) this.#forget(room, nickname);
    }
    this.#room = null;
    this.onChange();
  }

  /**
   * The user is typing in a conversation.
   * @param {Conversation} room
   */
  begin(room) {
    if (this.#room !== room) this.end();
    const now = this.#scope.now();
    if (this.#room === room && now - this.#saidAt < TELL_MS) return;
    this.#room = room;
    this.#saidAt = now;
    this.#tell(room, true);
  }

  /** The user has stopped, or sent it. */
  end() {
    if (this.#room !== null) this.#tell(this.#room, false);
    this.#room = null;
  }

  /**
   * @param {Conversation} conversation
   * @param {boolean} typing
   */
  #tell({ isRoom, name }, typing) {
    this.#connection.tell(isRoom ? "typing" : "private typing", name, typing);
  }

  /**
   * @param {Conversation} room
   * @param {string | null} nickname
   */
  #forget(room, nickname) {
    room.typing.get(nickname)?.();
    room.typing.delete(nickname);
  }
}

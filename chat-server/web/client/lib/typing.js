// Who is typing, and saying that the user is.

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
    const room = this.#conversations.room(name);
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
    for (const room of this.#conversations.rooms) {
      for (const nickname of [...room.typing.keys()]) this.#forget(room, nickname);
    }
    this.#room = null;
    this.onChange();
  }

  /**
   * The user is typing in a room.
   * @param {Conversation} room
   */
  begin(room) {
    if (!room.isRoom) return;
    if (this.#room !== room) this.end();
    const now = this.#scope.now();
    if (this.#room === room && now - this.#saidAt < TELL_MS) return;
    this.#room = room;
    this.#saidAt = now;
    this.#connection.tell("typing", room.name, true);
  }

  /** The user has stopped, or sent it. */
  end() {
    if (this.#room !== null) this.#connection.tell("typing", this.#room.name, false);
    this.#room = null;
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

// Who is in the rooms, as the server tells.

import { nameKey } from "./names.js";

/** @typedef {{ room: string, nickname: string | null, users: number }} Change */

export class Presence {
  /** Called after every change. */
  onChange = () => {};

  #conversations;
  #connection;

  /**
   * @param {import("./conversations.js").Conversations} conversations
   * @param {import("./connection.js").Connection} connection
   */
  constructor(conversations, connection) {
    this.#conversations = conversations;
    this.#connection = connection;
  }

  /**
   * Asks who is in a room: after connecting, and now and then for large rooms, where the server does not
   * tell of each who comes or leaves.
   * @param {import("./conversation.js").Conversation} room
   */
  async ask(room) {
    const answer = await this.#connection.ask("users", room.name);
    if (!answer || answer.error) return;
    room.users = answer.users;
    room.members = new Map(answer.nicknames.map((/** @type {string} */ name) => [nameKey(name), name]));
    this.onChange();
  }

  /** @param {Change} change */
  joined({ room: name, nickname, users }) {
    const room = this.#conversations.room(name);
    if (!room) return;
    room.users = users;
    if (nickname !== null) room.members = new Map(room.members).set(nameKey(nickname), nickname);
    this.onChange();
  }

  /** @param {Change} change */
  left({ room: name, nickname, users }) {
    const room = this.#conversations.room(name);
    if (!room) return;
    room.users = users;
    if (nickname !== null) {
      const others = new Map(room.members);
      others.delete(nameKey(nickname));
      room.members = others;
    }
    this.onChange();
  }

  /** @param {string} name */
  isHere(name) {
    const key = nameKey(name);
    return this.#conversations.rooms.some(({ members }) => members.has(key));
  }
}

// Who is in the rooms, as the server tells.

import { nameKey } from "./names.js";

export class Presence {
  // Called after every change.
  onChange = () => {};

  #conversations;
  #connection;

  constructor(conversations, connection) {
    this.#conversations = conversations;
    this.#connection = connection;
  }

  // Asks who is in a room: after connecting, and now and then for large rooms, where the server does not
  // tell of each who comes or leaves.
  async ask(room) {
    const answer = await this.#connection.ask("users", room.name);
    if (!answer || answer.error) return;
    room.users = answer.users;
    room.members = new Map(answer.nicknames.map((name) => [nameKey(name), name]));
    this.onChange();
  }

  joined({ room: name, nickname, users }) {
    const room = this.#conversations.room(name);
    if (!room) return;
    room.users = users;
    if (nickname !== null) room.members.set(nameKey(nickname), nickname);
    this.onChange();
  }

  left({ room: name, nickname, users }) {
    const room = this.#conversations.room(name);
    if (!room) return;
    room.users = users;
    if (nickname !== null) room.members.delete(nameKey(nickname));
    this.onChange();
  }

  isHere(name) {
    const key = nameKey(name);
    return this.#conversations.rooms.some(({ members }) => members.has(key));
  }
}

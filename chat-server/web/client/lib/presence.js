// Who is in the rooms, as the server tells.

import { isSameName, nameKey } from "./names.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {{ room: string, nickname: string | null, users: number }} Change */

// Each is a question of its own.
const MAX_PEOPLE = 50;

export class Presence {
  /** Called after every change. */
  onChange = () => {};

  #conversations;
  #connection;
  #identity;
  // Whether the server knows what to answer.
  #isKnown = true;

  /**
   * @param {import("./conversations.js").Conversations} conversations
   * @param {import("./connection.js").Connection} connection
   * @param {import("./identity.js").Identity} identity
   */
  constructor(conversations, connection, identity) {
    this.#conversations = conversations;
    this.#connection = connection;
    this.#identity = identity;
  }

  /**
   * Asks who is in a room: after connecting, and now and then for large rooms, where the server does not
   * tell of each who comes or leaves.
   * @param {Conversation} room
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
      // Somewhere else, or nowhere.
      const person = this.#conversations.people.find(({ name }) => isSameName(name, nickname));
      if (person) this.askPerson(person);
    }
    this.onChange();
  }

  /** Asks which of the people are there whom the user writes with: those in none of the user's rooms are told of by nobody. */
  async askPeople() {
    if (!this.#identity.name || !this.#isKnown) return;
    await Promise.all(this.#conversations.people.slice(0, MAX_PEOPLE).map((person) => this.askPerson(person)));
  }

  /** @param {Conversation} person */
  async askPerson(person) {
    if (!this.#identity.name || !this.#isKnown) return;
    // Whose leaving is told.
    if (this.#isInRoom(person.name)) return void (person.online = false);
    const answer = await this.#connection.ask("is online", person.name);
    // A server of an earlier version.
    if (answer?.error?.code === "unknown_event") this.#isKnown = false;
    const online = answer?.online ?? false;
    if (online === person.online) return;
    person.online = online;
    this.onChange();
  }

  /**
   * Whether somebody is anywhere, as far as is known; without a connection nothing is.
   * @param {Conversation} person
   */
  isHere(person) {
    return this.#connection.isConnected && (person.online || this.#isInRoom(person.name));
  }

  /** @param {string} name */
  #isInRoom(name) {
    const key = nameKey(name);
    return this.#conversations.rooms.some(({ members }) => members.has(key));
  }
}

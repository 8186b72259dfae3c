// Clients with a name, and what they ask for.

import assert from "node:assert/strict";

import { once, within } from "./bounds.mjs";
import { connect } from "./client.mjs";

/** A token long enough to keep a nickname. */
export const tokenOf = (name) => `${name}'s own secret token, 7fK2`;

export const ask = (socket, ...args) => socket.timeout(10_000).emitWithAck(...args);

/** A client that connects under a name and notes its private messages. */
export class User {
  messages = [];
  privates = [];
  #look = () => {};

  constructor(t, url, nickname, { auth = {}, ...options } = {}) {
    const named = { nickname, token: tokenOf(nickname), ...auth };
    this.socket = connect(t, url, { auth: named, ...options });
    this.socket.on("chat message", (content, offset, meta) => {
      this.messages.push({ content, offset, ...meta });
      this.#look();
    });
    this.socket.on("private message", (content, offset, meta) => {
      this.privates.push({ content, offset, ...meta });
      this.#look();
    });
  }

  static async connected(t, url, nickname, options) {
    const user = new User(t, url, nickname, options);
    await once(user.socket, "connect");
    return user;
  }

  whisper(to, content, ...more) {
    return ask(this.socket, "private message", to, content, ...more);
  }

  /** Resolves when it has got so many private messages, with their contents. */
  async hears(count, seconds = 20) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.privates.length >= count && resolve();
      this.#look();
    });
    await within(seconds, () => `${this.privates.length} of ${count} private messages`, enough);
    return this.privates.map(({ content }) => content);
  }

  /** Resolves when it has got so many messages of rooms, with their contents. */
  async reads(count, seconds = 20) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.messages.length >= count && resolve();
      this.#look();
    });
    await within(seconds, () => `${this.messages.length} of ${count} messages`, enough);
    return this.messages.map(({ content }) => content);
  }
}

/** Resolves with the message of the error with which a client is refused. */
export async function refused(t, url, auth) {
  const socket = connect(t, url, { auth, reconnection: false });
  const [{ message, data }] = await once(socket, "connect_error");
  assert.equal(message, `${data.code}: ${data.message}`);
  assert.equal(data.retryAfter > 0, data.code === "slow_down");
  return message;
}

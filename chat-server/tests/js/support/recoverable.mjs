// Clients that rely on recovery alone: they name no serverOffset of their own.

import { once, within } from "./bounds.mjs";
import { connect } from "./client.mjs";

export class Recoverable {
  contents = [];
  #look = () => {};

  constructor(t, url, options = {}) {
    this.socket = connect(t, url, options);
    this.socket.on("chat message", (content) => {
      this.contents.push(content);
      this.#look();
    });
  }

  /** Resolves when it is connected, at once when it is. */
  async connected() {
    if (!this.socket.connected) await once(this.socket, "connect", 20);
  }

  /** Resolves when it has got `count` messages. */
  has(count, seconds = 20) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.contents.length >= count && resolve();
      this.#look();
    });
    return within(seconds, () => `${this.contents.length} of ${count} messages are there`, enough);
  }
}

/** Cuts a client off, does something meanwhile, and resolves when it is connected again. */
export async function cutOff(socket, meanwhile = async () => {}) {
  const gone = once(socket, "disconnect");
  const { io } = socket;
  // It must not be back before the rest has happened.
  io.reconnection(false);
  io.engine.close();
  await gone;
  await meanwhile();
  io.reconnection(true);
  const back = once(socket, "connect", 20);
  socket.connect();
  await back;
}

/** A client that has got hold of the secret of another. */
export function sameSecret(t, url, socket) {
  const thief = new Recoverable(t, url, { autoConnect: false });
  thief.socket._pid = socket._pid;
  thief.socket._lastOffset = socket._lastOffset;
  thief.socket.connect();
  return thief;
}

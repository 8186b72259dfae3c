// What a client hears of others in its room.

import { within } from "./bounds.mjs";

/** Notes what comes and goes, as short texts. */
export class Witness {
  heard = [];
  #look = () => {};

  constructor(socket) {
    const note = (text) => {
      this.heard.push(text);
      this.#look();
    };
    socket.on("user joined", ({ room, nickname, users }) => note(`${nickname} joined ${room}: ${users}`));
    socket.on("user left", ({ room, nickname, users }) => note(`${nickname} left ${room}: ${users}`));
    socket.on("typing", ({ room, nickname, typing }) => {
      note(`${nickname} ${typing ? "types" : "rests"} in ${room}`);
    });
  }

  /** Resolves when it has heard so much, with all that it has heard. */
  async hears(count, seconds = 20) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.heard.length >= count && resolve();
      this.#look();
    });
    await within(seconds, () => `${count} things heard, so far ${JSON.stringify(this.heard)}`, enough);
    return this.heard;
  }
}

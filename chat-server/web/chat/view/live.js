// What is said from now on. A page that is opened also gets what was said before, one message after the other as if it was
// new.

// So many are kept until it is known which of them are new.
const MAX_WAITING = 100;

export class Live {
  #chat;
  #handlers = [];
  #isConnected = false;
  // Where the log ended when the page was opened; null as long as that is not known.
  #tail = null;
  #waiting = [];

  constructor(chat) {
    this.#chat = chat;
    chat.on("message", (message, id) => {
      if (this.#tail !== null) return this.#tell(message, id);
      this.#waiting.push([message, id]);
      if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    });
  }

  /** Calls `handler` with each message that is new, and the id of its conversation. */
  listen(handler) {
    this.#handlers.push(handler);
  }

  draw({ connection, rooms }) {
    const isConnected = connection.state === "connected";
    if (isConnected && !this.#isConnected) this.#ask(rooms[0].name);
    this.#isConnected = isConnected;
  }

  // Each time: the server may have another log, which ends before.
  async #ask(room) {
    try {
      const { tail } = await this.#chat.request("join", room);
      this.#tail = Math.min(this.#tail ?? tail, tail);
    } catch {
      // It is not known: what has come so far is taken for what was there.
      this.#tail ??= this.#waiting.at(-1)?.[0].offset ?? 0;
    }
    for (const [message, id] of this.#waiting.splice(0)) this.#tell(message, id);
  }

  #tell(message, id) {
    if (message.offset > this.#tail) for (const handler of this.#handlers) handler(message, id);
  }
}

// Ways to send many messages.

import assert from "node:assert/strict";
import { within } from "./bounds.mjs";
import { connect, Reader, send } from "./client.mjs";

/**
 * Sends `count` messages with up to `ahead` of them unanswered, and resolves with what was acked, in the
 * order of sending. No message has a key, so each must be new.
 */
export function sendPipelined(socket, count, contentOf, { ahead = count, seconds = 30 } = {}) {
  const acked = new Array(count);
  let sent = 0;
  let answered = 0;
  const all = new Promise((resolve, reject) => {
    const sendNext = () => {
      const number = sent++;
      const content = contentOf(number);
      socket.emit("chat message", content, (answer) => {
        if (answer.duplicate !== false) reject(new Error(`refused: ${JSON.stringify(answer)}`));
        acked[number] = { content, offset: answer.offset };
        answered++;
        if (answered === count) resolve(acked);
        else if (sent < count) sendNext();
      });
    };
    while (sent < Math.min(ahead, count)) sendNext();
  });
  return within(seconds, () => `${answered} of ${count} messages are acked`, all);
}

/** Writes a history of `count` messages, and resolves with what was acked. */
export async function writeHistory(t, url, count, contentOf = (n) => `history ${n}`) {
  const socket = connect(t, url);
  const acked = await sendPipelined(socket, count, contentOf, { ahead: 2000 });
  socket.close();
  assert.equal(acked.at(-1).offset, count);
  return acked;
}

/**
 * A client that writes until it is told to stop, with a few messages on their way at any time. It knows
 * the log up to `from`, so that no replay delays it.
 */
export class Writer {
  acked = [];
  #sent = 0;
  #writing = true;

  constructor(t, url, name, { from = 0, ahead = 4 } = {}) {
    this.name = name;
    this.socket = connect(t, url, { auth: { serverOffset: from } });
    this.done = Promise.all(Array.from({ length: ahead }, () => this.#write()));
    // Whoever stops it sees the failure.
    this.done.catch(() => {});
  }

  async #write() {
    while (this.#writing) {
      const number = this.#sent++;
      const content = `${this.name} ${number}`;
      const { offset } = await send(this.socket, content);
      this.acked[number] = { content, offset };
    }
  }

  /** Resolves with what is acked, when all that it has sent is. */
  async stop() {
    this.#writing = false;
    await this.done;
    assertAscending(this.acked);
    return this.acked;
  }
}

/**
 * Sends without waiting, and after a reconnect sends again, in order and with the same keys, all that is
 * not acked: what the client's `retries` do for one message at a time.
 */
export class PersistentSender {
  #messages = [];

  constructor(t, url, name, options) {
    this.name = name;
    this.reader = new Reader(t, url, options);
    this.socket = this.reader.socket;
    this.socket.on("connect", () => {
      for (const message of this.#messages) if (!message.answer) this.#emit(message);
    });
  }

  /** Resolves with the ack, after as many tries as it takes. */
  send(content) {
    const message = { content, key: `${this.name}-${this.#messages.length}` };
    this.#messages.push(message);
    const answered = new Promise((resolve) => (message.resolve = resolve));
    // The client would keep it and send it on its own once connected, a second time.
    if (this.socket.connected) this.#emit(message);
    return answered;
  }

  #emit(message) {
    this.socket.emit("chat message", message.content, message.key, (answer) => {
      // Of two answers, to tries before and after a reconnect, the first is enough.
      message.answer ??= answer;
      message.resolve(answer);
    });
  }

  /** What is acked so far, in the order of sending. */
  get acked() {
    const answered = this.#messages.filter(({ answer }) => answer);
    return answered.map(({ content, answer }) => ({ content, offset: answer.offset }));
  }
}

/** In the order of sending, each message has a later offset than the one before. */
export function assertAscending(acked) {
  for (let n = 1; n < acked.length; n++) {
    const [before, after] = [acked[n - 1], acked[n]];
    const what = `"${after.content}" (${after.offset}) after "${before.content}" (${before.offset})`;
    assert.ok(after.offset > before.offset, what);
  }
}

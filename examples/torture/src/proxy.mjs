// What a network does to the connections of one client: it cuts them at any byte, falls silent, delays and splits.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";

export class Proxy {
  #pairs = new Set();
  #listener;
  /** How many bytes still pass before the fault that is due. */
  #left = Infinity;
  #atBorder = () => {};

  /** Where new connections lead to: a function that returns `{ host, port, isSecure }`. */
  target;

  /** How long each chunk is held back, in milliseconds. */
  delay = 0;

  /** How many bytes are written at once. */
  grain = Infinity;

  static async start(target) {
    const proxy = new Proxy();
    proxy.target = target;
    proxy.#listener = createServer((client) => proxy.#link(client));
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    proxy.url = `http://127.0.0.1:${proxy.#listener.address().port}`;
    return proxy;
  }

  close() {
    this.#listener.close();
    this.cut(true);
  }

  /** Ends all connections, abruptly or in order. */
  cut(abruptly) {
    this.#left = Infinity;
    for (const sockets of this.#pairs) {
      for (const socket of sockets) abruptly && socket.resetAndDestroy ? socket.resetAndDestroy() : socket.destroy();
    }
  }

  /** Does nothing more to connections, and ends those that it has done something to. */
  calm() {
    [this.delay, this.grain] = [0, Infinity];
    this.cut(false);
  }

  /** Lets so many bytes more pass, then nothing for `silence` milliseconds, and then cuts. */
  cutAfter(bytes, { abruptly, silence }) {
    // What was swallowed in a silence must not be followed by anything.
    if (this.#left < Infinity) return;
    this.#left = bytes;
    this.#atBorder = () => setTimeout(() => this.cut(abruptly), silence);
  }

  #link(client) {
    const { host, port, isSecure } = this.target();
    const server = isSecure ? connectTls({ host, port, servername: host }) : connect(port, host);
    const pair = [client, server];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client]]) {
      from.setNoDelay(true);
      let last = Promise.resolve();
      from.on("data", (chunk) => (last = this.#pass(chunk, to, last)));
      // "close" follows.
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        last.then(() => to.destroy());
      });
    }
  }

  async #pass(chunk, to, last) {
    if (this.#left <= 0) return;
    const passing = chunk.subarray(0, this.#left);
    this.#left -= chunk.length;
    const isBorder = this.#left <= 0;
    const { delay, grain } = this;
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    // One after the other, whatever each of them waits for.
    await last;
    for (let at = 0; at < passing.length && !to.destroyed; at += grain) {
      if (!to.write(passing.subarray(at, Math.min(at + grain, passing.length)))) {
        await Promise.race([once(to, "drain").catch(() => {}), once(to, "close").catch(() => {})]);
      }
      if (grain < Infinity) await new Promise(setImmediate);
    }
    if (isBorder) this.#atBorder();
  }
}

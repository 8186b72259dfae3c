// A TCP proxy that does to connections what networks do: slow them down, fall silent, cut them.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { defer } from "./bounds.mjs";

export class Proxy {
  #sockets = new Set();
  /** The sockets from which nothing passes any more. */
  #swallowed = new WeakSet();
  #left = Infinity;
  #atBorder = () => {};
  /** What is still written in small pieces, for each socket that it goes to. */
  #crumbs = new WeakMap();

  /** How long each chunk is held back, in milliseconds. */
  delay = 0;

  /** How many bytes are written at once. */
  grain = Infinity;

  /** The direction that new websockets lose once the client knows that they work: "up" or "down". */
  lostByWebsockets;

  /** Starts a proxy in front of `server`, also of one that starts again later; it ends with the test. */
  static async start(t, server) {
    const proxy = new Proxy();
    const listener = createServer((client) => proxy.#link(client, connect(server.port, "127.0.0.1")));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    proxy.url = `http://127.0.0.1:${listener.address().port}`;
    defer(t, () => {
      listener.close();
      proxy.cut();
    });
    return proxy;
  }

  /** Ends every connection now: abruptly, as a crash does, or in order. */
  cut({ abruptly = true } = {}) {
    this.#left = Infinity;
    for (const socket of this.#sockets) {
      // Node.js 20 does not close a socket that is reset while it ends.
      abruptly && !socket.writableEnded ? socket.resetAndDestroy() : socket.destroy();
    }
  }

  /**
   * Lets `bytes` more pass, in both directions and over all connections together, be it half a packet.
   * Then nothing passes for `silence` milliseconds, and then it cuts and calls `afterwards`.
   */
  cutAfter(bytes, { abruptly, silence = 0, afterwards = () => {} }) {
    this.#left = bytes;
    this.#atBorder = () => {
      setTimeout(() => {
        this.cut({ abruptly });
        afterwards();
      }, silence);
    };
  }

  /** Lets nothing pass any more, without a sign to either side. */
  silence() {
    this.#left = 0;
  }

  /** Lets nothing pass any more in one direction, "up" or "down", over the connections that there are, nor their end. */
  swallow(direction) {
    for (const socket of this.#sockets) if (socket.direction === direction) this.#swallowed.add(socket);
  }

  #link(client, upstream) {
    [client.direction, upstream.direction] = ["up", "down"];
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk) => this.#pass(chunk, from, to));
      // "close" follows.
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        if (this.#swallowed.has(from)) return;
        setTimeout(() => this.#crumbs.get(to)?.then(() => to.end()) ?? to.end(), this.delay);
      });
    }
  }

  #pass(chunk, from, to) {
    if (this.#left <= 0 || this.#swallowed.has(from)) return;
    if (this.lostByWebsockets && from.direction === "down" && chunk.includes("3probe")) {
      this.#swallowed.add(this.lostByWebsockets === "down" ? from : to);
    }
    const passing = chunk.subarray(0, this.#left);
    this.#left -= chunk.length;
    const reached = this.#left <= 0 ? this.#atBorder : undefined;
    const write = () => {
      if (to.destroyed) return reached?.();
      if (this.grain < Infinity) return this.#crumble(passing, to, reached);
      if (to.write(passing, reached)) return;
      from.pause();
      to.once("drain", () => from.resume());
    };
    this.delay > 0 ? setTimeout(write, this.delay) : write();
  }

  /** Writes a chunk in pieces, after those before it. */
  #crumble(chunk, to, reached) {
    const write = async () => {
      for (let at = 0; at < chunk.length && !to.destroyed; at += this.grain) {
        to.write(chunk.subarray(at, at + this.grain));
        await new Promise(setImmediate);
      }
      reached?.();
    };
    this.#crumbs.set(to, (this.#crumbs.get(to) ?? Promise.resolve()).then(write));
  }
}

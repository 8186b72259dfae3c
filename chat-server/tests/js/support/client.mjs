// The official Socket.IO client, as tests use it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defer, within } from "./bounds.mjs";

const installed = process.env.CHAT_NODE_MODULES;
assert.ok(installed, "CHAT_NODE_MODULES must name the directory with socket.io-client");
const require = createRequire(`${installed}/`);
const { io } = require("socket.io-client");

/** The option `parser` of clients with MessagePack. */
export const msgpack = require("socket.io-msgpack-parser");

/** As browsers have it. */
export const { WebSocket } = require("ws");

/** The client's files for browsers. */
export const DIST = join(dirname(require.resolve("socket.io-client/package.json")), "dist");

/** The values of the option `transports`, by name; the default begins with polling and upgrades. */
export const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], default: undefined };

/** A socket with a connection of its own; it is closed with the test. */
export function connect(t, url, options = {}) {
  const quick = { reconnectionDelay: 20, reconnectionDelayMax: 100 };
  const socket = io(url, { forceNew: true, transports: ["websocket"], ...quick, ...options });
  defer(t, () => {
    // One that is paused would wait for half a minute for the other side to close.
    resume(socket);
    socket.close();
  });
  return socket;
}

/** Sends one message and resolves with the server's answer, an ack or a refusal. */
export function send(socket, ...args) {
  return socket.timeout(20_000).emitWithAck("chat message", ...args);
}

/** Reads nothing more from the network, as a machine that is too busy, until `resume`. */
export const pause = (socket) => socket.io.engine.transport.ws._socket.pause();
export const resume = (socket) => socket.io.engine?.transport.ws?._socket?.resume();

/**
 * A client as the tutorial's page: it shows what it gets, and names the last offset it has handled when
 * it connects. It notes every delivery that is not the next one.
 */
export class Reader {
  contents = [];
  faults = [];
  disconnects = [];
  #waiting = new Set();

  constructor(t, url, { from = 0, ...options } = {}) {
    this.from = from;
    this.last = from;
    this.socket = connect(t, url, { auth: { serverOffset: from }, ...options });
    this.socket.on("chat message", (content, offset) => this.#handle(content, offset));
    this.socket.on("disconnect", (reason) => this.disconnects.push(reason));
  }

  #handle(content, offset) {
    if (offset !== this.last + 1) this.faults.push(`${offset} came after ${this.last}`);
    this.contents.push(content);
    this.last = offset;
    this.socket.auth.serverOffset = offset;
    for (const look of this.#waiting) look();
  }

  /** Resolves when the message at `offset` or a later one has arrived. */
  reached(offset, seconds = 30) {
    let look;
    const arrived = new Promise((resolve) => {
      look = () => this.last >= offset && resolve();
      this.#waiting.add(look);
      look();
    });
    const what = () => `a reader from ${this.from} has come to ${this.last} of ${offset}`;
    return within(seconds, what, arrived).finally(() => this.#waiting.delete(look));
  }

  /** What it got at `offset`. */
  at(offset) {
    return this.contents[offset - this.from - 1];
  }

  /** Every offset came once, in order, and `acked` messages stand where their acks say, once. */
  assertWhole(acked = []) {
    assert.deepEqual(this.faults.slice(0, 5), [], `faults of a reader from ${this.from}`);
    const times = new Map();
    for (const content of this.contents) times.set(content, (times.get(content) ?? 0) + 1);
    for (const { content, offset } of acked) {
      if (offset <= this.from) continue;
      assert.equal(this.at(offset), content, `the message acked with offset ${offset}`);
      assert.equal(times.get(content), 1, `how often "${content}" is there`);
    }
  }
}

/** Waits until each of `readers` has got everything up to `tail`, and checks that it is right. */
export async function assertAllWhole(readers, tail, acked) {
  await Promise.all(readers.map((reader) => reader.reached(tail)));
  for (const reader of readers) {
    assert.equal(reader.last, tail, "nothing comes after the last message");
    reader.assertWhole(acked);
  }
}

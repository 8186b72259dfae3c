// As much of a Redis client as it takes to speak as somebody who is no node of the chat.

import { connect } from "node:net";
import { once } from "node:events";
import { defer } from "./bounds.mjs";

/** The reply at the beginning of a buffer, and how long it is; null when it is not whole. */
function parse(buffer, at = 0) {
  const end = buffer.indexOf("\r\n", at);
  if (end < 0) return null;
  const [kind, line, next] = [buffer.toString("latin1", at, at + 1), buffer.toString("utf8", at + 1, end), end + 2];
  if (kind === "$") {
    const length = Number(line);
    if (length < 0) return { value: null, next };
    if (buffer.length < next + length + 2) return null;
    return { value: buffer.toString("utf8", next, next + length), next: next + length + 2 };
  }
  if (kind !== "*") return { value: kind === "-" ? new Error(line) : line, next };
  const items = [];
  let position = next;
  for (let count = Number(line); count > 0; count--) {
    const item = parse(buffer, position);
    if (item === null) return null;
    items.push(item.value);
    position = item.next;
  }
  return { value: items, next: position };
}

export class Redis {
  #socket;
  #buffer = Buffer.alloc(0);
  #waiting = [];
  /** Called for each reply that nobody waits for: what is published. */
  onmessage = () => {};

  static async connect(t, port) {
    const redis = new Redis();
    redis.#socket = connect(Number(port), "127.0.0.1");
    defer(t, () => redis.#socket.destroy());
    await once(redis.#socket, "connect");
    redis.#socket.on("data", (data) => redis.#read(data));
    return redis;
  }

  /** Sends a command, and resolves with its reply. */
  command(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join("")}`);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #read(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    let position = 0;
    for (let reply; (reply = parse(this.#buffer, position)) !== null; position = reply.next) {
      (this.#waiting.shift() ?? this.onmessage)(reply.value);
    }
    this.#buffer = this.#buffer.subarray(position);
  }
}

// Engine.IO by hand: requests that no client of Socket.IO makes.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { defer, within } from "./bounds.mjs";

export const SEPARATOR = "\x1e";

/** A connection that is polled, and what was received on it. */
export class Polling {
  constructor(url, headers = {}) {
    this.url = url;
    this.headers = headers;
  }

  /** Opens a connection; `auth` is what it connects to the namespace with, `null` does not. */
  static async open(url, { auth = {}, headers } = {}) {
    const polling = new Polling(url, headers);
    const { status, text } = await polling.get();
    assert.equal(status, 200, text);
    const opened = JSON.parse(text.slice(1));
    polling.sid = opened.sid;
    if (auth !== null) {
      assert.equal((await polling.post(`40${JSON.stringify(auth)}`)).status, 200);
      polling.connected = JSON.parse((await polling.until((packet) => packet.startsWith("40"))).slice(2));
    }
    return polling;
  }

  query(sid = this.sid) {
    return `/socket.io/?EIO=4&transport=polling${sid === undefined ? "" : `&sid=${sid}`}`;
  }

  get(sid) {
    return this.request(sid, {});
  }

  post(body, sid) {
    return this.request(sid, { method: "POST", body });
  }

  async request(sid, options) {
    const request = fetch(this.url + this.query(sid), { headers: this.headers, ...options });
    const response = await within(35, "an answer", request);
    return { status: response.status, text: await response.text() };
  }

  /** Polls until a packet comes that `is` right. */
  async until(is) {
    for (;;) {
      const { status, text } = await this.get();
      assert.equal(status, 200, text);
      const found = text.split(SEPARATOR).find(is);
      if (found !== undefined) return found;
    }
  }
}

/** A websocket without a library, to be closed and misused at will. */
export class RawWebSocket {
  #received = Buffer.alloc(0);
  #waiting = () => {};

  /** Resolves when the handshake is answered; `status` says how. */
  static async open(t, url, query, headers = {}) {
    const raw = new RawWebSocket();
    const { hostname, port, host } = new URL(url);
    raw.socket = connect(Number(port), hostname);
    raw.socket.on("error", () => {});
    raw.closed = new Promise((resolve) => raw.socket.once("close", resolve));
    defer(t, () => raw.socket.destroy());
    const key = randomBytes(16).toString("base64");
    const lines = Object.entries({
      Host: host,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": 13,
      "Sec-WebSocket-Key": key,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    raw.socket.write(`GET ${query} HTTP/1.1\r\n${lines.join("")}\r\n`);
    const head = new Promise((resolve) => {
      let text = "";
      const read = (chunk) => {
        text += chunk.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        raw.socket.off("data", read);
        raw.#received = Buffer.from(text.slice(end + 4), "latin1");
        raw.socket.on("data", (more) => {
          raw.#received = Buffer.concat([raw.#received, more]);
          raw.#waiting();
        });
        resolve(text);
      };
      raw.socket.on("data", read);
    });
    raw.status = Number((await within(10, "an answer to the handshake", head)).split(" ")[1]);
    return raw;
  }

  /** Sends a text message. */
  send(text) {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    const length = payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 255];
    const masked = payload.map((byte, index) => byte ^ mask[index % 4]);
    this.socket.write(Buffer.concat([Buffer.from([0x81, ...length]), mask, masked]));
  }

  /** The next text message. */
  next() {
    const message = new Promise((resolve) => {
      const look = () => {
        const data = this.#received;
        if (data.length < 2) return;
        const [start, length] = data[1] < 126 ? [2, data[1]] : [4, data.length < 4 ? Infinity : data.readUInt16BE(2)];
        if (data.length < start + length) return;
        this.#received = data.subarray(start + length);
        this.#waiting = () => {};
        resolve(data.subarray(start, start + length).toString());
      };
      this.#waiting = look;
      look();
    });
    return within(10, "a message", message);
  }
}

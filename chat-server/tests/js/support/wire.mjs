// Engine.IO and Socket.IO packet by packet, over either transport.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { defer, sleep, within } from "./bounds.mjs";
import { Polling, SEPARATOR } from "./raw.mjs";

const require = createRequire(`${process.env.CHAT_NODE_MODULES}/`);
const { WebSocket } = require("ws");
const msgpack = require("socket.io-msgpack-parser");

/** Starts a websocket for a query; the caller says what comes of it. */
export function websocket(t, url, query) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?${query}`);
  defer(t, () => socket.terminate());
  socket.on("error", () => {});
  return socket;
}

/** Resolves with the HTTP status with which a websocket is refused. */
export function refusal(socket) {
  const refused = new Promise((resolve, reject) => {
    socket.once("unexpected-response", (_, response) => resolve(response.statusCode));
    socket.once("open", () => reject(new Error("it was accepted")));
  });
  return within(10, "an answer to the handshake", refused);
}

/** What both transports have in common: packets that came and are not taken yet. Pings are answered, unless it is `silent`. */
class Link {
  pings = [];
  silent = false;
  received = [];

  /** The next packet that is no ping. */
  async next() {
    for (;;) {
      const packet = this.received.shift() ?? (await within(60, "a packet", this.more()));
      if (packet !== "2") return packet;
      this.pings.push(performance.now());
      if (!this.silent) await this.send("3");
    }
  }

  /** The next packet that is text and right, with those before it in `passed`. */
  async until(is, passed = []) {
    for (;;) {
      const packet = await this.next();
      if (typeof packet === "string" && is(packet)) return packet;
      passed.push(packet);
    }
  }
}

/** Packets of a websocket: text as text, binary as a buffer. */
export class Frames extends Link {
  #look = () => {};

  constructor(socket) {
    super();
    this.socket = socket;
    socket.on("message", (data, isBinary) => {
      this.received.push(isBinary ? data : data.toString());
      this.#look();
    });
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }

  static open(t, url, query = "EIO=4&transport=websocket") {
    return new Frames(websocket(t, url, query));
  }

  more() {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.received.length === 0) return;
        this.#look = () => {};
        resolve(this.received.shift());
      };
      this.#look();
    });
  }

  send(...packets) {
    for (const packet of packets) this.socket.send(packet);
  }

  ends() {
    return within(10, "the end of the connection", this.closed);
  }
}

/** The same for a connection that is polled. */
class Polls extends Link {
  constructor(polling) {
    super();
    this.polling = polling;
  }

  async more() {
    const { status, text } = await this.polling.get();
    assert.equal(status, 200, text);
    this.received.push(...text.split(SEPARATOR));
    return this.received.shift();
  }

  /** A poll that waits, when everything so far has come. */
  async wait() {
    for (;;) {
      const poll = this.polling.get();
      const came = await Promise.race([poll, sleep(1000)]);
      // In an object: what waits is not waited for here.
      if (came === undefined) return { poll };
      if (came.text === "2") await this.send("3");
    }
  }

  async send(...packets) {
    const encoded = packets.map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`));
    return this.polling.post(encoded.join(SEPARATOR));
  }

  /** What was on its way may still come. */
  async ends() {
    const ended = (async () => {
      while ((await this.polling.get()).status !== 400) await sleep(20);
    })();
    await within(10, "the end of the connection", ended);
  }
}

/** The websocket that a polled connection has moved to. */
export async function upgraded(t, url, sid) {
  const frames = Frames.open(t, url, `EIO=4&transport=websocket&sid=${sid}`);
  await within(10, "the websocket", new Promise((resolve) => frames.socket.once("open", resolve)));
  frames.send("2probe");
  assert.equal(await frames.next(), "3probe");
  frames.send("5");
  return frames;
}

/**
 * A connection over a transport, before any packet of Socket.IO; `opened` is what the server says of it. One with
 * "upgrade" has moved from polling to a websocket.
 */
export async function open(t, url, transport) {
  if (transport === "upgrade") {
    const { opened } = await open(t, url, "polling");
    return Object.assign(await upgraded(t, url, opened.sid), { opened });
  }
  if (transport === "websocket") {
    const frames = Frames.open(t, url);
    return Object.assign(frames, { opened: JSON.parse((await frames.next()).slice(1)) });
  }
  const polling = new Polling(url);
  const { status, text } = await polling.get();
  assert.equal(status, 200, text);
  const opened = JSON.parse(text.slice(1));
  polling.sid = opened.sid;
  return Object.assign(new Polls(polling), { opened });
}

/** The same, connected to the main namespace with some `auth`. */
export async function connected(t, url, transport, auth = "") {
  const link = await open(t, url, transport);
  await link.send(`40${auth}`);
  link.connected = JSON.parse((await link.until((packet) => packet.startsWith("40"))).slice(2));
  return link;
}

/**
 * A connection of a client with MessagePack, in the main namespace, with some `auth`: its packets are objects, or a
 * buffer as it is.
 */
export async function packed(t, url, transport, auth) {
  const link = await open(t, url, transport);
  const encode = (packet) => (Buffer.isBuffer(packet) ? packet : Buffer.from(new msgpack.Encoder().encode(packet)[0]));
  const send = (...packets) => link.send(...packets.map(encode));
  const until = async (is) => {
    for (;;) {
      const packet = await link.next();
      const isText = typeof packet === "string";
      if (isText && !packet.startsWith("b")) continue;
      let decoded;
      const decoder = new msgpack.Decoder();
      decoder.on("decoded", (packet) => (decoded = packet));
      decoder.add(isText ? Buffer.from(packet.slice(1), "base64") : packet);
      if (is(decoded)) return decoded;
    }
  };
  const enter = async (nsp = "/", data) => {
    await send({ type: 0, nsp, ...(data && { data }) });
    return (await until((packet) => [0, 4].includes(packet.type) && packet.nsp === nsp)).data;
  };
  const ask = async (id, data, options = {}) => {
    await send({ type: 2, nsp: "/", id, data, ...options });
    return (await until((packet) => packet.type === 3 && packet.id === id)).data[0];
  };
  return { link, send, until, enter, ask, connected: await enter("/", auth) };
}

/** Sends an event with an ack id, perhaps with attachments, and resolves with the arguments of its ack. */
export async function ask(link, id, args, ...attachments) {
  const type = attachments.length === 0 ? "2" : `5${attachments.length}-`;
  await link.send(`4${type}${id}${JSON.stringify(args)}`, ...attachments);
  return JSON.parse((await link.until((packet) => packet.startsWith(`43${id}[`))).slice(`43${id}`.length));
}

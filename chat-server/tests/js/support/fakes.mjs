// A server, a clock and tabs that tests play, for the client library.

import { EventEmitter } from "node:events";
import { createChat, headlessEnvironment } from "../../../web/client/index.js";
import { Page, Store } from "./library.mjs";

/** Time that passes when a test says so. */
export class Clock {
  #now = 1_000_000;
  #timers = new Set();

  now = () => this.#now;
  setTimeout = (act, ms) => {
    const timer = { act, at: this.#now + ms };
    this.#timers.add(timer);
    return timer;
  };
  clearTimeout = (timer) => void this.#timers.delete(timer);

  get timers() {
    return this.#timers.size;
  }

  /** Lets so much time pass, and what is due happen. */
  async pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.act();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets all promises that can be settled be settled. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A socket as that of socket.io-client. What it sends is in `sent`; `answers` has the answers by event. */
class Socket extends EventEmitter {
  connected = false;
  active = true;
  recovered = false;
  io = { engine: { id: "id", transport: { name: "websocket" }, send() {}, close() {} }, opts: {}, timeout() {} };
  #any = () => {};

  constructor(server) {
    super();
    this.server = server;
  }

  onAny = (handler) => (this.#any = handler);
  offAny = () => (this.#any = () => {});
  off = () => this.removeAllListeners();
  connect = () => this.server.connects(this);

  emit = (event, ...args) => {
    const answer = typeof args.at(-1) === "function" ? args.pop() : () => {};
    this.server.sent.push([event, ...args]);
    const given = this.server.answers[event];
    if (given !== undefined) answer(typeof given === "function" ? given(...args) : given);
    return true;
  };

  disconnect = () => {
    this.connected = false;
    this.active = false;
  };

  /** An event arrives. */
  arrives(event, ...args) {
    this.#any(event, ...args);
    super.emit(event, ...args);
  }
}

/** A server that answers as a test says, and the client of it. */
export class FakeServer {
  sent = [];
  handshakes = [];
  answers = {
    join: (room) => ({ room, users: 1, tail: 0 }),
    users: (room) => ({ room, users: 1, nicknames: [] }),
    history: { messages: [], more: false },
    unread: { rooms: [], conversations: [] },
  };
  clock = new Clock();
  page = new Page();
  // Whether it lets clients in.
  isUp = true;
  #options = [];

  /** A started client. */
  client({ local = new Store(), page = this.page, hasWebsockets = true, ...options } = {}) {
    const environment = headlessEnvironment({ clock: this.clock, local, page, hasWebsockets });
    const io = (url, options) => {
      this.#options.push([url, options]);
      this.socket = new Socket(this);
      this.socket.auth = options.auth;
      return this.socket;
    };
    const chat = createChat({ io, url: "https://chat.example/team/", environment, ...options });
    chat.start();
    return chat;
  }

  get options() {
    return this.#options;
  }

  connects(socket) {
    socket.active = true;
    socket.auth((handshake) => {
      this.handshakes.push(handshake);
      if (!this.isUp) return;
      socket.connected = true;
      socket.arrives("connect");
    });
  }

  /** The connection breaks. */
  breaks() {
    this.socket.connected = false;
    this.socket.arrives("disconnect", "transport close");
  }

  refuses(data) {
    this.socket.active = false;
    this.socket.arrives("connect_error", Object.assign(new Error(data.message), { data }));
  }

  /** Somebody says something, which stands at this offset. */
  says(offset, content, meta = {}) {
    const said = { room: "general", from: "Bob", user: "b", at: 1, clientOffset: null, ...meta };
    this.socket.arrives("chat message", content, offset, said, `epoch-${offset}`);
  }

  /** What was sent of an event. */
  of(event) {
    return this.sent.filter(([name]) => name === event).map(([, ...args]) => args);
  }
}

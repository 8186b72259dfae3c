// The client library, as programs use it: with a store that outlives them, and a page that tests play.

import { webcrypto } from "node:crypto";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { createChat, headlessEnvironment } from "../../../web/client/index.js";
import { defer, within } from "./bounds.mjs";

// Node.js 18 has it, but not as browsers do.
globalThis.crypto ??= webcrypto;

const { io } = createRequire(`${process.env.CHAT_NODE_MODULES}/`)("socket.io-client");

/** Values that are kept, as in `localStorage`. `full` refuses new ones. */
export class Store {
  values = new Map();
  full = false;

  getItem = (name) => this.values.get(name) ?? null;
  setItem = (name, value) => {
    if (this.full) throw new Error("full");
    this.values.set(name, value);
  };
  removeItem = (name) => void this.values.delete(name);
  names = () => [...this.values.keys()];
}

/** A page that is seen and online until a test says something else. */
export class Page {
  hidden = false;
  online = true;
  beacons = [];
  #events = new EventEmitter();

  isHidden = () => this.hidden;
  isOnline = () => this.online;
  beacon = (...sent) => void this.beacons.push(sent);
  listen = (event, handler) => {
    this.#events.on(event, handler);
    return () => this.#events.off(event, handler);
  };

  happens(event, details = {}) {
    this.#events.emit(event, details);
  }

  /** How many listen, to whatever. */
  get listeners() {
    return this.#events.eventNames().reduce((sum, name) => sum + this.#events.listenerCount(name), 0);
  }
}

/** A started client, which is stopped with the test. */
export function chatting(t, url, { local = null, session = null, page = new Page(), ...options } = {}) {
  const environment = headlessEnvironment({ local, session, page });
  const chat = createChat({ io, url: `${url}/`, environment, ...options });
  defer(t, () => chat.stop());
  chat.start();
  return chat;
}

/** Resolves with the snapshot for which this holds. */
export function until(chat, what, holds) {
  let stop = () => {};
  const found = new Promise((resolve) => {
    const look = () => holds(chat.snapshot()) && resolve(chat.snapshot());
    stop = chat.subscribe(look);
    look();
  });
  const state = () => `${what}: ${JSON.stringify(chat.snapshot(), null, 1).slice(0, 2_000)}`;
  return within(15, state, found).finally(stop);
}

export const connected = (chat) => until(chat, "connected", ({ connection }) => connection.state === "connected");

/** Resolves when exactly these texts are in the open conversation, and nothing waits. */
export const shows = (chat, ...texts) =>
  until(chat, `shows ${texts}`, ({ open }) => open.waiting.length === 0 && String(contents(open)) === String(texts));

export const contents = ({ messages }) => messages.map(({ content }) => content);

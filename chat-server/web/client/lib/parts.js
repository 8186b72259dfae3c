// The parts of a client, and how they are connected.

import { Arrivals } from "./arrivals.js";
import { Changes } from "./changes.js";
import { Connection } from "./connection.js";
import { Conversations } from "./conversations.js";
import { browserEnvironment, headlessEnvironment } from "./environment.js";
import { Handover } from "./handover.js";
import { History } from "./history.js";
import { Identity } from "./identity.js";
import { Memory } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { Reading } from "./reading.js";
import { Scope } from "./scope.js";
import { Session } from "./session.js";
import { Typing } from "./typing.js";

/**
 * Calls `changed` after every change.
 * @param {import("./types.js").Options} options
 * @param {import("./listeners.js").Listeners} listeners
 * @param {import("./listeners.js").Listeners} others of events that the client knows nothing of
 * @param {() => void} changed
 */
export function assemble(options, listeners, others, changed) {
  const { environment = ownEnvironment() } = options;
  const { clock, page, base, random, hasWebsockets } = environment;
  const url = folder(options.url ?? "./", base);
  const prefix = Memory.prefix(url, base);
  const [memory, tab] = [new Memory(environment.local, prefix), new Memory(environment.session, prefix)];
  const newKey = () => random(16);
  const scope = new Scope(clock);
  const listening = { scope, page };

  // A signed token is that of one tab, and so is whom it names.
  const identity = new Identity(options.signedToken ? null : listening, options.signedToken ? tab : memory, newKey, options);
  const conversations = new Conversations(listening, memory, tab, identity.name, options);
  const outbox = new Outbox(listening, memory, tab, newKey);
  /** @type {Connection} */
  const connection = new Connection(options.io, url, hasWebsockets, listening, {
    handshake: () => session.handshake(),
    events: () => session.events,
    onOther: (event, args) => {
      arrivals.other(args);
      others.tell(event, ...args);
    },
    onConnect: (isRecovered) => session.connected(isRecovered),
    onRefused: (problem) => session.refused(problem),
    onStatus: () => {
      if (!connection.isConnected) typing.clear();
      changed();
    },
  });
  const typing = new Typing(scope, conversations, connection);
  const reading = new Reading(scope, conversations, connection, identity);
  const changes = new Changes(conversations, connection, identity);
  const presence = new Presence(conversations, connection, identity);
  const arrivals = new Arrivals(listening, { conversations, identity, outbox, changes, typing, reading }, options);
  const history = new History(scope, connection, (said) => arrivals.message(said));
  const handover = new Handover(listening, memory, tab, connection, conversations);
  const flow = { arrivals, connection, conversations, history, identity, listeners, outbox, presence, reading, typing };
  const session = new Session(listening, options, flow);

  for (const part of [arrivals, outbox, presence, reading, session, typing]) part.onChange = changed;
  history.onLoaded = changed;
  arrivals.onMessage = (message, id) => listeners.tell("message", message, id);
  arrivals.onChanged = (offset, id) => listeners.tell("changed", offset, id);
  return { url, scope, changes, handover, session, ...flow };
}

function ownEnvironment() {
  return typeof document === "undefined" ? headlessEnvironment() : browserEnvironment();
}

/**
 * @param {string} url
 * @param {string} base
 */
function folder(url, base) {
  const { origin, pathname } = new URL(url, base);
  return new URL(origin + pathname.replace(/[^/]*$/, ""));
}

// A stock client that never gives up: it sends with keys, and notes every delivery for each room.

import { randomUUID } from "node:crypto";
import { io, msgpack } from "./packages.mjs";
import { digest } from "./random.mjs";

const TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]];

/** How long a request may take before it is made again, in milliseconds. */
const PATIENCE = 4_000;

/** When it tries again to come into a room. */
const AGAIN = 300;

/** How a message ends that nobody may store. */
export const INTRUDED = " was here";

/** How many lines of its story are kept, at least. */
const STORY = 200;

export class Client {
  /** What of each room it follows: the offset after which, and how far it has come. */
  rooms = new Map();

  /** The offsets that it got, in order, of each time that it began to follow a room. */
  memberships = [];

  /** What is wrong with what it got. */
  violations = [];

  /** Its messages, by content: the room, and the answer when there is one. */
  sent = new Map();

  /** What happened to it, for whoever looks for the reason of a violation. */
  story = [];

  /** How often it connected, and how often its session was recovered. */
  connections = 0;
  recovered = 0;

  #socket;
  #gotSince = [];
  #sending;
  /** How many messages it has begun to send. */
  #begun = 0;
  #stopped = false;
  /** The number of the current connection. Answers to requests of others are of no use. */
  #connection = 0;

  /** The private room: somebody who is a member follows it, and all others try to. */
  #guard;
  #user;

  constructor(number, url, { room, random, headers, guard, user }) {
    [this.#guard, this.#user] = [guard, user];
    this.name = `client ${number}`;
    this.random = random;
    this.home = room;
    this.follow(room, 0);
    if (user) this.follow(guard.room, 0);
    const transports = random.of(TRANSPORTS);
    const parser = random.oneIn(4) ? msgpack : undefined;
    this.kind = `${transports.join(" and ")}${parser ? ", MessagePack" : ""}`;
    this.#socket = io(url, {
      forceNew: true,
      transports,
      parser,
      extraHeaders: headers,
      timeout: 3_000,
      reconnectionDelay: 50,
      reconnectionDelayMax: 1_000,
      auth: (answer) => {
        const rooms = guard && !user ? [this.home, guard.room] : [this.home];
        const asked = { ...user, rooms, serverOffset: this.rooms.get(this.home).cursor };
        this.#note(`connects to port ${this.target.port}, at ${this.#socket._lastOffset}, else ${asked.serverOffset}`);
        answer(asked);
      },
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("connect_error", ({ data }) => {
      // What a server refuses is not tried again by the library: here it may be that it stops.
      if (!this.#socket.active) setTimeout(() => !this.#stopped && this.#socket.connect(), data?.retryAfter ?? 200);
    });
    this.#socket.on("disconnect", (reason) => {
      this.#note(`disconnected: ${reason}`);
      this.#connection++;
      if (!this.#socket.active && !this.#stopped) this.#socket.connect();
    });
    this.#socket.on("not joined", ({ rooms }) => {
      for (const { room, error } of rooms) this.#isOut(room, error);
    });
    this.#socket.on("chat message", (content, offset, { room }) => this.#got(content, offset, room));
  }

  get isMember() {
    return this.#user !== undefined;
  }

  get isSending() {
    return this.#sending !== undefined;
  }

  #isGuarded(room) {
    return this.#guard !== undefined && room === this.#guard.room;
  }

  /** Comes back later to a room that it was sent out of, from where it is. */
  #isOut(room, error) {
    const state = this.rooms.get(room);
    if (state === undefined) return;
    this.#note(`is not in ${room}: ${error.code}`);
    if (!this.#isGuarded(room)) this.violations.push(`${this.name} is sent out of ${room}: ${JSON.stringify(error)}`);
    state.isJoined = false;
    setTimeout(() => this.#join(room), AGAIN);
  }

  /** Notes what happens now, after what it has got since the last note. */
  #note(what) {
    const got = this.#gotSince;
    const shown = got.length > 12 ? [...got.slice(0, 6), "…", ...got.slice(-6)] : got;
    if (got.length > 0) this.story.push(`got ${got.length}: ${shown.join(", ")}`);
    this.#gotSince = [];
    this.story.push(`${(performance.now() / 1000).toFixed(3)} s ${what}`);
    if (this.story.length > 2 * STORY) this.story.splice(0, STORY);
  }

  follow(room, after) {
    const membership = { room, after, offsets: [], digests: [], again: after };
    this.memberships.push(membership);
    this.rooms.set(room, { cursor: after, membership, isJoined: false });
  }

  #connected() {
    this.connections++;
    this.recovered += this.#socket.recovered ? 1 : 0;
    this.#note(this.#socket.recovered ? "recovered" : "connected anew");
    this.rooms.get(this.home).isJoined = true;
    for (const [room, state] of this.rooms) {
      if (room === this.home) continue;
      // A session that was recovered has the rooms whose join was answered, unless it was sent out: that it may not know.
      if (this.#socket.recovered && state.isJoined && !this.#isGuarded(room)) continue;
      [state.isJoined, state.isUncertain] = [false, this.#isGuarded(room) || state.isUncertain];
      this.#join(room);
    }
    this.#send();
  }

  #got(content, offset, room) {
    const state = this.rooms.get(room);
    if (state === undefined) return void this.violations.push(`${this.name} is not in ${room}, and got ${offset} of it`);
    const { membership } = state;
    if (this.#isGuarded(room) && this.#guard.forbids(this.#user.nickname, content)) {
      this.violations.push(`${this.name} got ${offset} of ${room}, which it was banned from`);
    }
    this.#gotSince.push(`${offset} of ${room.split(" ").at(-1)}`);
    if (offset <= state.cursor) {
      if (offset > membership.again && !state.isUncertain) {
        this.violations.push(`${this.name} (${this.kind}) got ${offset} of ${room} after ${state.cursor}`);
      }
      return;
    }
    membership.offsets.push(offset);
    membership.digests.push(digest(content));
    state.cursor = offset;
  }

  /** Joins a room from where it is, until that is answered. */
  #join(room) {
    const [connection, state] = [this.#connection, this.rooms.get(room)];
    if (state.isJoined || state.isJoining === connection || this.#stopped || !this.#socket.connected) return;
    state.isJoining = connection;
    // Not as a promise: what comes after the answer in one payload would be handled before it.
    this.#note(`joins ${room} after ${state.cursor}`);
    this.#socket.timeout(PATIENCE).emit("join", room, { after: state.cursor }, (error, answer) => {
      this.#note(`join of ${room}: ${error ? "no answer" : JSON.stringify(answer)}`);
      if (state.isJoining === connection) state.isJoining = undefined;
      if (error) {
        state.isUncertain = true;
        if (this.#connection === connection) this.#join(room);
        return;
      }
      const code = answer.error?.code;
      if (code === "unavailable" || (code === "forbidden" && this.#isGuarded(room))) {
        return void setTimeout(() => this.#join(room), AGAIN);
      }
      if (answer.error) this.violations.push(`${this.name} cannot join ${room}: ${answer.error.code}`);
      // Earlier joins whose answers did not come may have worked too: what they brought comes again.
      if (state.isUncertain) state.membership.again = state.cursor;
      [state.isJoined, state.isUncertain] = [true, false];
    });
  }

  /** Joins another room from an offset on. */
  enter(room, after) {
    if (this.rooms.has(room)) return;
    this.follow(room, after);
    if (this.#socket.connected) this.#join(room);
  }

  /** Tries what nobody may who is no member of the private room. */
  intrude() {
    if (this.#guard === undefined || this.#user || !this.#socket.connected) return;
    const room = this.random.of([this.#guard.room, this.#guard.spelling]);
    const [event, ...args] = this.random.of([
      ["join", room, { after: 0 }],
      ["history", { room }],
      ["users", room],
      ["chat message", `${this.name}${INTRUDED}`, null, { room }],
    ]);
    this.#socket.timeout(PATIENCE).emit(event, ...args, (error, answer) => {
      if (error) return;
      if (answer.error) this.#guard.refusals++;
      else this.violations.push(`${this.name} is no member of ${room}, and asks for "${event}": ${JSON.stringify(answer)}`);
    });
  }

  /** Sends messages to a room that it is in, each when the one before is acked, until it is stopped. */
  send(pause) {
    this.pause = pause;
    this.#next();
  }

  #next() {
    if (this.#stopped || this.pause === undefined) return;
    const joined = [...this.rooms].filter(([, { isJoined }]) => isJoined).map(([room]) => room);
    const room = joined.length > 0 ? this.random.of(joined) : this.home;
    const more = this.random.oneIn(50) ? "x".repeat(this.random.between(1, 8_000)) : "";
    const content = `${this.name}, ${this.#begun++}${more}`;
    this.#sending = { room, content, key: randomUUID(), tries: 0 };
    this.sent.set(content, this.#sending);
    this.#guard?.sends(content);
    this.#send();
  }

  #send() {
    const [message, connection] = [this.#sending, this.#connection];
    if (message === undefined || !this.#socket.connected || message.isOnItsWay === connection) return;
    message.isOnItsWay = connection;
    const { content, key, room } = message;
    this.#socket.timeout(PATIENCE).emit("chat message", content, key, { room }, (error, answer) => {
      if (message.offset !== undefined) return;
      const code = answer?.error?.code;
      if (this.#isGuarded(room) && ["forbidden", "not_in_room"].includes(code)) {
        // It is banned. An earlier try may have been stored.
        this.sent.delete(content);
        this.#sending = undefined;
        return void setTimeout(() => this.#next(), 100);
      }
      if (error || code === "not_in_room" || code === "unavailable") {
        if (message.isOnItsWay === connection) message.isOnItsWay = undefined;
        // The join was not saved when the server crashed, and is made again.
        return void setTimeout(() => this.#send(), error ? 0 : 100);
      }
      if (answer.error !== undefined) {
        this.violations.push(`${this.name}: "${content.slice(0, 40)}" is refused: ${JSON.stringify(answer.error)}`);
      }
      message.offset = answer.offset ?? 0;
      this.#sending = undefined;
      setTimeout(() => this.#next(), this.pause ?? 0);
    });
  }

  /** How many of its messages are acked. */
  get acks() {
    return this.sent.size - (this.#sending === undefined ? 0 : 1);
  }

  /** The last offset that it got. */
  get furthest() {
    return Math.max(...[...this.rooms.values()].map(({ cursor }) => cursor));
  }

  /** Whether something has not arrived yet, given the last offset of each room. */
  lacks(ends) {
    return [...this.rooms].some(([room, { cursor }]) => cursor < (ends.get(room) ?? 0));
  }

  /** Sends nothing new. */
  finish() {
    this.pause = undefined;
  }

  stop() {
    this.#stopped = true;
    this.#socket.close();
  }
}

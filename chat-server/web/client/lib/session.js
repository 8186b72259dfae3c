// What happens as connections begin, are refused and end, and as the user's name changes.

import { NoAnswer, Refusal, writtenAs } from "./refusal.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./types.js").Problem} Problem */
/**
 * @typedef {object} Parts
 * @property {import("./arrivals.js").Arrivals} arrivals
 * @property {import("./connection.js").Connection} connection
 * @property {import("./conversations.js").Conversations} conversations
 * @property {import("./history.js").History} history
 * @property {import("./identity.js").Identity} identity
 * @property {import("./listeners.js").Listeners} listeners
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./presence.js").Presence} presence
 * @property {import("./reading.js").Reading} reading
 * @property {import("./typing.js").Typing} typing
 */

// How many messages of each room a first visit begins with.
const FIRST_MESSAGES = 50;
// How often the users of the open room are asked for.
const PRESENCE_MS = 30_000;

export class Session {
  /** Called after every change. */
  onChange = () => {};

  #listening;
  #options;
  #parts;
  #wasConnected = false;

  /**
   * @param {import("./memory.js").Listening} listening
   * @param {import("./types.js").Options} options
   * @param {Parts} parts
   */
  constructor(listening, options, parts) {
    this.#listening = listening;
    this.#options = options;
    this.#parts = parts;
    const { arrivals, conversations, identity, outbox, connection } = parts;
    arrivals.onOtherLog = () => this.beginAgain();
    arrivals.onOtherRoom = (room) => connection.tell("leave", room);
    outbox.onStored = (entry, stored) => this.#stored(entry, stored);
    conversations.onOtherTab = (rooms) => this.#otherTab(rooms);
    identity.onOtherTab = (name) => this.#otherName(name);
  }

  start() {
    const { connection, conversations, history, identity, outbox, presence } = this.#parts;
    const { scope, page } = this.#listening;
    connection.start();
    outbox.start((entry) => this.#send(entry));
    history.open(conversations.open);
    scope.every(PRESENCE_MS, () => {
      if (conversations.open.isRoom) presence.ask(conversations.open);
      presence.askPeople();
    });
    // A user without a name is somebody else for the server after a reload, and would count twice. With a name it is
    // the same one, whose session may go on. One that polls says so early: at "pagehide" the poll is given up, which
    // the server takes for the end, and it may hear of that first.
    const isNobody = () => identity.name === null;
    scope.onEnd(page.listen("beforeunload", () => isNobody() && connection.leavesEarly && connection.leave()));
    scope.onEnd(page.listen("pagehide", () => isNobody() && connection.leave()));
    // Another device may have read meanwhile.
    scope.onEnd(page.listen("visibilitychange", () => page.isHidden() || this.#parts.reading.ask()));
    // The page is shown again as it was left, without being loaded.
    scope.onEnd(page.listen("pageshow", ({ persisted }) => persisted && connection.start()));
  }

  /** Handlers by event of the server. */
  get events() {
    const { arrivals, presence, typing, reading } = this.#parts;
    return {
      ...arrivals.events,
      "other log": () => this.#otherLog(),
      nickname: (/** @type {any} */ named) => this.#named(named.nickname, named.user),
      "user joined": (/** @type {any} */ change) => presence.joined(change),
      "user left": (/** @type {any} */ change) => presence.left(change),
      typing: (/** @type {any} */ change) => typing.heard(change),
      "private typing": (/** @type {any} */ change) => typing.heardPrivately(change),
      read: (/** @type {any} */ change) => reading.heard(change),
    };
  }

  /** What is said when connecting. */
  handshake() {
    const { identity, conversations } = this.#parts;
    const { signedToken, history = FIRST_MESSAGES } = this.#options;
    const { name, token } = identity;
    const { offset, position } = conversations.cursor;
    const said = {
      serverOffset: offset,
      // Whatever Socket.IO itself would say of where it was.
      ...(position === null ? {} : { offset: position }),
      history,
      rooms: conversations.rooms.map((room) => room.name),
      echo: false,
    };
    if (signedToken) return Promise.resolve(signedToken()).then((token) => ({ ...said, token }));
    return name === null ? said : { ...said, nickname: name, token };
  }

  /** @param {boolean} isRecovered */
  connected(isRecovered) {
    const { arrivals, connection, conversations, history, listeners, presence, reading } = this.#parts;
    const { rooms } = conversations;
    if (this.#wasConnected && !isRecovered && conversations.cursor.offset === 0) {
      // Nothing says from where to go on: begin again.
      conversations.reset();
    }
    // A session that is recovered may not know of the latest.
    const [tail = Promise.resolve()] = rooms.map(({ name }) => connection.ask("join", name));
    if (!this.#wasConnected && this.#options.history === 0) {
      // Who begins at the end is there from now on, also if nothing arrives before the next run.
      tail.then((answer) => conversations.begin(answer?.tail ?? 0));
    }
    const wasConnected = this.#wasConnected;
    if (wasConnected || conversations.cursor.offset > 0) {
      arrivals.catchUp.begin(tail.then((answer) => answer?.tail), (count) => {
        if (wasConnected) listeners.tell("caughtUp", count);
        this.onChange();
      });
    }
    this.#wasConnected = true;
    for (const room of rooms) presence.ask(room);
    presence.askPeople();
    reading.ask();
    history.open(conversations.open);
    this.onChange();
  }

  /**
   * Says whether to connect again at once.
   * @param {Problem} problem
   */
  refused(problem) {
    const { identity, listeners } = this.#parts;
    const { name } = identity;
    const { code } = problem;
    if (name === null || !["nickname_taken", "invalid_nickname", "invalid_token"].includes(code)) return false;
    if (this.#options.signedToken) return false;
    if (code === "invalid_token") identity.renewToken();
    this.#named(null, null);
    listeners.tell("nameLost", name, problem);
    return true;
  }

  /**
   * @param {string} name
   * @param {{ invitation?: string, label?: string }} given
   */
  async become(name, { invitation = this.#options.invitation, label } = {}) {
    const { connection, identity } = this.#parts;
    const options = { ...(invitation !== undefined && { invitation }), ...(label !== undefined && { label }) };
    const claim = () => connection.ask("nickname", name, identity.token, options);
    let answer = await claim();
    if (answer?.error?.code === "invalid_token") {
      identity.renewToken();
      answer = await claim();
    }
    if (!answer) throw new NoAnswer();
    if (answer.error) throw new Refusal(answer.error);
    this.#named(answer.nickname, answer.user);
    // Whoever comes by an invitation was in no room.
    if (invitation !== undefined) connection.restart();
    else this.#parts.reading.ask();
  }

  becomeNobody() {
    this.#named(null, null);
    this.#parts.connection.restart();
  }

  /**
   * What waits for a room is given up with it: only who is in it may write there, and nobody sees it any more.
   * @param {Conversation} room
   */
  leaveRoom(room) {
    const { connection, conversations, outbox } = this.#parts;
    outbox.discardAll(room);
    connection.tell("leave", room.name);
    conversations.remove(room);
  }

  /** The server has another log than before, where no offset of ours means anything. */
  beginAgain() {
    const { connection, conversations, history } = this.#parts;
    this.#forgetLog();
    connection.restart();
    history.open(conversations.open);
    this.onChange();
  }

  /** The same, found out by the server: what it has comes by itself. */
  #otherLog() {
    const { conversations, history } = this.#parts;
    this.#forgetLog();
    history.open(conversations.open);
    this.onChange();
  }

  #forgetLog() {
    const { conversations, outbox, reading } = this.#parts;
    outbox.forgetOwn();
    reading.forget();
    conversations.reset();
  }

  /**
   * Sends what waits; resolves with the answer.
   * @param {import("./entry.js").Entry} entry
   */
  async #send({ to, content, key, as, replyTo }) {
    const { connection, conversations, identity, outbox } = this.#parts;
    await connection.connected();
    // Sent or discarded in another tab meanwhile.
    if (this.#listening.scope.hasEnded || !outbox.has(key)) return;
    // Under a name that the author chose after it, or without the one that was there, nobody wanted to write it. Nor
    // would the server know the key, when the answer to an earlier try was lost.
    if ((as === null) !== (identity.name === null)) return { error: writtenAs(as) };
    const before = conversations.cursor.offset;
    const reply = replyTo === undefined ? {} : { replyTo };
    const answer = await (to.kind === "room"
      ? connection.ask("chat message", content, key, { room: to.name, ...reply })
      : connection.ask("private message", to.name, content, key, reply));
    // A new message is stored after everything that was there before.
    if (answer?.duplicate === false && answer.offset <= before) this.beginAgain();
    return answer;
  }

  /**
   * @param {string | null} name
   * @param {string | null} user
   */
  #named(name, user) {
    const { conversations, identity, presence } = this.#parts;
    const isRenamed = name !== null && user != null && user === identity.user;
    identity.become(name, user ?? null);
    conversations.setUser(name, isRenamed);
    // Others are told of it, and not the one who did it.
    for (const room of conversations.rooms) presence.ask(room);
    presence.askPeople();
    this.onChange();
  }

  /**
   * @param {import("./entry.js").Entry} entry
   * @param {import("./entry.js").Stored} stored
   */
  #stored({ to, content, key, at, replyTo = null }, { offset }) {
    const { conversations, identity } = this.#parts;
    const conversation = to.kind === "room" ? conversations.room(to.name) : conversations.withPerson(to.name);
    // A server that took the user for somebody else may have sent it already, as that one's.
    const { name: from, user } = identity;
    const unchanged = { edited: false, deleted: false, reactions: [] };
    conversation?.messages.put({ content, offset, from, user, at, key, own: true, replyTo, ...unchanged });
  }

  /** @param {{ joined: string[], left: string[] }} rooms */
  async #otherTab({ joined, left }) {
    const { connection, conversations, history } = this.#parts;
    for (const name of joined) {
      const answer = await connection.ask("join", name);
      if (answer && !answer.error) conversations.addRoom(answer.room, answer.tail);
    }
    for (const name of left) {
      const room = conversations.room(name);
      if (room) this.leaveRoom(room);
    }
    history.open(conversations.open);
    this.onChange();
  }

  /** @param {string | null} name */
  #otherName(name) {
    const { connection } = this.#parts;
    if (name !== null && connection.isConnected) return void this.become(name).catch(() => {});
    this.#named(name, null);
    connection.restart();
  }
}

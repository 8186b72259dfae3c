// What the reader can do, and what happens when something arrives. It knows nothing of how it is shown.

import { CatchUp } from "./catch_up.js";
import { Changes } from "./changes.js";
import { Connection } from "./connection.js";
import { Conversations } from "./conversations.js";
import { History } from "./history.js";
import { Identity } from "./identity.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { explained, writtenAs } from "./refusals.js";
import { Typing } from "./typing.js";

// The code of an invitation that has led here, as in "#invitation=7F3KQ-0M2ZD".
const invitation = new URLSearchParams(location.hash.slice(1)).get("invitation");
// How many messages of each room a first visit begins with.
const FIRST_MESSAGES = 50;
// How often the users of the open room are asked for.
const PRESENCE_MS = 30_000;

const NO_CONNECTION = "There is no connection at the moment. Try again when it is back.";

export class Chat {
  // Called after every change, often.
  onChange = () => {};
  onStatus = () => {};
  // Called with the number of messages that had been missed while the connection was lost.
  onCaughtUp = () => {};
  // Called with a name that the reader has no more, and why.
  onNameLost = () => {};

  // Whether the reader is reading what was said before, in the open conversation.
  isReadingBack = false;

  #catchUp = new CatchUp();
  #connection;
  #wasConnected = false;

  constructor(memory, tab) {
    this.identity = new Identity(memory);
    this.conversations = new Conversations(memory, tab, this.identity.name);
    this.outbox = new Outbox(memory, tab);
    this.#connection = new Connection({
      handshake: () => this.#handshake(),
      events: {
        "chat message": (content, offset, meta, recoveryOffset) => {
          const room = this.conversations.room(meta.room);
          if (!room) this.#connection.tell("leave", meta.room);
          this.#deliver(room, { content, offset, ...meta }, recoveryOffset);
        },
        "private message": (content, offset, meta, recoveryOffset) => {
          const other = this.identity.isMe(meta.from) ? meta.to : meta.from;
          const conversation = this.conversations.withPerson(other);
          this.#deliver(conversation, { content, offset, ...meta }, recoveryOffset);
        },
        "message edited": (content, offset, meta, recoveryOffset) => {
          this.#change(offset, meta, recoveryOffset, (it) => this.changes.edited(it, meta.of, content));
        },
        "message deleted": (offset, meta, recoveryOffset) => {
          this.#change(offset, meta, recoveryOffset, (it) => this.changes.deleted(it, meta.of));
        },
        reaction: (emoji, offset, meta, recoveryOffset) => {
          this.#change(offset, meta, recoveryOffset, (it) => this.changes.reacted(it, meta, emoji));
        },
        nickname: ({ nickname }) => this.#named(nickname),
        "user joined": (change) => this.presence.joined(change),
        "user left": (change) => this.presence.left(change),
        typing: (change) => this.typing.heard(change),
      },
      onConnect: (isRecovered) => this.#connected(isRecovered),
      onRefused: (code, message) => this.#refused(code, message),
      onStatus: (status, detail) => {
        if (status !== "connected") this.typing.clear();
        this.onStatus(status, detail);
      },
    });
    this.history = new History(this.#connection, (message) => this.#message(message));
    this.changes = new Changes(this.conversations, this.#connection, this.identity);
    this.presence = new Presence(this.conversations, this.#connection);
    this.typing = new Typing(this.conversations, this.#connection);

    const changed = () => this.onChange();
    this.history.onLoaded = changed;
    this.presence.onChange = changed;
    this.typing.onChange = changed;
    this.outbox.onChange = changed;
    this.outbox.onStored = (entry, answer) => this.#stored(entry, answer);
    this.conversations.onOtherTab = (rooms) => this.#otherTab(rooms);
    this.identity.onOtherTab = (name) => this.#otherName(name);
  }

  get open() {
    return this.conversations.open;
  }

  start() {
    this.#connection.start();
    this.outbox.start((entry) => this.#send(entry));
    this.history.open(this.open);
    setInterval(() => this.open.isRoom && this.presence.ask(this.open), PRESENCE_MS);
    // A reader without a name is somebody else for the server after a reload, and would count twice. With a name it is
    // the same one, whose session may go on. One that polls says so early: at "pagehide" the poll is given up, which
    // the server takes for the end, and it may hear of that first.
    const isNobody = () => this.identity.name === null;
    addEventListener("beforeunload", () => isNobody() && this.#connection.leavesEarly && this.#connection.leave());
    addEventListener("pagehide", () => isNobody() && this.#connection.leave());
    // The page is shown again as it was left, without being loaded.
    addEventListener("pageshow", ({ persisted }) => persisted && this.#connection.start());
  }

  show(conversation) {
    this.typing.end();
    this.conversations.show(conversation);
    this.history.open(conversation);
    if (conversation.isRoom) this.presence.ask(conversation);
    this.onChange();
  }

  // The reader sees the newest message of the open conversation.
  seen() {
    if (this.open.markRead()) this.conversations.changed();
  }

  write(content) {
    this.typing.end();
    this.open.newAfter = null;
    this.outbox.add(this.open, content, this.identity.name);
  }

  // Changes a message of the open conversation. Each resolves with what is wrong, if anything.

  edit(offset, content) {
    return this.#changed(this.changes.edit(this.open, offset, content));
  }

  delete(offset) {
    return this.#changed(this.changes.delete(this.open, offset));
  }

  react(offset, emoji, on) {
    return this.#changed(this.changes.react(this.open, offset, emoji, on));
  }

  async #changed(change) {
    const answer = await change;
    this.onChange();
    if (!answer) return NO_CONNECTION;
    if (answer.error) return explained(answer.error);
  }

  // Sends a message that failed.
  retry(key) {
    this.outbox.retry(key, this.identity.name);
  }

  // Shows a room, and joins it first when the reader is not in it. Resolves with what is wrong, if anything.
  async join(name) {
    const known = this.conversations.room(name);
    if (known) return this.show(known);
    const answer = await this.#connection.ask("join", name);
    if (!answer) return NO_CONNECTION;
    if (answer.error) return explained(answer.error);
    this.show(this.conversations.addRoom(answer.room, answer.tail));
  }

  // Leaves a room, or takes a person off the list; what was written is there when one comes back.
  leave(conversation) {
    if (conversation.isRoom) this.#leaveRoom(conversation);
    else this.conversations.remove(conversation);
    this.show(this.open);
  }

  // Begins a private conversation. Resolves with what is wrong, if anything.
  async writeTo(name) {
    const answer = await this.#connection.ask("history", { with: name, limit: 1 });
    if (!answer) return NO_CONNECTION;
    if (answer.error) return explained(answer.error);
    if (this.identity.isMe(name)) return explained({ code: "message_to_oneself" });
    this.show(this.conversations.withPerson(name));
  }

  // Takes a name. Resolves with what is wrong, if anything.
  async become(name) {
    const options = invitation === null ? {} : { invitation };
    const claim = () => this.#connection.ask("nickname", name, this.identity.token, options);
    let answer = await claim();
    if (answer?.error?.code === "invalid_token") {
      this.identity.renewToken();
      answer = await claim();
    }
    if (!answer) return NO_CONNECTION;
    if (answer.error) return explained(answer.error);
    this.#named(answer.nickname);
    // Whoever comes by an invitation was in no room.
    if (invitation !== null) this.#connection.restart();
  }

  // Goes on without a name.
  becomeNobody() {
    this.#named(null);
    this.#connection.restart();
  }

  #handshake() {
    const { name, token } = this.identity;
    return {
      serverOffset: this.conversations.cursor.offset,
      history: FIRST_MESSAGES,
      rooms: this.conversations.rooms.map((room) => room.name),
      echo: false,
      ...(name !== null && { nickname: name, token }),
    };
  }

  #connected(isRecovered) {
    const { conversations } = this;
    const { rooms } = conversations;
    if (this.#wasConnected && !isRecovered && conversations.cursor.offset === 0) {
      // Nothing says from where to go on: begin again.
      conversations.reset();
    }
    // A session that is recovered may not know of the latest.
    const [tail] = rooms.map(({ name }) => this.#connection.ask("join", name));
    if (this.#wasConnected) {
      const missed = this.#catchUp.begin(tail.then((answer) => answer?.tail));
      missed.then((count) => this.onCaughtUp(count));
    }
    this.#wasConnected = true;
    for (const room of rooms) this.presence.ask(room);
    this.history.open(this.open);
    this.onChange();
  }

  // Says whether to connect again at once.
  #refused(code, message) {
    const { name } = this.identity;
    if (name === null || !["nickname_taken", "invalid_nickname", "invalid_token"].includes(code)) return false;
    if (code === "invalid_token") this.identity.renewToken();
    this.#named(null);
    this.onNameLost(name, explained({ code, message }));
    return true;
  }

  #named(name) {
    this.identity.become(name);
    this.conversations.setReader(name);
    // Others are told of it, and not the one who did it.
    for (const room of this.conversations.rooms) this.presence.ask(room);
    this.onChange();
  }

  #change(offset, meta, recoveryOffset, apply) {
    const reached = this.conversations.cursor.reach(offset, recoveryOffset);
    if (reached === "another log") return this.#beginAgain();
    this.conversations.changed();
    apply(this.changes.conversation(meta));
    this.onChange();
  }

  #message({ content, offset, from, at, clientOffset: key, edited = false, deleted = false, reactions = [] }) {
    // Only its author gets a key: one's own, which the server had, though its answer may be lost.
    if (key !== null) this.outbox.arrived(key, offset);
    const own = this.outbox.isOwn(offset) || this.identity.isMe(from);
    return { content, offset, from, at, key, own, edited, deleted, reactions };
  }

  #deliver(conversation, delivery, recoveryOffset) {
    const reached = this.conversations.cursor.reach(delivery.offset, recoveryOffset);
    if (reached === "another log") return this.#beginAgain();
    this.conversations.changed();
    if (!conversation) return;
    const message = this.#message(delivery);
    conversation.messages.add(message);
    this.typing.wrote(conversation, message.from);
    if (message.own || this.#sees(conversation)) conversation.markRead(message.offset);
    else if (reached === "next") conversation.countUnread(message.offset);
    if (reached === "next" && !message.own) this.#catchUp.note(message.offset);
    if (!(this.isReadingBack && conversation === this.open)) conversation.forgetOld();
    this.onChange();
  }

  // Whether the reader is looking at the end of a conversation.
  #sees(conversation) {
    return conversation === this.open && !this.isReadingBack && !document.hidden;
  }

  async #send({ to, content, key, as }) {
    await this.#connection.connected();
    // Sent or discarded in another tab meanwhile.
    if (!this.outbox.has(key)) return;
    // Under a name that the author chose after it, or without the one that was there, nobody wanted to write it. Nor
    // would the server know the key, when the answer to an earlier try was lost.
    if ((as === null) !== (this.identity.name === null)) return { error: writtenAs(as) };
    const before = this.conversations.cursor.offset;
    const answer = await (to.kind === "room"
      ? this.#connection.ask("chat message", content, key, { room: to.name })
      : this.#connection.ask("private message", to.name, content, key));
    // A new message is stored after everything that was there before.
    if (answer?.duplicate === false && answer.offset <= before) this.#beginAgain();
    return answer;
  }

  #stored({ to, content, key, at }, { offset }) {
    const conversation = to.kind === "room"
      ? this.conversations.room(to.name)
      : this.conversations.withPerson(to.name);
    const from = this.identity.name;
    // A server that took the reader for somebody else may have sent it already, as that one's.
    const unchanged = { edited: false, deleted: false, reactions: [] };
    conversation?.messages.put({ content, offset, from, at, key, own: true, ...unchanged });
  }

  // The server has another log than before, where no offset of ours means anything.
  #beginAgain() {
    this.outbox.forgetOwn();
    this.conversations.reset();
    this.#connection.restart();
    this.history.open(this.open);
    this.onChange();
  }

  async #otherTab({ joined, left }) {
    for (const name of joined) {
      const answer = await this.#connection.ask("join", name);
      if (answer && !answer.error) this.conversations.addRoom(answer.room, answer.tail);
    }
    for (const name of left) this.#leaveRoom(this.conversations.room(name));
    this.history.open(this.open);
    this.onChange();
  }

  // What waits for a room is given up with it: only who is in it may write there, and nobody sees it any more.
  #leaveRoom(room) {
    for (const { key } of this.outbox.entries(room)) this.outbox.discard(key);
    this.#connection.tell("leave", room.name);
    this.conversations.remove(room);
  }

  #otherName(name) {
    if (name !== null && this.#connection.isConnected) return void this.become(name);
    this.#named(name);
    this.#connection.restart();
  }
}

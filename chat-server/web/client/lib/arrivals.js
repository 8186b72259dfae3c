// What arrives from the log, in order and each once: where it belongs, and what it changes.

import { CatchUp } from "./catch_up.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").ConversationId} ConversationId */
/**
 * @typedef {object} Parts
 * @property {import("./conversations.js").Conversations} conversations
 * @property {import("./identity.js").Identity} identity
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./changes.js").Changes} changes
 * @property {import("./typing.js").Typing} typing
 * @property {import("./reading.js").Reading} reading
 */

export class Arrivals {
  /** Called after every change. */
  onChange = () => {};
  /** Called when the server has another log than before. */
  onOtherLog = () => {};
  /**
   * Called with the name of a room that the user is not in.
   * @type {(room: string) => void}
   */
  onOtherRoom = () => {};
  /**
   * Called with a message that had not come before.
   * @type {(message: Message, conversation: ConversationId) => void}
   */
  onMessage = () => {};
  /**
   * Called with the offset of a message that is another one now.
   * @type {(offset: number, conversation: ConversationId) => void}
   */
  onChanged = () => {};

  catchUp;
  /** Whether the user reads what was said before, in the conversation that is shown. */
  isReadingBack = false;

  #parts;
  #page;
  #keepsPlace;

  /**
   * @param {import("./memory.js").Listening} listening
   * @param {Parts} parts
   * @param {{ keepPlace?: boolean }} options
   */
  constructor({ scope, page }, parts, { keepPlace = false }) {
    this.catchUp = new CatchUp(scope);
    this.#parts = parts;
    this.#page = page;
    this.#keepsPlace = keepPlace;
  }

  /** Whether all is there that was missed, and how far other devices have read. */
  get isCaughtUp() {
    return !this.catchUp.isGoing && this.#parts.reading.isKnown;
  }

  /**
   * Handlers by event.
   * @returns {Record<string, (...args: any[]) => void>}
   */
  get events() {
    const { conversations, identity, changes } = this.#parts;
    return {
      "chat message": (content, offset, meta, recoveryOffset) => {
        const room = conversations.room(meta.room);
        if (!room) this.onOtherRoom(meta.room);
        this.#deliver(room, { content, offset, ...meta }, recoveryOffset);
      },
      "private message": (content, offset, meta, recoveryOffset) => {
        const isOwn = identity.isMe(meta.from);
        const conversation = conversations.withPerson(isOwn ? meta.to : meta.from);
        if (!isOwn) conversation.user = meta.user;
        this.#deliver(conversation, { content, offset, ...meta }, recoveryOffset);
      },
      "history gone": ({ before }, recoveryOffset) => {
        if (this.#reach(before - 1, recoveryOffset) === "another log") return;
        conversations.forgetBefore(before);
        this.onChange();
      },
      "message edited": (content, offset, meta, recoveryOffset) => {
        this.#change(offset, meta, recoveryOffset, (it) => changes.edited(it, meta.of, content));
      },
      "message deleted": (offset, meta, recoveryOffset) => {
        this.#change(offset, meta, recoveryOffset, (it) => changes.deleted(it, meta.of, meta.erased));
      },
      reaction: (emoji, offset, meta, recoveryOffset) => {
        this.#change(offset, meta, recoveryOffset, (it) => changes.reacted(it, meta, emoji, this.isMine(meta)));
      },
    };
  }

  /**
   * An event of the application: it has a place in the log, too.
   * @param {unknown[]} args
   */
  other([, offset, , recoveryOffset]) {
    if (typeof offset !== "number" || typeof recoveryOffset !== "string") return;
    if (this.#reach(offset, recoveryOffset) === "next") this.#parts.conversations.changed();
  }

  /**
   * A message, made of what the server says of one.
   * @param {any} said
   * @returns {Message}
   */
  message(said) {
    const { content, offset, from, user = null, at, clientOffset: key, replyTo = null } = said;
    const { edited = false, deleted = false, reactions = [] } = said;
    // Only its author gets a key: one's own, which the server had, though its answer may be lost.
    if (key !== null) this.#parts.outbox.arrived(key, offset);
    const own = this.#parts.outbox.isOwn(offset) || this.isMine(said);
    return { content, offset, from, user, at, key, own, edited, deleted, replyTo, reactions };
  }

  /** @param {{ from: string | null, user?: string | null }} meta */
  isMine({ from, user = null }) {
    const { identity } = this.#parts;
    return identity.isMe(from) || (user !== null && user === identity.user);
  }

  /**
   * @param {number} offset
   * @param {any} meta
   * @param {unknown} recoveryOffset
   * @param {(conversation: Conversation | undefined) => void} apply
   */
  #change(offset, meta, recoveryOffset, apply) {
    if (this.#reach(offset, recoveryOffset) === "another log") return;
    this.#parts.conversations.changed();
    const conversation = this.#parts.changes.conversation(meta);
    apply(conversation);
    this.onChange();
    if (conversation) this.onChanged(meta.of, conversation.id);
  }

  /**
   * @param {Conversation | undefined} conversation
   * @param {any} delivery
   * @param {unknown} recoveryOffset
   */
  #deliver(conversation, delivery, recoveryOffset) {
    const { conversations, typing, reading } = this.#parts;
    const reached = this.#reach(delivery.offset, recoveryOffset);
    if (reached === "another log") return;
    conversations.changed();
    if (!conversation) return;
    const message = this.message(delivery);
    conversation.messages.add(message);
    typing.wrote(conversation, message.from);
    if (message.own || this.#sees(conversation)) {
      conversation.markRead(message.offset);
      reading.tell();
    } else if (reached === "next") {
      conversation.countUnread(message);
    }
    if (reached === "next" && !message.own) this.catchUp.note(message.offset);
    if (!(this.isReadingBack && conversation === conversations.open)) conversation.forgetOld();
    this.onChange();
    if (reached === "next") this.onMessage(message, conversation.id);
  }

  /**
   * @param {number} offset
   * @param {unknown} recoveryOffset
   */
  #reach(offset, recoveryOffset) {
    const reached = this.#parts.conversations.cursor.reach(offset, recoveryOffset);
    if (reached === "another log") this.onOtherLog();
    return reached;
  }

  /**
   * Whether the user is looking at the end of a conversation.
   * @param {Conversation} conversation
   */
  #sees(conversation) {
    const { isHidden, hasFocus = () => true } = this.#page;
    if (conversation !== this.#parts.conversations.open || this.isReadingBack || isHidden()) return false;
    return hasFocus() && (this.isCaughtUp || !this.#keepsPlace);
  }
}

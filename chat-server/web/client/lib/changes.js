// Edits, deletions and reactions: those that arrive, and those that the user makes.

import { settled } from "./refusal.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./types.js").Reaction} Reaction */
/**
 * @typedef {object} Meta
 * @property {number} of
 * @property {boolean} [on]
 * @property {boolean} [erased]
 * @property {string} [room]
 * @property {string} from
 * @property {string} to
 * @property {string | null} user
 */

export class Changes {
  #conversations;
  #connection;
  #identity;

  /**
   * @param {import("./conversations.js").Conversations} conversations
   * @param {import("./connection.js").Connection} connection
   * @param {import("./identity.js").Identity} identity
   */
  constructor(conversations, connection, identity) {
    this.#conversations = conversations;
    this.#connection = connection;
    this.#identity = identity;
  }

  /**
   * The conversation of a change that has arrived; undefined if the user has none.
   * @param {Meta} meta
   */
  conversation({ room, from, to, user, erased = false }) {
    if (room !== undefined) return this.#conversations.room(room);
    // Nobody has the name any more.
    if (erased && user !== this.#identity.user) return this.#conversations.withUser(user);
    return this.#conversations.withPerson(this.#identity.isMe(from) ? to : from);
  }

  /**
   * @param {Conversation | undefined} conversation
   * @param {number} of
   * @param {string} content
   */
  edited(conversation, of, content) {
    conversation?.change(of, () => ({ content, edited: true }));
  }

  /**
   * @param {Conversation | undefined} conversation
   * @param {number} of
   * @param {boolean} [erased] whether its author is erased, and the name goes, too
   */
  deleted(conversation, of, erased = false) {
    const author = erased ? { from: null, user: null } : {};
    conversation?.change(of, () => ({ content: "", deleted: true, reactions: [], ...author }));
  }

  /**
   * @param {Conversation | undefined} conversation
   * @param {Pick<Meta, "of" | "on" | "user">} meta
   * @param {string} emoji
   * @param {boolean} own
   */
  reacted(conversation, { of, on = true, user }, emoji, own) {
    conversation?.change(of, ({ reactions }) => ({ reactions: withReaction(reactions, emoji, on, user, own) }));
  }

  /**
   * @param {Conversation} conversation
   * @param {number} offset
   * @param {string} content
   */
  async edit(conversation, offset, content) {
    await this.#ask("edit message", offset, content);
    this.edited(conversation, offset, content);
  }

  /**
   * @param {Conversation} conversation
   * @param {number} offset
   */
  async delete(conversation, offset) {
    await this.#ask("delete message", offset);
    this.deleted(conversation, offset);
  }

  /**
   * @param {Conversation} conversation
   * @param {number} offset
   * @param {string} emoji
   * @param {boolean} on
   */
  async react(conversation, offset, emoji, on) {
    await this.#ask("react", offset, emoji, on);
    this.reacted(conversation, { of: offset, on, user: null }, emoji, true);
  }

  /**
   * Making a change again changes nothing: without an answer, it is asked for once more.
   * @param {string} event
   * @param {...unknown} args
   */
  async #ask(event, ...args) {
    settled((await this.#connection.ask(event, ...args)) ?? (await this.#connection.ask(event, ...args)));
  }
}

/**
 * `given` names the users of whom an event has come: history has the number only.
 * @param {readonly Reaction[]} reactions
 * @param {string} emoji
 * @param {boolean} on
 * @param {string | null} user
 * @param {boolean} own
 * @returns {readonly Reaction[]}
 */
function withReaction(reactions, emoji, on, user, own) {
  const known = reactions.find((reaction) => reaction.emoji === emoji);
  const { count = 0, given = [] } = known ?? {};
  const wasOwn = known?.own ?? false;
  const isKnown = own ? wasOwn : user !== null && given.includes(user);
  if (on && isKnown) return reactions;
  const reaction = {
    emoji,
    count: Math.max(0, count + (on ? 1 : -1)),
    own: own ? on : wasOwn,
    given: on ? [...given, user] : given.filter((other) => other !== user),
  };
  if (own && !on && !wasOwn) return reactions;
  const others = reactions.map((other) => (other === known ? reaction : other));
  return (known ? others : [...reactions, reaction]).filter((it) => it.count > 0);
}

// Gets what was said before from the server, a page at a time.

import { Past } from "./past.js";
import { settled } from "./refusal.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").PageRequest} PageRequest */

const PAGE = 50;
const LARGE_PAGE = 200;
const TRY_AGAIN_MS = 2_000;

export class History {
  /** Called when a conversation has got messages. */
  onLoaded = () => {};

  #scope;
  #connection;
  #toMessage;
  /** @type {Map<Conversation, Promise<void>>} */
  #loading = new Map();
  /** @type {Set<Past>} */
  #loadingPast = new Set();

  /**
   * @param {import("./scope.js").Scope} scope
   * @param {import("./connection.js").Connection} connection
   * @param {(said: any) => Message} toMessage makes a message of what the server says of one
   */
  constructor(scope, connection, toMessage) {
    this.#scope = scope;
    this.#connection = connection;
    this.#toMessage = toMessage;
  }

  /**
   * Sees to it that the newest page of a conversation is there.
   * @param {Conversation} conversation
   */
  open(conversation) {
    if (!conversation.loaded) this.earlier(conversation);
  }

  /**
   * Adds the page before what is there. One request at a time for each conversation.
   * @param {Conversation} conversation
   * @param {number} [limit]
   * @returns {Promise<void>}
   */
  async earlier(conversation, limit = PAGE) {
    const loading = this.#loading.get(conversation);
    if (loading || (conversation.loaded && !conversation.more)) return loading;
    const now = this.#load(conversation, limit);
    this.#loading.set(conversation, now);
    return now;
  }

  /**
   * Adds what comes before, until the message at an offset is there, or the first of all.
   * @param {Conversation} conversation
   * @param {number} offset
   */
  async backTo(conversation, offset) {
    const { messages } = conversation;
    const isMissing = () => !conversation.loaded || (conversation.more && (messages.oldest ?? Infinity) > offset);
    while (isMissing() && conversation.messages === messages && !this.#scope.hasEnded) {
      await this.earlier(conversation, LARGE_PAGE);
    }
  }

  /**
   * @param {Conversation} conversation
   * @param {number} limit
   * @returns {Promise<void>}
   */
  async #load(conversation, limit) {
    const { messages, address } = conversation;
    await this.#connection.connected();
    const { restored } = conversation;
    const answer = await this.#texts(address, restored === null ? (messages.oldest ?? undefined) : undefined, limit);
    this.#loading.delete(conversation);
    if (this.#scope.hasEnded) return;
    // The log has begun anew meanwhile, and the conversation with it.
    if (conversation.messages !== messages) return this.open(conversation);
    if (!answer) return void this.#scope.after(TRY_AGAIN_MS, () => this.earlier(conversation));
    conversation.loaded = true;
    conversation.restored = null;
    if (answer.error) {
      conversation.more = false;
      if (restored !== null) messages.replace([], restored);
    } else {
      const page = answer.texts.map(this.#toMessage);
      if (restored === null) messages.addPage(page);
      else messages.replace(page, restored);
      conversation.more = answer.more;
      conversation.goneBefore = answer.goneBefore ?? conversation.goneBefore;
    }
    conversation.joinPast();
    this.onLoaded();
  }

  /**
   * Shows what was said around a position, in place of the newest messages unless it is among them.
   * @param {Conversation} conversation
   * @param {import("./types.js").Position} around
   */
  async around(conversation, around) {
    await this.#connection.connected();
    conversation.past = new Past(await this.#page(conversation, { around }));
    conversation.joinPast();
    this.onLoaded();
  }

  /**
   * Adds a page to what is shown of before. One request at a time for each conversation.
   * @param {Conversation} conversation
   * @param {"earlier" | "later"} where
   */
  async morePast(conversation, where) {
    const { past } = conversation;
    if (past === null || this.#loadingPast.has(past) || !(where === "earlier" ? past.more : past.moreAfter)) return;
    this.#loadingPast.add(past);
    try {
      if (where === "earlier") past.addEarlier(await this.#page(conversation, { before: past.first }));
      else past.addLater(await this.#page(conversation, { after: past.last }));
    } finally {
      this.#loadingPast.delete(past);
    }
    if (conversation.past === past) conversation.joinPast();
    this.onLoaded();
  }

  /**
   * One page of anywhere, which is not added to what is there.
   * @param {Conversation} conversation
   * @param {PageRequest} request
   * @returns {Promise<import("./types.js").Page>}
   */
  async page(conversation, request) {
    const { messages, more, moreAfter } = await this.#page(conversation, request);
    return { messages, more, moreAfter };
  }

  /**
   * A page with the offsets of its ends, which may be events of an application.
   * @param {Conversation} conversation
   * @param {PageRequest} request
   */
  async #page({ address }, { before, after, around, limit = PAGE }) {
    const answer = settled(await this.#connection.ask("history", { ...address, before, after, around, limit }));
    const { messages: all, more, moreAfter = false } = answer;
    /** @type {Message[]} */
    const messages = all.filter(isText).map(this.#toMessage);
    /** @type {[number | undefined, number | undefined]} */
    const [first, last] = [all[0]?.offset, all.at(-1)?.offset];
    return { messages, more: /** @type {boolean} */ (more), moreAfter: /** @type {boolean} */ (moreAfter), first, last };
  }

  /**
   * Gets a page with texts, if there is one. Events of an application are none.
   * @param {object} address
   * @param {number | undefined} before
   * @param {number} limit
   */
  async #texts(address, before, limit) {
    for (;;) {
      const answer = await this.#connection.ask("history", { ...address, before, limit });
      if (!answer || answer.error) return answer;
      const texts = answer.messages.filter(isText);
      const { more, goneBefore } = answer;
      if (texts.length > 0 || !more) return { texts, more, goneBefore };
      before = answer.messages[0].offset;
    }
  }
}

/** @param {{ event?: string }} said */
function isText({ event }) {
  return event === undefined;
}

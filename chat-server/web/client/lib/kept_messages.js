// The newest messages of conversations, kept so that they can be read without a connection. They are there until the
// server has said what the newest are: nothing depends on their being complete.

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./types.js").Message} Message */

const KEPT = "messages.";

// What is kept of each conversation, and of how many: what waits to be sent needs room, too.
const MAX_MESSAGES = 50;
const MAX_CHARACTERS = 64_000;
const MAX_CONVERSATIONS = 20;

export class KeptMessages {
  #memory;
  /**
   * What was kept, by name.
   * @type {Map<string, readonly Message[]>}
   */
  #kept = new Map();

  /** @param {Memory} memory */
  constructor(memory) {
    this.#memory = memory;
  }

  /**
   * @param {Conversation} conversation
   * @param {string | null} me whose conversation it is
   */
  restore(conversation, me) {
    const messages = this.#memory.get(nameOf(conversation, me), []);
    if (Array.isArray(messages)) conversation.restore(messages);
  }

  /**
   * Keeps what has changed.
   * @param {Conversation[]} conversations
   * @param {string | null} me
   */
  save(conversations, me) {
    const newest = (/** @type {Conversation} */ { messages }) => messages.newest ?? 0;
    const byAge = [...conversations].sort((one, other) => newest(other) - newest(one));
    const names = new Set(byAge.slice(0, MAX_CONVERSATIONS).map((conversation) => nameOf(conversation, me)));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#forget(name);
    for (const conversation of byAge.slice(0, MAX_CONVERSATIONS)) {
      const [name, messages] = [nameOf(conversation, me), conversation.messages.snapshot()];
      if (messages === this.#kept.get(name)) continue;
      this.#kept.set(name, messages);
      // What is there would miss what has come since.
      if (!this.#memory.set(name, last(messages))) this.#forget(name);
    }
  }

  /** @param {string} name */
  #forget(name) {
    this.#kept.delete(name);
    this.#memory.remove(name);
  }
}

/**
 * @param {Conversation} conversation
 * @param {string | null} me
 */
function nameOf({ id, isRoom }, me) {
  return KEPT + (isRoom ? id : `${me} ${id}`);
}

/** @param {readonly Message[]} messages */
function last(messages) {
  let characters = 0;
  const start = messages.findLastIndex(({ content }) => (characters += content.length) > MAX_CHARACTERS);
  return messages.slice(Math.max(start + 1, messages.length - MAX_MESSAGES));
}

// What a reply answers: the beginning of another message, which may have to be asked for.

import { indexAt } from "../../client/index.js";
import { shownName } from "./avatar.js";
import { inWords } from "./files.js";
import { text } from "./language.js";

const SHOWN_CHARACTERS = 140;

export class Quotes {
  #chat;
  #redraw;
  // Messages that are not among those that are shown, by conversation and offset; null while one is asked for.
  #found = new Map();

  constructor(chat, redraw) {
    this.#chat = chat;
    this.#redraw = redraw;
    chat.on("changed", (offset, id) => this.#found.delete(`${id} ${offset}`) && redraw());
  }

  /** Who has said what is answered, and what; null for a message that is no reply. */
  of({ id, messages }, offset) {
    if (offset === null || offset === undefined) return null;
    const here = messages[indexAt(messages, offset)];
    const message = here?.offset === offset ? here : this.#known(id, offset);
    return message === null ? { offset, author: "", words: "…" } : { offset, ...quoted(message) };
  }

  #known(id, offset) {
    const key = `${id} ${offset}`;
    if (!this.#found.has(key)) this.#ask(key, id, offset);
    return this.#found.get(key) ?? null;
  }

  async #ask(key, id, offset) {
    this.#found.set(key, null);
    try {
      const { messages } = await this.#chat.history(id, { around: offset, limit: 2 });
      this.#found.set(key, messages.find((message) => message.offset === offset) ?? { deleted: true, from: null });
      this.#redraw();
    } catch {
      // It is asked for again with what is drawn next.
      this.#found.delete(key);
    }
  }
}

/** A message as it is quoted. */
export function quoted({ from, own, content, deleted }) {
  const words = deleted ? text("deleted") : inWords(content).replace(/\s+/g, " ").slice(0, SHOWN_CHARACTERS);
  return { author: own ? text("author") : shownName(from), words };
}

// Where the reader goes on, and what the reader has passed.

import { indexAt } from "../../client/index.js";
import { text } from "./language.js";
import { clock } from "./times.js";

// When more than this would have to be loaded, reading goes on at the end.
const REACH = 1_000;

/** Whether the reader is at the page, and not only the page on the screen. */
export function isAttentive() {
  return !document.hidden && document.hasFocus();
}

/** The offset of the last message whose end has come into view; 0 if there is none. */
export function lastPassed(log) {
  const bottom = log.getBoundingClientRect().bottom;
  const rows = document.getElementById("messages").children;
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom <= bottom + 1) low = middle + 1;
    else high = middle;
  }
  for (let index = low - 1; index >= 0; index -= 1) {
    if (rows[index].dataset.offset) return Number(rows[index].dataset.offset);
  }
  return 0;
}

/** How many messages are unread, and since when, where the first of them is here. */
export function whatIsNew({ messages, more, unread, read }) {
  const first = indexAt(messages, read + 1);
  const isThere = first < messages.length && (first > 0 || !more);
  return isThere ? text("newSince", { count: unread, time: clock(messages[first].at) }) : text("newMessages", { count: unread });
}

/** Finds the first message that the reader has not read, once it is known what was missed. */
export class FirstUnread {
  isSought = false;

  #chat;

  constructor(chat) {
    this.#chat = chat;
  }

  seek() {
    this.isSought = true;
  }

  found() {
    this.isSought = false;
  }

  /** Its offset; null as long as it is not known, and when there is none or it is too far away. */
  of({ id, messages, loaded, more, unread, newAfter }, caughtUp) {
    if (!this.isSought || !caughtUp || !loaded) return null;
    if (unread > 0 && newAfter !== null) {
      const first = messages.find(({ offset, own }) => offset > newAfter && !own);
      if (first !== undefined && (messages[0].offset <= newAfter || !more)) return first.offset;
      if (more && messages.length < REACH) {
        this.#chat.loadEarlier(id);
        return null;
      }
    }
    this.isSought = false;
    return null;
  }
}

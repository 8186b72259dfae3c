// Says below the reader's last message who has read it. Of private messages nobody is told.

import { text } from "./language.js";
import { problemOf } from "./problem.js";

// So many are named; more are counted.
const NAMED = 3;

export class Seen {
  #chat;
  #note = document.createElement("p");
  // For whom, and in which room, it was asked.
  #asked = null;

  constructor(chat) {
    this.#chat = chat;
    this.#note.className = "seen-by";
  }

  draw({ connection, me, open }) {
    this.#ask(connection.state === "connected" && me.name !== null && open.kind === "room" ? open.id : null, me.user);
    const last = open.messages.findLast(({ own, deleted }) => own && !deleted);
    const names = last === undefined ? [] : open.readers.filter(({ offset, name }) => offset >= last.offset && name !== null);
    const row = names.length > 0 ? document.querySelector(`#messages > .own[data-offset="${last.offset}"]`) : null;
    if (row === null) return this.#note.remove();
    const words = said(names.map(({ name }) => name));
    if (this.#note.textContent !== words) this.#note.textContent = words;
    if (this.#note.parentElement !== row) row.append(this.#note);
  }

  // A server that does not keep it says nothing.
  #ask(id, user) {
    const asked = id && `${user} ${id}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    if (id !== null) problemOf(this.#chat.loadReaders(id));
  }
}

function said(names) {
  if (names.length > NAMED) return text("seenByMany", { count: names.length });
  return text("seenBy", { names: new Intl.ListFormat(document.documentElement.lang).format(names.toSorted()) });
}

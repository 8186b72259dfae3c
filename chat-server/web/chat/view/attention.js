// Calls the reader: how much there is in the title and the icons, and a notification of what comes while the reader is
// elsewhere.

import { shownName } from "./avatar.js";
import { Badge } from "./badge.js";
import { chime } from "./chime.js";
import { inWords } from "./files.js";
import { number } from "./language.js";
import { onChosenElsewhere, show } from "./notification.js";
import { hashOf } from "./places.js";
import { hearsChime, isNotified, levelsOf } from "./preferences.js";
import { isAttentive } from "./reading.js";
import { isWanted, wanted } from "./wanted.js";

const NAME = document.title;
const MANY = 99;
// Who reads a message in another tab, or on another device, need not be called.
const READ_ELSEWHERE_MS = 1_000;
const MAX_CHARACTERS = 300;

export class Attention {
  // Called with the place of a message that the reader wants to see.
  onChosen = () => {};

  #chat;
  #badge = new Badge();
  // What the notifications are of that can be seen, by conversation.
  #shown = new Map();
  // Of the tabs, one calls.
  #calls = !navigator.locks;

  constructor(chat, live) {
    this.#chat = chat;
    live.listen((message, id) => this.#heard(message, id));
    chat.on("changed", (offset, id) => this.#changed(offset, id));
    onChosenElsewhere((hash) => (location.hash = hash));
    const { pathname } = new URL(".", document.baseURI);
    navigator.locks?.request(`chat-notifications ${pathname}`, () => {
      this.#calls = true;
      return new Promise(() => {});
    });
  }

  draw({ rooms, people, open, me }) {
    const levels = levelsOf(me);
    const all = [...rooms, ...people];
    const unread = sum(all.map((it) => (levels(it) === "mute" ? 0 : it.unread)));
    const count = unread > MANY ? `${number(MANY)}+` : number(unread);
    const title = `${unread > 0 ? `(${count}) ` : ""}${open.name} – ${NAME}`;
    if (document.title !== title) document.title = title;
    this.#badge.show(sum(all.map((it) => wanted(it, levels(it)))));
    for (const [id, { offset, close }] of this.#shown) {
      const conversation = all.find((it) => it.id === id);
      if (conversation && conversation.read < offset) continue;
      this.#shown.delete(id);
      close();
    }
  }

  #heard(message, id) {
    const how = { chimes: hearsChime(), notifies: isNotified() };
    if (!(how.chimes || how.notifies)) return;
    const { me } = this.#chat.snapshot();
    const conversation = this.#find(id);
    if (!conversation || !isWanted(message, conversation, me, levelsOf(me)(conversation))) return;
    setTimeout(() => this.#call(message.offset, id, how), READ_ELSEWHERE_MS);
  }

  // What was deleted is seen nowhere any more.
  #changed(offset, id) {
    const shown = this.#shown.get(id);
    const message = this.#find(id)?.messages.findLast((it) => it.offset === offset);
    if (shown?.offset !== offset || !message?.deleted) return;
    this.#shown.delete(id);
    shown.close();
  }

  #call(offset, id, { chimes, notifies }) {
    const conversation = this.#find(id);
    const message = conversation?.messages.findLast((it) => it.offset === offset);
    // Only now: a tab that was there when it came may be closed.
    if (!this.#calls || !message || message.deleted || conversation.read >= offset) return;
    // Who is there sees that more has come.
    if (isAttentive() && this.#chat.snapshot().open.id === id) return;
    if (chimes) chime();
    if (notifies) this.#show(message, conversation);
  }

  #show({ content, from, offset }, { id, kind, name }) {
    const isRoom = kind === "room";
    const words = inWords(content).slice(0, MAX_CHARACTERS);
    const place = { kind, name, message: offset };
    const close = show(
      { title: isRoom ? `#${name}` : name, body: isRoom ? `${shownName(from)}: ${words}` : words, tag: id, hash: hashOf(place) },
      () => this.onChosen(place),
    );
    this.#shown.set(id, { offset, close });
  }

  #find(id) {
    const { rooms, people } = this.#chat.snapshot();
    return [...rooms, ...people].find((it) => it.id === id);
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

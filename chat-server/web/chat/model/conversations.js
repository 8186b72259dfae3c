// All conversations of the reader, remembered together with the cursor up to which they are complete: a page
// that is loaded again goes on from there, with the same counts.

import { Conversation, personId, roomId } from "./conversation.js";
import { Cursor } from "./cursor.js";

const SAVE_AFTER_MS = 250;
const FIRST_ROOM = "general";

export class Conversations {
  // Called when another tab has joined a room, or left one.
  onOtherTab = () => {};

  cursor;
  // The one that is shown.
  open;

  #memory;
  #tab;
  #byId = new Map();
  #saving = null;
  // The people whom the reader writes with, by the reader's own name: another name is another person.
  #people;
  #me = null;

  constructor(memory, tab, name) {
    this.#memory = memory;
    this.#tab = tab;
    const saved = memory.get("conversations", {});
    this.cursor = new Cursor(saved.place);
    this.#people = saved.people ?? {};
    for (const entry of saved.rooms ?? []) this.#restore("room", entry);
    if (this.rooms.length === 0) this.#restore("room", { name: FIRST_ROOM });
    this.setReader(name);
    this.open = this.#byId.get(tab.get("open") ?? memory.get("open")) ?? this.rooms[0];
    memory.onChange("conversations", (now, before) => this.#otherTab(now, before));
    addEventListener("pagehide", () => this.#save());
    document.addEventListener("visibilitychange", () => document.hidden && this.#save());
  }

  get rooms() {
    return [...this.#byId.values()].filter(({ isRoom }) => isRoom);
  }

  get people() {
    return [...this.#byId.values()].filter(({ isRoom }) => !isRoom);
  }

  get all() {
    return [...this.rooms, ...this.people];
  }

  get unread() {
    return this.all.reduce((sum, { unread }) => sum + unread, 0);
  }

  room(name) {
    return this.#byId.get(roomId(name));
  }

  byId(id) {
    return this.#byId.get(id);
  }

  // A room that was joined when the log ended at `tail`.
  addRoom(name, tail) {
    return this.room(name) ?? this.#restore("room", { name, read: tail });
  }

  // The conversation with a person, which begins when there was none.
  withPerson(name) {
    return this.#byId.get(personId(name)) ?? this.#restore("person", { name });
  }

  remove(conversation) {
    this.#byId.delete(conversation.id);
    if (this.open === conversation) this.show(this.all[0]);
    this.changed();
  }

  show(conversation) {
    if (this.open !== conversation) this.open.newAfter = null;
    this.open = conversation;
    this.#tab.set("open", conversation.id);
    this.#memory.set("open", conversation.id);
  }

  // The private conversations are those of whoever has this name from now on; `null` has none.
  setReader(name) {
    const me = name === null ? null : personId(name);
    if (me === this.#me) return;
    this.#people = this.#peopleNow();
    for (const person of this.people) this.#byId.delete(person.id);
    this.#me = me;
    for (const entry of this.#people[me] ?? []) this.#restore("person", entry);
    if (this.open) this.open = this.#byId.get(this.open.id) ?? this.rooms[0];
    this.changed();
  }

  // The server has another log.
  reset() {
    this.cursor.reset();
    for (const conversation of this.all) conversation.clear();
    this.changed();
  }

  changed() {
    this.#saving ??= setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #restore(kind, { name, read = 0, unread = 0 }) {
    const conversation = new Conversation(kind, name);
    Object.assign(conversation, { read, unread, newAfter: unread > 0 ? read : null });
    this.#byId.set(conversation.id, conversation);
    this.changed();
    return conversation;
  }

  #peopleNow() {
    if (this.#me === null) return this.#people;
    return { ...this.#people, [this.#me]: this.people.map(remembered) };
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = null;
    const { offset, epoch } = this.cursor;
    const people = this.#peopleNow();
    this.#memory.set("conversations", {
      place: { offset, epoch },
      rooms: this.rooms.map(remembered),
      people,
    });
  }

  #otherTab(now, before) {
    const names = (saved) => new Set((saved?.rooms ?? []).map(({ name }) => name));
    const [are, were] = [names(now), names(before)];
    const joined = [...are].filter((name) => !were.has(name) && !this.room(name));
    const left = [...were].filter((name) => now && !are.has(name) && this.room(name));
    // What was read there needs not be read here.
    for (const { name, read } of now?.rooms ?? []) this.#readElsewhere(this.room(name), read);
    for (const { name, read } of now?.people?.[this.#me] ?? []) {
      this.#readElsewhere(this.#byId.get(personId(name)), read);
    }
    this.onOtherTab({ joined, left });
  }

  #readElsewhere(conversation, read) {
    if (conversation && conversation.unread > 0 && read >= (conversation.messages.newest ?? Infinity)) {
      conversation.markRead(read);
    }
  }
}

function remembered({ name, read, unread }) {
  return { name, read, unread };
}

// All conversations of the user, remembered together with the cursor up to which they are complete: a page
// that is loaded again goes on from there, with the same counts.

import { Conversation, personId, roomId } from "./conversation.js";
import { Cursor } from "./cursor.js";
import { KeptMessages } from "./kept_messages.js";
import { isMention } from "./mentions.js";

/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Listening} Listening */
/** @typedef {{ name: string, read?: number, unread?: number, mentions?: number, takenBack?: number }} Remembered */

const SAVE_AFTER_MS = 250;
const FIRST_ROOM = "general";

export class Conversations {
  /**
   * Called when another tab has joined a room, or left one.
   * @type {(rooms: { joined: string[], left: string[] }) => void}
   */
  onOtherTab = () => {};

  cursor;
  /** The one that is shown. */
  open;

  #scope;
  #memory;
  #tab;
  #kept;
  /** @type {Map<string, Conversation>} */
  #byId = new Map();
  /** @type {(() => void) | null} */
  #cancelSave = null;
  /**
   * The people whom the user writes with, by the user's own name: another name is another person.
   * @type {Record<string, Remembered[]>}
   */
  #people;
  /** @type {string | null} */
  #me = null;
  /** @type {string | null} */
  #name = null;
  #isForgotten = false;

  /**
   * @param {Listening} listening
   * @param {Memory} memory
   * @param {Memory} tab
   * @param {string | null} name
   * @param {{ rooms?: readonly string[], keepMessages?: boolean }} options
   */
  constructor(listening, memory, tab, name, { rooms: firstRooms = [FIRST_ROOM], keepMessages = false }) {
    const { scope, page } = listening;
    this.#kept = keepMessages ? new KeptMessages(memory) : null;
    this.#scope = scope;
    this.#memory = memory;
    this.#tab = tab;
    const saved = memory.get("conversations", {});
    this.cursor = new Cursor(saved.place);
    this.#people = saved.people ?? {};
    for (const entry of saved.rooms ?? []) this.#restore("room", entry);
    if (this.rooms.length === 0) for (const name of firstRooms) this.#restore("room", { name });
    this.setUser(name);
    this.open = this.#byId.get(tab.get("open", null) ?? memory.get("open", null)) ?? this.all[0];
    memory.onChange(listening, "conversations", (now, before) => this.#otherTab(now, before));
    scope.onEnd(page.listen("pagehide", () => this.#save()));
    scope.onEnd(page.listen("visibilitychange", () => page.isHidden() && this.#save()));
    scope.onEnd(() => this.#save());
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

  /** @param {string} name */
  room(name) {
    return this.#byId.get(roomId(name));
  }

  /** @param {string} id */
  byId(id) {
    return this.#byId.get(id);
  }

  /**
   * A room that was joined when the log ended at `tail`.
   * @param {string} name
   * @param {number} tail
   */
  addRoom(name, tail) {
    return this.room(name) ?? this.#restore("room", { name, read: tail });
  }

  /**
   * The conversation with a person, which begins when there was none.
   * @param {string} name
   */
  withPerson(name) {
    return this.#byId.get(personId(name)) ?? this.#restore("person", { name });
  }

  /**
   * The conversation with the user who has this id, if it is known.
   * @param {string | null} user
   */
  withUser(user) {
    return this.people.find((it) => user !== null && it.user === user);
  }

  /** @param {Conversation} conversation */
  remove(conversation) {
    this.#byId.delete(conversation.id);
    if (this.open === conversation) this.show(this.all[0]);
    this.changed();
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    if (this.open !== conversation) Object.assign(this.open, { newAfter: null, past: null });
    this.open = conversation;
    this.#tab.set("open", conversation.id);
    this.#memory.set("open", conversation.id);
  }

  /**
   * The private conversations are those of whoever has this name from now on; `null` has none. Who is renamed keeps them.
   * @param {string | null} name
   * @param {boolean} [isRenamed]
   */
  setUser(name, isRenamed = false) {
    this.#name = name;
    const me = name === null ? null : personId(name);
    if (me === this.#me) return;
    this.#people = this.#peopleNow();
    if (isRenamed && me !== null && this.#me !== null) {
      const { [this.#me]: own, ...others } = this.#people;
      this.#people = { ...others, [me]: own };
      this.#me = me;
      return this.changed();
    }
    for (const person of this.people) this.#byId.delete(person.id);
    this.#me = me;
    for (const entry of (me !== null && this.#people[me]) || []) this.#restore("person", entry);
    if (this.open) this.open = this.#byId.get(this.open.id) ?? this.rooms[0];
    this.changed();
  }

  /**
   * Everything up to here is of no interest.
   * @param {number} tail
   */
  begin(tail) {
    this.cursor.begin(tail);
    this.changed();
  }

  /** The server has another log. */
  reset() {
    this.cursor.reset();
    for (const conversation of this.all) conversation.clear();
    this.changed();
  }

  /**
   * The server has deleted what was before an offset, and this may have missed some of it.
   * @param {number} before
   */
  forgetBefore(before) {
    for (const conversation of this.all) conversation.forgetBefore(before);
    this.changed();
  }

  /** Nothing is kept any more. */
  forget() {
    this.#isForgotten = true;
  }

  changed() {
    this.#cancelSave ??= this.#scope.after(SAVE_AFTER_MS, () => this.#save());
  }

  /**
   * @param {"room" | "person"} kind
   * @param {Remembered} remembered
   */
  #restore(kind, { name, read = 0, unread = 0, mentions = 0, takenBack = 0 }) {
    const conversation = new Conversation(kind, name, (message) => kind === "room" && isMention(message, this.#name));
    Object.assign(conversation, { read, unread, mentions, takenBack, newAfter: unread > 0 ? read : null });
    this.#kept?.restore(conversation, this.#me);
    this.#byId.set(conversation.id, conversation);
    this.changed();
    return conversation;
  }

  #peopleNow() {
    if (this.#me === null) return this.#people;
    return { ...this.#people, [this.#me]: this.people.map(remembered) };
  }

  #save() {
    this.#cancelSave?.();
    this.#cancelSave = null;
    if (this.#isForgotten) return;
    const { offset, epoch, position } = this.cursor;
    const people = this.#peopleNow();
    // First: what is there too early comes again, and what is not there would be missed.
    this.#kept?.save(this.all, this.#me);
    this.#memory.set("conversations", {
      place: { offset, epoch, position },
      rooms: this.rooms.map(remembered),
      people,
    });
  }

  /**
   * @param {any} now
   * @param {any} before
   */
  #otherTab(now, before) {
    /** @param {any} saved @returns {Set<string>} */
    const names = (saved) => new Set((saved?.rooms ?? []).map((/** @type {Remembered} */ { name }) => name));
    const [are, were] = [names(now), names(before)];
    const joined = [...are].filter((name) => !were.has(name) && !this.room(name));
    const left = [...were].filter((name) => now && !are.has(name) && this.room(name));
    // What was read there needs not be read here.
    for (const { name, read } of now?.rooms ?? []) this.readElsewhere(this.room(name), read);
    for (const { name, read } of now?.people?.[this.#me ?? ""] ?? []) {
      this.readElsewhere(this.#byId.get(personId(name)), read);
    }
    this.onOtherTab({ joined, left });
  }

  /**
   * The user has read up to `read` in another tab.
   * @param {Conversation | undefined} conversation
   * @param {number} read
   */
  readElsewhere(conversation, read) {
    if (conversation && read > conversation.takenBack && conversation.unread > 0 && read >= (conversation.messages.newest ?? Infinity)) {
      conversation.markRead(read);
    }
  }
}

/** @param {Conversation} conversation */
function remembered({ name, read, unread, mentions, takenBack }) {
  return { name, read, unread, ...(mentions > 0 && { mentions }), ...(takenBack > 0 && { takenBack }) };
}

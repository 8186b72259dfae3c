// One room, or what the reader and one other person write to each other.

import { Messages } from "./messages.js";
import { nameKey } from "./names.js";

// What is kept of a conversation that nobody reads back in; the server has the rest.
const KEEP = 2_000;

export function roomId(name) {
  return `#${name}`;
}

export function personId(name) {
  return `@${nameKey(name)}`;
}

export class Conversation {
  messages = new Messages();

  // Whether the newest page of history is there, and whether the server has messages before the oldest.
  loaded = false;
  more = true;

  // The newest message that the reader has seen, and how many came after it from others.
  read = 0;
  unread = 0;
  // The reader had seen the messages up to here when new ones came; null when there is nothing to mark.
  newAfter = null;

  // Who is in the room, by key, and how many; null when the server has not said.
  members = new Map();
  users = null;
  // Who is typing, each with the timer that ends it.
  typing = new Map();

  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
  }

  get id() {
    return this.isRoom ? roomId(this.name) : personId(this.name);
  }

  get isRoom() {
    return this.kind === "room";
  }

  // What the history of this is asked for by.
  get address() {
    return this.isRoom ? { room: this.name } : { with: this.name };
  }

  countUnread(offset) {
    if (offset <= this.read) return;
    if (this.unread === 0) this.newAfter = this.read;
    this.unread += 1;
  }

  // Says whether anything changed.
  markRead(upto = this.messages.newest ?? 0) {
    if (this.unread === 0 && this.read >= upto) return false;
    this.read = Math.max(this.read, upto);
    this.unread = 0;
    return true;
  }

  forgetOld() {
    if (this.messages.length > KEEP * 1.1 && this.messages.keepNewest(KEEP)) this.more = true;
  }

  // The log has begun anew.
  clear() {
    this.messages = new Messages();
    this.loaded = false;
    this.more = true;
    this.read = 0;
    this.unread = 0;
    this.newAfter = null;
  }
}

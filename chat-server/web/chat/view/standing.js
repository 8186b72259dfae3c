// What the user is in the rooms that the server keeps; nothing where it keeps none.

import { nameKey } from "../../client/index.js";

const RANKS = { member: 1, moderator: 2, owner: 3 };
// Rooms by the hundred; who is in more has to look into a room to see what one may do there.
const MAX_PAGES = 10;

export class Standing {
  /** Called when more is known. */
  onChange = () => {};
  keepsRooms = false;

  #chat;
  #rooms = new Map();
  #everywhere;
  // What was asked for last: for whom, and in which room.
  #asked = null;

  constructor(chat) {
    this.#chat = chat;
    chat.onEvent("room changed", () => this.load());
    chat.onEvent("not joined", () => this.load());
  }

  draw({ connection, me, open }) {
    const now = connection.state === "connected" ? `${me.user} ${open.id}` : null;
    if (now === this.#asked) return;
    this.#asked = now;
    if (now !== null) this.load();
  }

  /** Asks the server again. */
  async load() {
    const found = new Map();
    let everywhere;
    try {
      for (let page = 0, after = undefined; page < MAX_PAGES; page += 1) {
        const { rooms, more, role } = await this.#chat.request("rooms", { ...(after && { after }) });
        for (const room of rooms) found.set(nameKey(room.room), room);
        everywhere = role;
        after = rooms.at(-1)?.room;
        if (!more) break;
      }
      this.keepsRooms = true;
    } catch (error) {
      if (error.code === undefined) throw error;
      if (error.code === "no_answer") return;
      this.keepsRooms = false;
    }
    this.#rooms = found;
    this.#everywhere = everywhere;
    this.onChange();
  }

  /** What the server keeps of a room; undefined if it does not keep it. */
  record(name) {
    return this.#rooms.get(nameKey(name));
  }

  /** Whether the user is at least this in every room. */
  isEverywhere(role) {
    return (RANKS[this.#everywhere] ?? 0) >= RANKS[role];
  }

  /** Whether the user is at least this in a room: "member", "moderator" or "owner". */
  isAtLeast(role, name) {
    const rank = Math.max(RANKS[this.#everywhere] ?? 0, RANKS[this.record(name)?.role] ?? 0);
    return rank >= RANKS[role];
  }
}

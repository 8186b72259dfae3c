// What the switcher finds: conversations of which something is known here, and messages by the server's search.

import { explained, isSameName, text } from "./page.js";

const SHOWN = 8;
const PAGE = 20;
// Rooms are asked for so many pages of; more are found by their name.
const ROOM_PAGES = 5;

export class Finder {
  #chat;
  // The rooms that one may see, with their topics, as the server says.
  #rooms = [];

  constructor(chat) {
    this.#chat = chat;
  }

  /** Asks for the rooms. Without an answer there are those of the reader's. */
  async loadRooms() {
    const rooms = [];
    try {
      for (let page = 0, after; page < ROOM_PAGES; page += 1) {
        const answer = await this.#chat.request("rooms", { after });
        rooms.push(...answer.rooms);
        if (!answer.more) break;
        after = answer.rooms.at(-1).room;
      }
    } catch (error) {
      if (error.code === undefined) throw error;
    }
    this.#rooms = rooms;
  }

  /** The rooms and people whose name, or topic, has these words; those with something unread come first. */
  conversations(query) {
    const { rooms, people, me, open } = this.#chat.snapshot();
    const topics = new Map(this.#rooms.map(({ room, topic }) => [room, topic]));
    const known = rooms.map(({ name, unread }) => ({ kind: "room", name, unread, topic: topics.get(name) ?? "" }));
    const names = new Set(rooms.map(({ name }) => name));
    const others = this.#rooms.filter(({ room }) => !names.has(room))
      .map(({ room, topic }) => ({ kind: "room", name: room, topic: topic ?? "", unread: 0 }));
    const persons = people.map(({ name, unread, here }) => ({ kind: "person", name, unread, here, topic: "" }));
    for (const name of new Set(rooms.flatMap(({ members }) => members))) {
      const isKnown = persons.some((person) => isSameName(person.name, name));
      if (!isKnown && !(me.name && isSameName(me.name, name))) {
        persons.push({ kind: "person", name, unread: 0, here: true, topic: "" });
      }
    }
    return {
      rooms: best([...known, ...others], query, open),
      people: best(persons, query, open),
    };
  }

  /** Messages that the server finds, or what is wrong: { hits, before, problem }. */
  async messages(query, before) {
    try {
      const { hits, before: next } = await this.#chat.request("search", { query, before, limit: PAGE });
      return { hits, before: next };
    } catch (error) {
      if (error.code === undefined) throw error;
      return { hits: [], problem: problem(error) };
    }
  }
}

function problem(error) {
  const at = error.code === "invalid_query" && /at character (\d+)$/.exec(error.message)?.[1];
  return at ? text("queryMistake", { at: Number(at) }) : explained(error);
}

function best(conversations, query, open) {
  const sought = folded(query);
  const rank = ({ name, topic }) => {
    const own = folded(name);
    if (own.startsWith(sought)) return 0;
    if (own.includes(sought)) return 1;
    return folded(topic).includes(sought) ? 2 : 3;
  };
  const isOpen = ({ kind, name }) => kind === open.kind && name === open.name;
  return conversations
    .map((conversation) => ({ conversation, rank: rank(conversation) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank
      || b.conversation.unread - a.conversation.unread
      || isOpen(a.conversation) - isOpen(b.conversation))
    .slice(0, SHOWN)
    .map(({ conversation }) => conversation);
}

// Without case and diacritics, as the server compares.
function folded(words) {
  return words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}

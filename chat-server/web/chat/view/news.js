// Has screen readers say what others write: in the open conversation, and elsewhere what the reader wants to hear of. The list
// itself says nothing, since it also changes when one reads back in it.

import { shownName } from "./avatar.js";
import { inWords } from "./files.js";
import { text } from "./language.js";
import { levelsOf } from "./preferences.js";
import { isWanted } from "./wanted.js";

// What comes within so long is said together; more messages than this are counted only.
const TOGETHER_MS = 1_000;
const SAID = 3;
const MAX_CHARACTERS = 200;

const region = document.getElementById("news");

export class News {
  #chat;
  #waiting = [];
  #timer = null;

  constructor(chat, live) {
    this.#chat = chat;
    live.listen((message, id) => this.#heard(message, id));
    chat.on("changed", (offset) => this.#forget(offset));
  }

  #heard(message, id) {
    const { rooms, people, open, me, caughtUp } = this.#chat.snapshot();
    const conversation = [...rooms, ...people].find((it) => it.id === id);
    // What was missed is counted where it is said that the connection is back.
    if (message.own || !caughtUp || !conversation) return;
    const isOpen = id === open.id;
    if (!isOpen && !isWanted(message, conversation, me, levelsOf(me)(conversation))) return;
    const from = shownName(message.from);
    const author = isOpen || conversation.kind === "person" ? from : `${from} – ${conversation.name}`;
    this.#timer ??= setTimeout(() => this.#say(), TOGETHER_MS);
    const line = `${author}: ${inWords(message.content).slice(0, MAX_CHARACTERS)}`;
    this.#waiting.push({ offset: message.offset, line });
  }

  // What was deleted, or changed, stands nowhere any more.
  #forget(offset) {
    this.#waiting = this.#waiting.filter((it) => it.offset !== offset);
    region.replaceChildren();
  }

  #say() {
    this.#timer = null;
    const all = this.#waiting.splice(0);
    const lines = all.length <= SAID ? all.map(({ line }) => line) : [text("newMessages", { count: all.length })];
    region.replaceChildren(...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line, dir: "auto" })));
  }
}

// Says who is typing.

import { shownName } from "./avatar.js";

const line = document.getElementById("typing");

export class TypingLine {
  #chat;

  constructor(chat) {
    this.#chat = chat;
  }

  draw() {
    const text = sentence([...this.#chat.open.typing.keys()]);
    if (line.textContent !== text) line.textContent = text;
  }
}

function sentence(people) {
  const names = people.map((name) => (name === null ? "Somebody" : `\u2068${shownName(name)}\u2069`));
  switch (names.length) {
    case 0:
      return "";
    case 1:
      return `${names[0]} is typing…`;
    case 2:
      return `${names[0]} and ${names[1]} are typing…`;
    default:
      return "Several people are typing…";
  }
}

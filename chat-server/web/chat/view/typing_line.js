// Says who is typing.

import { text } from "./language.js";

const line = document.getElementById("typing");

export class TypingLine {
  draw({ open }) {
    const words = sentence(open.typing);
    if (line.textContent !== words) line.textContent = words;
  }
}

function sentence(people) {
  const [name, other] = people.map((name) => (name === null ? text("somebody") : `\u2068${name}\u2069`));
  switch (people.length) {
    case 0:
      return "";
    case 1:
      return text("typingOne", { name });
    case 2:
      return text("typingTwo", { name, other });
    default:
      return text("typingSeveral");
  }
}

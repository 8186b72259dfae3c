// The element of one message.

import { withLinks } from "./links.js";
import { showDay, showTime } from "./times.js";

// A longer message is folded until the reader asks for all of it.
const FOLD_CHARACTERS = 2_500;
const FOLD_LINES = 30;

const BEGINNING = new RegExp(`^(?:.*\\n){${FOLD_LINES}}`);

const STATES = { pending: "Sending", sent: "Sent", failed: "Not sent" };

const template = document.getElementById("message");

// `state` for one's own messages, else null.
export function bubble({ content, at, state }) {
  const li = template.content.firstElementChild.cloneNode(true);
  const beginning = beginningOf(content);
  li.querySelector(".text").append(withLinks(beginning));
  if (beginning !== content) fold(li, content);
  if (at !== null) showTime(li.querySelector(".meta time"), at);
  if (state) setState(li, state);
  return li;
}

export function setState(li, state) {
  li.dataset.state = state;
  const element = li.querySelector(".state");
  element.hidden = false;
  element.querySelector(".unseen").textContent = STATES[state];
}

// Shows above the message the day of this moment; none for `null`.
export function setDay(li, at) {
  const element = li.querySelector(".day");
  element.hidden = at === null;
  if (at !== null) showDay(element.firstElementChild, at);
}

function fold(li, content) {
  const more = li.querySelector(".more");
  more.hidden = false;
  more.addEventListener("click", () => {
    li.querySelector(".text").replaceChildren(withLinks(content));
    more.remove();
  });
}

// As much of a long message as is shown at first, else all of it.
function beginningOf(content) {
  const beginning = (BEGINNING.exec(content)?.[0] ?? content).slice(0, FOLD_CHARACTERS);
  if (beginning === content) return content;
  // Not in the middle of a word: half an address would be a link to elsewhere.
  return beginning.replace(/\S{0,200}$/, "").trimEnd() + " …";
}

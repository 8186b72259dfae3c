// The elements of what the switcher has found.

import { fillAvatar, number, showWhen, shownName, text } from "./page.js";

/** A room or a person. */
export function foundConversation({ kind, name, topic, unread, here }) {
  const element = option("found-conversation");
  const isRoom = kind === "room";
  const sign = part("span", isRoom ? "hash" : "avatar", isRoom ? "#" : "");
  sign.ariaHidden = "true";
  if (!isRoom) {
    fillAvatar(sign, name);
    sign.classList.toggle("here", here);
  }
  element.append(sign, part("bdi", "name", name));
  if (!isRoom) element.append(part("span", "unseen", text(here ? "online" : "offline")));
  if (topic) element.append(part("bdi", "found-topic", topic));
  if (unread > 0) {
    const count = part("span", "unread", number(unread));
    count.ariaHidden = "true";
    element.append(count, part("span", "unseen", text("unread", { count: unread })));
  }
  return element;
}

/** A message, with what was looked for in it. */
export function foundMessage({ room, with: other, from, at, text: words, matches }) {
  const element = option("found-message");
  const by = part("p", "found-by");
  const time = document.createElement("time");
  showWhen(time, at);
  by.append(part("bdi", "author", shownName(from)), " · ", part("bdi", "", room === undefined ? `@${other}` : `#${room}`), " · ", time);
  const content = part("p", "found-text");
  content.dir = "auto";
  let end = 0;
  for (const [start, stop] of matches) {
    content.append(words.slice(end, start), part("mark", "", words.slice(start, stop)));
    end = stop;
  }
  content.append(words.slice(end));
  element.append(by, content);
  return element;
}

/** The rest of what was found. */
export function foundMore() {
  const element = option("found-more");
  element.textContent = text("findMore");
  return element;
}

function option(name) {
  const element = part("div", `found-option ${name}`);
  element.role = "option";
  return element;
}

function part(tag, name, words = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = words;
  return element;
}

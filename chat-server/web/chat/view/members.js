// Who is in the open room.

import { isSameName, nameKey } from "../model/names.js";
import { fillAvatar } from "./avatar.js";
import { KeyedList } from "./keyed_list.js";

// More would help nobody to find one.
const SHOWN = 300;

const template = document.getElementById("member");
const toggle = document.getElementById("members-open");
const count = document.getElementById("members-count");
const label = document.getElementById("members-label");
const heading = document.getElementById("members-title");
const others = document.getElementById("members-others");

const sorted = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

export class Members {
  // Called with the name of the one to write to.
  onChoose = () => {};

  #chat;
  #drawn = null;
  #list = new KeyedList(
    document.getElementById("members-list"),
    (item) => this.#make(item),
    (li, { isMe }) => {
      li.querySelector("button").disabled = isMe;
      li.querySelector(".you").hidden = !isMe;
    },
  );

  constructor(chat) {
    this.#chat = chat;
  }

  draw() {
    const { open, identity } = this.#chat;
    const members = open.isRoom ? open.members : privately(open, this.#chat);
    const users = open.isRoom ? open.users : members.size;
    document.body.classList.toggle("knows-members", users !== null);
    if (users === null) return;
    const names = [...members.values()].sort(sorted.compare);
    // Sorting and comparing hundreds of names for each message would be a waste.
    const now = JSON.stringify([open.id, users, identity.name, names]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const online = `${users.toLocaleString()} online`;
    count.textContent = users.toLocaleString();
    label.textContent = `Show who is here: ${online}`;
    toggle.title = online;
    heading.textContent = online;
    const shown = names.slice(0, SHOWN);
    this.#list.draw(
      shown.map((name) => ({ id: nameKey(name), name, isMe: isSameName(name, identity.name) })),
    );
    others.textContent = rest(users - shown.length, names.length > shown.length);
  }

  #make({ name }) {
    const li = template.content.firstElementChild.cloneNode(true);
    fillAvatar(li.querySelector(".avatar"), name);
    li.querySelector(".name").textContent = name;
    li.querySelector("button").addEventListener("click", () => this.onChoose(name));
    return li;
  }
}

function privately({ name }, { identity, presence }) {
  const here = [identity.name, name].filter((name) => name !== null && presence.isHere(name));
  return new Map(here.map((name) => [nameKey(name), name]));
}

function rest(count, areNamed) {
  if (count <= 0) return "";
  const number = count.toLocaleString();
  if (areNamed) return `and ${number} more`;
  return count === 1 ? "1 person without a name" : `${number} people without a name`;
}

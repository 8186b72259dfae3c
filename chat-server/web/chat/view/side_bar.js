// The rooms and people to choose from, with what is unread.

import { fillAvatar } from "./avatar.js";
import { KeyedList } from "./keyed_list.js";

const MANY = 99;

const template = document.getElementById("conversation");
const nobody = document.getElementById("nobody");
const dot = document.getElementById("side-dot");

export class SideBar {
  // Called when one is chosen.
  onChoose = () => {};

  #chat;
  #rooms = this.#list("rooms");
  #people = this.#list("people");

  constructor(chat) {
    this.#chat = chat;
  }

  draw() {
    const { rooms, people, all, open } = this.#chat.conversations;
    this.#rooms.draw(rooms.map(asItem));
    this.#people.draw(people.map(asItem));
    nobody.hidden = people.length > 0;
    dot.hidden = !all.some((conversation) => conversation !== open && conversation.unread > 0);
  }

  #list(id) {
    const make = (item) => this.#make(item);
    return new KeyedList(document.getElementById(id), make, (li, item) => this.#update(li, item));
  }

  #make({ conversation }) {
    const li = template.content.firstElementChild.cloneNode(true);
    const { isRoom, name } = conversation;
    li.querySelector(".hash").hidden = !isRoom;
    const avatar = li.querySelector(".avatar");
    avatar.hidden = isRoom;
    if (!isRoom) fillAvatar(avatar, name);
    li.querySelector(".name").textContent = name;
    li.querySelector("button").addEventListener("click", () => {
      this.#chat.show(conversation);
      this.onChoose();
    });
    return li;
  }

  #update(li, { conversation }) {
    const { isRoom, name, unread } = conversation;
    const button = li.querySelector("button");
    button.ariaCurrent = conversation === this.#chat.open ? "true" : null;
    button.classList.toggle("has-unread", unread > 0);
    const count = unread > MANY ? `${MANY}+` : String(unread);
    set(li.querySelector(".unread"), unread > 0 ? count : "");
    set(li.querySelector(".unread-label"), unread > 0 ? `, ${unread} unread` : "");
    const isHere = !isRoom && this.#chat.presence.isHere(name);
    li.querySelector(".avatar").classList.toggle("here", isHere);
    set(li.querySelector(".presence"), isRoom ? "" : isHere ? ", online" : ", offline");
  }
}

function asItem(conversation) {
  return { id: conversation.id, conversation };
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

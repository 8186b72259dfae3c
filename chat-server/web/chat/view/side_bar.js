// The rooms and people to choose from, with what is unread.

import { fillAvatar } from "./avatar.js";
import { KeyedList } from "./keyed_list.js";
import { number, text } from "./language.js";
import { levelsOf } from "./preferences.js";
import { wanted } from "./wanted.js";

const MANY = 99;

const template = document.getElementById("conversation");
const nobody = document.getElementById("nobody");
const dot = document.getElementById("side-dot");

export class SideBar {
  // Called when one is chosen.
  onChoose = () => {};
  // Whether something is written in a conversation and not sent.
  hasDraft = () => false;

  #chat;
  #open = null;
  // Of which messages the reader wants to hear.
  #levels = null;
  #rooms = this.#list("rooms");
  #people = this.#list("people");

  constructor(chat) {
    this.#chat = chat;
  }

  draw({ rooms, people, open, me }) {
    this.#open = open;
    this.#levels = levelsOf(me);
    this.#rooms.draw(rooms);
    this.#people.draw(people);
    nobody.hidden = people.length > 0;
    const others = [...rooms, ...people].filter((conversation) => conversation !== open && conversation.unread > 0 && this.#levels(conversation) !== "mute");
    const isForMe = others.some((conversation) => wanted(conversation, this.#levels(conversation)) > 0);
    dot.hidden = others.length === 0;
    dot.classList.toggle("is-for-me", isForMe);
    set(dot.firstElementChild, text(isForMe ? "messagesForYou" : "unreadMessages"));
  }

  #list(id) {
    const make = (conversation) => this.#make(conversation);
    const update = (li, conversation) => this.#update(li, conversation);
    return new KeyedList(document.getElementById(id), make, update);
  }

  #make({ id, kind, name }) {
    const li = template.content.firstElementChild.cloneNode(true);
    const isRoom = kind === "room";
    li.querySelector(".hash").hidden = !isRoom;
    const avatar = li.querySelector(".avatar");
    avatar.hidden = isRoom;
    if (!isRoom) fillAvatar(avatar, name);
    li.querySelector(".name").textContent = name;
    li.querySelector("button").addEventListener("click", () => {
      this.#chat.show(id);
      this.onChoose();
    });
    return li;
  }

  #update(li, conversation) {
    const { kind, unread, forMe, here } = conversation;
    const isRoom = kind === "room";
    const button = li.querySelector("button");
    button.ariaCurrent = conversation === this.#open ? "true" : null;
    const isMuted = this.#levels(conversation) === "mute";
    button.classList.toggle("has-unread", unread > 0 && !isMuted);
    button.classList.toggle("muted", isMuted);
    const mentions = isRoom ? forMe : 0;
    set(li.querySelector(".unread"), unread > 0 ? upTo99(unread) : "");
    li.querySelector(".unread").classList.toggle("is-for-me", !isRoom);
    set(li.querySelector(".for-me"), mentions > 0 ? `@${upTo99(mentions)}` : "");
    const label = unread > 0 ? text("unread", { count: unread }) : "";
    set(li.querySelector(".unread-label"), (mentions > 0 ? label + text("mentioned", { count: mentions }) : label) + (isMuted ? text("muted") : ""));
    set(li.querySelector(".draft"), conversation !== this.#open && this.hasDraft(conversation.id) ? text("draft") : "");
    li.querySelector(".avatar").classList.toggle("here", here);
    set(li.querySelector(".presence"), isRoom ? "" : text(here ? "online" : "offline"));
  }
}

function upTo99(count) {
  return count > MANY ? `${number(MANY)}+` : number(count);
}

function set(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

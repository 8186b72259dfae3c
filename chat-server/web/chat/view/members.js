// Who is in the open room.

import { isSameName, nameKey } from "../../client/index.js";
import { fillAvatar } from "./avatar.js";
import { KeyedList } from "./keyed_list.js";
import { number, text } from "./language.js";

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
  // Called with the name of the one to be kept in order, and whether the reader may do that.
  onModerate = () => {};
  mayModerate = () => false;

  #drawn = null;
  #list = new KeyedList(
    document.getElementById("members-list"),
    (item) => this.#make(item),
    (li, { isMe }) => {
      li.querySelector("button").disabled = isMe;
      li.querySelector(".you").hidden = !isMe;
      li.querySelector(".moderate").hidden = isMe || !this.mayModerate();
    },
  );

  draw({ open, me, rooms, connection }) {
    const isRoom = open.kind === "room";
    const members = isRoom ? open.members : privately(open, me, rooms);
    const users = isRoom ? open.users : members.length;
    document.body.classList.toggle("knows-members", users !== null);
    if (users === null) return;
    // Sorting and comparing hundreds of names for each message would be a waste.
    const isConnected = connection.state === "connected";
    const now = JSON.stringify([isConnected, open.id, users, me.name, members, this.mayModerate()]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const names = members.toSorted(sorted.compare);
    const online = text(isConnected ? "membersOnline" : "membersBefore", { count: users });
    count.textContent = number(users);
    label.textContent = isConnected ? text("showMembersOf", { count: users }) : text("showMembers");
    toggle.title = online;
    heading.textContent = online;
    const shown = names.slice(0, SHOWN);
    this.#list.draw(
      shown.map((name) => ({ id: nameKey(name), name, isMe: isSameName(name, me.name) })),
    );
    others.textContent = rest(users - shown.length, names.length > shown.length);
  }

  // The page is in another language.
  redraw() {
    this.#drawn = null;
    this.#list.draw([]);
  }

  #make({ name }) {
    const li = template.content.firstElementChild.cloneNode(true);
    fillAvatar(li.querySelector(".avatar"), name);
    li.querySelector(".name").textContent = name;
    li.querySelector("button").addEventListener("click", () => this.onChoose(name));
    const moderate = li.querySelector(".moderate");
    moderate.ariaLabel = moderate.title = text("moderateName", { name });
    moderate.addEventListener("click", () => this.onModerate(name));
    // As a long press on a phone does.
    li.addEventListener("contextmenu", (event) => {
      if (moderate.hidden) return;
      event.preventDefault();
      this.onModerate(name);
    });
    return li;
  }
}

function privately({ name, here }, me, rooms) {
  const isHere = me.name !== null && rooms.some(({ members }) => members.some((member) => isSameName(member, me.name)));
  return [...(isHere ? [me.name] : []), ...(here ? [name] : [])];
}

function rest(count, areNamed) {
  if (count <= 0) return "";
  return text(areNamed ? "moreMembers" : "withoutName", { count });
}

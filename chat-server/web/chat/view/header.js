// What is open, and what can be done with it.

import { text } from "./language.js";

const hash = document.getElementById("title-hash");
const title = document.getElementById("title-name");
const leave = document.getElementById("leave");
const leaveText = document.getElementById("leave-text");

export class Header {
  constructor(chat) {
    leave.addEventListener("click", () => {
      chat.leave(chat.snapshot().open.id);
      document.getElementById("text").focus();
    });
  }

  draw({ open, rooms }) {
    const { kind, name } = open;
    const isRoom = kind === "room";
    hash.textContent = isRoom ? "#" : "@";
    if (title.textContent !== name) title.textContent = name;
    leaveText.textContent = text(isRoom ? "leave" : "close", { name });
    leave.title = text(isRoom ? "leaveRoom" : "closeThis");
    // There is always a room to be in.
    leave.hidden = isRoom && rooms.length === 1;
  }
}

// Leads to what is kept of the open room, and to a new one.

import { text } from "./language.js";
import { panel } from "./panels.js";

const about = document.getElementById("about-room");
const topic = document.getElementById("topic");
const create = document.getElementById("create-room");

export class RoomButton {
  #standing;

  // `prompt` asks for a room to join.
  constructor(chat, standing, prompt, goOn) {
    this.#standing = standing;
    about.addEventListener("click", async () => {
      const view = await panel(() => import("../panels/room.js"));
      view?.showRoom(chat, standing, chat.snapshot().open.name);
    });
    create.addEventListener("click", async () => {
      const view = await panel(() => import("../panels/new_room.js"));
      const name = document.getElementById("room-field").value.trim();
      prompt.close();
      view?.askForRoom(chat, name, goOn);
    });
  }

  draw({ open, me }) {
    about.hidden = open.kind !== "room" || !this.#standing.keepsRooms;
    create.hidden = !this.#standing.keepsRooms || me.name === null;
    const words = open.kind === "room" ? (this.#standing.record(open.name)?.topic ?? "") : "";
    if (topic.textContent !== words) topic.textContent = topic.title = words;
    const label = text("aboutRoom", { name: open.name });
    if (about.ariaLabel !== label) about.ariaLabel = about.title = label;
  }
}

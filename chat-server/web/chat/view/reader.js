// Who the reader is, how that is changed, and a kind word to who has no name yet.

import { fillAvatar } from "./avatar.js";
import { Prompt } from "./prompt.js";

const me = document.getElementById("me");
const name = document.getElementById("me-name");
const note = document.getElementById("me-note");
const invitation = document.getElementById("invitation");
const nobody = document.getElementById("be-nobody");
const reason = document.getElementById("name-reason");

const WHY = "Others see it beside your messages, and can write to you privately. It stays yours in this browser.";

export class Reader {
  #chat;
  #prompt;
  #afterwards = () => {};

  constructor(chat) {
    this.#chat = chat;
    this.#prompt = new Prompt("name-dialog", (name) => chat.become(name), () => this.#afterwards());
    me.addEventListener("click", () => this.ask());
    document.getElementById("accept").addEventListener("click", () => this.ask());
    document.getElementById("decline").addEventListener("click", () => {
      chat.identity.preferNone();
      chat.onChange();
      document.getElementById("text").focus();
    });
    nobody.addEventListener("click", () => {
      chat.becomeNobody();
      this.#prompt.close();
    });
    chat.onNameLost = (lost, message) => this.#prompt.open(lost, message);
  }

  // Asks for a name, for a reason; `afterwards` is called when there is one.
  ask(why = WHY, afterwards = () => {}) {
    this.#afterwards = afterwards;
    reason.textContent = why;
    this.#prompt.open(this.#chat.identity.name ?? "");
  }

  draw() {
    const { identity } = this.#chat;
    fillAvatar(me.querySelector(".avatar"), identity.name);
    name.textContent = identity.name ?? "Choose a name";
    note.textContent = identity.name === null ? "You write anonymously" : "Change your name";
    invitation.hidden = identity.name !== null || identity.prefersNone;
    nobody.hidden = identity.name === null;
  }
}

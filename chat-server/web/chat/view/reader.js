// Who the reader is, how that is changed, and a kind word to who has no name yet.

import { fillAvatar } from "./avatar.js";
import { text } from "./language.js";
import { preferNoName, prefersNoName } from "./preferences.js";
import { explained, problemOf } from "./problem.js";
import { Prompt } from "./prompt.js";

const me = document.getElementById("me");
const name = document.getElementById("me-name");
const note = document.getElementById("me-note");
const invitation = document.getElementById("invitation");
const nobody = document.getElementById("be-nobody");
const reason = document.getElementById("name-reason");

export class Reader {
  #chat;
  #prompt;
  #afterwards = () => {};

  constructor(chat) {
    this.#chat = chat;
    this.#prompt = new Prompt("name-dialog", (name) => problemOf(chat.become(name)), () => this.#afterwards());
    me.addEventListener("click", () => this.ask());
    document.getElementById("accept").addEventListener("click", () => this.ask());
    document.getElementById("decline").addEventListener("click", () => {
      preferNoName();
      this.draw(chat.snapshot());
      document.getElementById("text").focus();
    });
    nobody.addEventListener("click", () => {
      chat.becomeNobody();
      this.#prompt.close();
    });
    chat.on("nameLost", (lost, problem) => this.#prompt.open(lost, explained(problem)));
  }

  // Asks for a name, for a reason; `afterwards` is called when there is one.
  ask(why = text("nameReason"), afterwards = () => {}) {
    this.#afterwards = afterwards;
    reason.textContent = why;
    this.#prompt.open(this.#chat.snapshot().me.name ?? "");
  }

  draw({ me: { name: own } }) {
    fillAvatar(me.querySelector(".avatar"), own);
    name.textContent = own ?? text("chooseName");
    note.textContent = text(own === null ? "writesAnonymously" : "changeName");
    invitation.hidden = own !== null || prefersNoName();
    nobody.hidden = own === null;
  }
}

// Who the reader is, how that is changed, and a kind word to who has no name yet.

import { fillAvatar } from "./avatar.js";
import { text } from "./language.js";
import { panel } from "./panels.js";
import { thisDevice } from "./this_device.js";
import { preferNoName, prefersNoName } from "./preferences.js";
import { explained, problemOf } from "./problem.js";
import { Prompt } from "./prompt.js";

const me = document.getElementById("me");
const name = document.getElementById("me-name");
const note = document.getElementById("me-note");
const invitation = document.getElementById("invitation");
const welcome = document.getElementById("welcome-text");
const nobody = document.getElementById("be-nobody");
const reason = document.getElementById("name-reason");
const profile = document.getElementById("profile");
const haveCode = document.getElementById("have-code");

export class Reader {
  #chat;
  #prompt;
  #afterwards = () => {};
  #profile = null;
  // The code of an invitation that has led here, until it is accepted.
  #invite = null;

  constructor(chat) {
    this.#chat = chat;
    this.#prompt = new Prompt("name-dialog", (name) => problemOf(this.#become(name)), () => this.#afterwards());
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
    haveCode.addEventListener("click", () => this.link());
    chat.on("nameLost", (lost, problem) => this.#prompt.open(lost, explained(problem)));
  }

  // Asks for a name, for a reason; `afterwards` is called when there is one.
  ask(why = text("nameReason"), afterwards = () => {}) {
    this.#afterwards = afterwards;
    reason.textContent = why;
    const { name: own } = this.#chat.snapshot().me;
    this.#prompt.open(own ?? "");
    profile.hidden = true;
    if (own !== null) this.#showProfile();
  }

  // Asks whether this device is to be that of the user who has made the code, which may still have to be typed.
  async link(code) {
    const view = await panel(() => import("../panels/link_device.js"));
    this.#prompt.close();
    view?.askToLink(this.#chat, code);
  }

  // An invitation to a room: whoever has a name joins, and others choose one first.
  invited(code) {
    this.#invite = code;
    this.draw(this.#chat.snapshot());
  }

  #become(name) {
    const label = thisDevice();
    return this.#chat.become(name, { ...(label && { label }), ...(this.#invite !== null && { invitation: this.#invite }) });
  }

  async #accept() {
    const code = this.#invite;
    this.#invite = null;
    try {
      const { room } = await this.#chat.request("accept invitation", code);
      this.#chat.show(await this.#chat.join(room));
    } catch (error) {
      // It is asked for again with the next connection.
      if (error.code === "no_answer") this.#invite = code;
      else (await panel(() => import("../panels/notice.js")))?.notify("invitation", explained(error));
    }
  }

  // The user's devices, where there are any: names of signed tokens have none.
  async #showProfile() {
    const view = await panel(() => import("../panels/profile.js"));
    if (view === null) return;
    this.#profile ??= new view.Profile(this.#chat, profile);
    await problemOf(this.#profile.show());
  }

  draw({ me: { name: own }, connection }) {
    fillAvatar(me.querySelector(".avatar"), own);
    name.textContent = own ?? text("chooseName");
    note.textContent = text(own === null ? "writesAnonymously" : "changeName");
    const isInvited = this.#invite !== null;
    if (isInvited && own !== null && connection.state === "connected") this.#accept();
    invitation.hidden = own !== null || (prefersNoName() && !isInvited);
    welcome.textContent = text(isInvited ? "invitedText" : "welcomeText");
    nobody.hidden = own === null;
    haveCode.hidden = own !== null;
  }
}

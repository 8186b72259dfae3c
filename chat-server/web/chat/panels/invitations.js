// Invitations to a room: new ones, and those that are valid.

import { choice, element, field, sureButton } from "./dom.js";
import { moment, text } from "./page.js";
import { shared } from "./share.js";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const MAX_USES = 1_000;

export class Invitations {
  #chat;
  #dialog;
  #room;
  #list = element("ul", { className: "devices" });
  #code = element("div");

  constructor(chat, dialog, room) {
    this.#chat = chat;
    this.#dialog = dialog;
    this.#room = room;
  }

  /** What one makes invitations with, and a list of those that there are. */
  async elements() {
    const lifetimes = [[HOUR, text("anHour")], [DAY, text("aDay")], [7 * DAY, text("aWeek")], [30 * DAY, text("aMonth")]];
    const expiry = choice(lifetimes, 7 * DAY);
    const uses = element("input", { type: "number", min: 1, max: MAX_USES, value: 1, required: true });
    const form = element(
      "form",
      { method: "dialog", className: "inline" },
      field(text("validFor"), expiry),
      field(text("forHowMany"), uses),
      element("button", { type: "submit", className: "quiet", textContent: text("invite") }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#dialog.do(this.#invite({ uses: Number(uses.value), expiresIn: Number(expiry.value) }));
    });
    await this.#load();
    return [element("h3", { textContent: text("invitations") }), form, this.#code, this.#list];
  }

  async #invite(options) {
    const { code, expiresAt } = await this.#chat.request("invite", this.#room, options);
    this.#code.replaceChildren(await shared({ name: "invite", code, expiresAt, explanation: "invitationExplained" }));
    await this.#load();
  }

  async #load() {
    const { invitations } = await this.#chat.request("invitations", this.#room);
    this.#list.replaceChildren(...invitations.map((invitation) => this.#row(invitation)));
  }

  #row({ id, usesLeft, expiresAt, nickname }) {
    const by = nickname === null ? "" : ` · ${nickname}`;
    const words = `${text("usesLeft", { count: usesLeft })} · ${text("until", { time: moment(expiresAt) })}${by}`;
    const revoke = sureButton(text("remove"), text("removeSure"), () => this.#dialog.do(this.#revoke(id)));
    revoke.setAttribute("aria-description", words);
    return element("li", {}, element("span", { dir: "auto", textContent: words }), revoke);
  }

  async #revoke(id) {
    await this.#chat.request("revoke invitation", this.#room, id);
    await this.#load();
  }
}

// The user's devices: which there are, another one, and none any more.

import { button, element, sureButton } from "./dom.js";
import { moment, problemOf, text } from "./page.js";
import { shared } from "./share.js";

export class Profile {
  #chat;
  #root;
  #error = element("p", { className: "error", role: "alert" });
  #list = element("ul", { className: "devices" });
  #code = element("div");
  #devices = [];

  constructor(chat, root) {
    this.#chat = chat;
    this.#root = root;
  }

  /** Shows what there is now. */
  async show() {
    this.#code.replaceChildren();
    this.#error.textContent = "";
    try {
      await this.#load();
    } catch (error) {
      if (error.code !== "nickname_fixed") throw error;
      return this.#showSigned();
    }
    this.#root.replaceChildren(
      element("h3", { textContent: text("devices") }),
      this.#list,
      button(text("useOnOther"), () => this.#do(this.#showCode())),
      this.#code,
      this.#devices.length > 1 ? sureButton(text("signOutOthers"), text("signOutOthersSure"), () => this.#do(this.#removeOthers())) : "",
      element("p", { textContent: this.#devices.length > 1 ? text("signOutExplained") : text("signOutLast") }),
      this.#signOut(),
      this.#error,
    );
    this.#root.hidden = false;
  }

  // A signed token says who one is: there are no devices.
  #showSigned() {
    this.#root.replaceChildren(this.#signOut(), this.#error);
    this.#root.hidden = false;
  }

  #signOut() {
    return sureButton(text("signOut"), text("signOutSure"), () => this.#do(this.#chat.signOut()), "quiet sign-out");
  }

  async #load() {
    this.#devices = (await this.#chat.request("devices")).devices;
    this.#list.replaceChildren(...this.#devices.map((device) => this.#row(device)));
  }

  #row({ id, label, usedAt, current }) {
    const name = label ?? text("deviceWithoutName");
    const note = current ? text("thisDevice") : text("lastUsed", { time: moment(usedAt) });
    const remove = sureButton(text("remove"), text("removeSure"), () => this.#do(this.#remove([id])));
    remove.setAttribute("aria-description", name);
    return element(
      "li",
      {},
      element("div", {}, element("bdi", { className: "name", textContent: name }), element("span", { className: "device-note", textContent: note })),
      current ? null : remove,
    );
  }

  async #showCode() {
    const { code, expiresAt } = await this.#chat.request("device code");
    this.#code.replaceChildren(await shared({ name: "device", code, expiresAt, explanation: "deviceCodeExplained" }));
    this.#code.scrollIntoView({ block: "nearest" });
  }

  #removeOthers() {
    return this.#remove(this.#devices.filter(({ current }) => !current).map(({ id }) => id));
  }

  async #remove(ids) {
    for (const id of ids) await this.#chat.request("unlink device", id);
    await this.show();
  }

  async #do(done) {
    this.#error.textContent = (await problemOf(done)) ?? "";
  }
}

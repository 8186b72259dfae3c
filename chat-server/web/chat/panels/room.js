// What is kept of a room, and what the user may change of it.

import { Dialog } from "./dialog.js";
import { button, choice, element, field, sureButton } from "./dom.js";
import { Invitations } from "./invitations.js";
import { showLog } from "./moderation_log.js";
import { deletedHere, isSameName, text } from "./page.js";
import { postings, roles, visibilities } from "./room_rules.js";

const ORDER = ["owner", "moderator", "member"];

export function showRoom(chat, standing, name) {
  new RoomPanel(chat, standing, name).load();
}

class RoomPanel {
  #chat;
  #standing;
  #name;
  #dialog;
  #members = [];

  constructor(chat, standing, name) {
    this.#chat = chat;
    this.#standing = standing;
    this.#name = name;
    this.#dialog = new Dialog(text("aboutRoomTitle", { name }));
  }

  /** Asks for what there is now, and shows it. */
  async load() {
    await this.#standing.load();
    const record = this.#standing.record(this.#name);
    if (record === undefined) return this.#dialog.show(...this.#notKept());
    this.#dialog.show(...this.#facts(record));
    await this.#dialog.do(this.#loadMembers(record));
  }

  #is(role) {
    return this.#standing.isAtLeast(role, this.#name);
  }

  // Asks the server for a change, and shows what there is then.
  async #change(...request) {
    if (await this.#dialog.do(this.#chat.request(...request))) await this.load();
  }

  #notKept() {
    const isUser = this.#chat.snapshot().me.name !== null;
    return [
      element("p", { textContent: text("notKept") }),
      isUser ? button(text("keepRoom"), () => this.#change("create room", this.#name, {})) : null,
      this.#standing.isEverywhere("moderator") ? button(text("logOfAll"), () => this.#dialog.do(showLog(this.#chat, null))) : null,
    ];
  }

  #facts(record) {
    const { topic, visibility, posting } = record;
    const [reads, writes] = [visibilities(), postings()];
    const set = (name, value) => this.#change("change room", this.#name, { [name]: value });
    const facts = [this.#topic(topic)];
    if (this.#is("owner")) {
      facts.push(
        field(text("whoReads"), choice(reads, visibility, { onchange: ({ target }) => set("visibility", target.value) })),
        field(text("whoWrites"), choice(writes, posting, { onchange: ({ target }) => set("posting", target.value) })),
      );
    } else {
      const words = [reads, writes].map((list, n) => list.find(([value]) => value === [visibility, posting][n])?.[1]);
      facts.push(element("p", { textContent: words.join(" · ") }));
    }
    return facts;
  }

  #topic(topic) {
    if (!this.#is("moderator")) return topic === "" ? null : element("p", { className: "topic", dir: "auto", textContent: topic });
    const input = element("input", { type: "text", dir: "auto", maxLength: 500, value: topic });
    const form = element("form", { method: "dialog", className: "inline" }, field(text("topic"), input), element("button", { type: "submit", className: "quiet", textContent: text("setTopic") }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change("change room", this.#name, { topic: input.value.trim() });
    });
    return form;
  }

  async #loadMembers(record) {
    const { members, more } = await this.#chat.request("members", this.#name);
    this.#members = members.toSorted((one, other) => ORDER.indexOf(one.role) - ORDER.indexOf(other.role));
    const list = element("ul", { className: "members-of-room" }, ...this.#members.map((member) => this.#row(member)));
    const parts = [
      ...this.#facts(record),
      element("h3", { textContent: text("membersOfRoom", { count: members.length }) }),
      list,
      more ? element("p", { textContent: text("moreMembersOfRoom") }) : null,
    ];
    if (this.#is("moderator")) {
      const invitations = new Invitations(this.#chat, this.#dialog, this.#name);
      parts.push(this.#adding(), ...(await invitations.elements()));
      parts.push(button(text("moderationLog"), () => this.#dialog.do(showLog(this.#chat, this.#name))));
    }
    if (this.#standing.isEverywhere("moderator")) {
      parts.push(button(text("logOfAll"), () => this.#dialog.do(showLog(this.#chat, null))));
    }
    parts.push(...this.#ends());
    this.#dialog.show(...parts);
  }

  #row({ nickname, role }) {
    const shown = nickname ?? text("nameless");
    const isMe = isSameName(nickname, this.#chat.snapshot().me.name);
    const named = element("bdi", { className: "name", textContent: shown });
    const set = (value) => this.#change("set role", this.#name, nickname, value);
    const row = element("li", {}, named);
    if (this.#is("owner") && nickname !== null) {
      row.append(choice(roles(), role, { "aria-label": text("roleOf", { name: shown }), onchange: ({ target }) => set(target.value) }));
    } else {
      row.append(element("span", { className: "device-note", textContent: roles().find(([value]) => value === role)[1] }));
    }
    const mayRemove = nickname !== null && !isMe && (this.#is("owner") || (this.#is("moderator") && role === "member"));
    if (mayRemove) {
      const remove = sureButton(text("remove"), text("removeSure"), () => set("none"));
      remove.setAttribute("aria-description", shown);
      row.append(remove);
    }
    return row;
  }

  #adding() {
    const name = element("input", { type: "text", dir: "auto", required: true, autocomplete: "off" });
    const form = element("form", { method: "dialog", className: "inline" }, field(text("addMember"), name), element("button", { type: "submit", className: "quiet", textContent: text("add") }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change("set role", this.#name, name.value.trim(), "member");
    });
    return form;
  }

  #ends() {
    const { me } = this.#chat.snapshot();
    const own = this.#members.find(({ nickname }) => isSameName(nickname, me.name));
    const ends = [];
    if (own) {
      ends.push(sureButton(text("endMembership"), text("endMembershipSure"), () => this.#change("set role", this.#name, me.name, "none")));
    }
    if (this.#is("owner")) ends.push(sureButton(text("deleteRoom"), text("deleteRoomSure"), () => this.#delete()));
    return ends;
  }

  async #delete() {
    deletedHere.add(this.#name);
    if (await this.#dialog.do(this.#chat.request("delete room", this.#name))) this.#dialog.close();
    else deletedHere.delete(this.#name);
  }
}

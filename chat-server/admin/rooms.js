/** The rooms, who is there, and their newest messages. */

import { api } from "./api.js";
import { action, ask, h, short, table } from "./dom.js";
import { needsToken } from "./people.js";

export function rooms(context, [name]) {
  return name === undefined ? list() : room(context, name);
}

function list() {
  const rows = table("Rooms", ["Room", "There now", "Topic…", "Visibility", "Who writes", "Members"]);
  const note = h("p", { class: "note", role: "status" });
  const more = h("button", { type: "button", hidden: true, onclick: () => ((pages += 1), refresh()) }, "More");
  let pages = 1;
  async function refresh() {
    try {
      const [found, after] = [[], {}];
      for (let page = 0; page < pages; page += 1) {
        const answer = await api(["rooms"], { query: { limit: 100, ...after } });
        found.push(...answer.rooms);
        more.hidden = !answer.more;
        if (!answer.more) break;
        after.after = answer.next;
      }
      note.textContent = "";
      rows.show(found.map((one) => ({ key: one.room, cells: cellsOf(one) })), "No rooms yet.");
    } catch (error) {
      note.replaceChildren(needsToken(error));
    }
  }
  // Those that nobody has created are not in the list where rooms are kept.
  const field = h("input", { name: "room", required: true, autocomplete: "off", value: "general" });
  const open = (event) => {
    event.preventDefault();
    location.hash = `#rooms/${encodeURIComponent(field.value.trim())}`;
  };
  const form = h("form", { class: "find", role: "search", onsubmit: open }, h("label", {}, "Room", field), h("button", {}, "Open"));
  return { element: h("div", {}, h("h2", {}, "Rooms"), form, rows.element, more, note), refresh };
}

function cellsOf(one) {
  const link = h("a", { href: `#rooms/${encodeURIComponent(one.room)}` }, one.room);
  return [link, short(one.users), one.topic ?? "", one.visibility ?? "public", one.posting ?? "everyone", one.members ?? "–"];
}

function room(context, name) {
  const users = h("p", {}, "…");
  const rows = table("The newest messages", ["Offset", "At", "From", "Message…", "Delete"]);
  const note = h("p", { class: "note", role: "status" });
  async function refresh() {
    try {
      const [present, page] = await Promise.all([api(["rooms", name, "users"]), api(["rooms", name, "messages"], { query: { limit: 50 } })]);
      const more = present.users - present.nicknames.length;
      users.replaceChildren(
        `There now (${present.users}): `,
        ...present.nicknames.slice(0, 50).flatMap((nickname, at) => [at ? ", " : "", h("a", { href: `#people/${encodeURIComponent(nickname)}` }, nickname)]),
        more > 0 ? ` and ${short(more)} without a name` : "",
      );
      note.textContent = "";
      rows.show(page.messages.toReversed().map((message) => ({ key: String(message.offset), cells: cells(message) })), "No messages.");
    } catch (error) {
      note.replaceChildren(needsToken(error));
    }
  }
  function cells(message) {
    const text = message.deleted ? "(deleted)" : message.event ? `${message.event} ${message.content}` : message.content;
    const remove = async () => {
      if (!(await ask("Delete a message", "Its text goes from the disk, from memory, and from every client that is there.", "Delete"))) return;
      const path = ["rooms", name, "messages", String(message.offset)];
      await context.attempt(() => api(path, { method: "DELETE" }), "The message is deleted.");
      refresh();
    };
    const button = !message.deleted && action("Delete…", remove, `Delete message ${message.offset}`);
    return [message.offset, message.at ? new Date(message.at).toLocaleString() : "–", message.from ?? "–", text, button || ""];
  }
  const back = h("a", { href: "#rooms" }, "← Rooms");
  return { element: h("div", {}, back, h("h2", {}, name), users, rows.element, note), refresh };
}

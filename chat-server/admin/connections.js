/** The connections of clients: those first that are furthest behind. */

import { request, segment } from "./api.js";
import { action, ask, h, short, since, table } from "./dom.js";

const LIMIT = 200;

export function connections(context, [user = ""]) {
  const field = h("input", { name: "user", value: user, placeholder: "everybody", autocomplete: "off" });
  const list = listOf(context, `Connections, those first that are furthest behind`);
  // What is being typed is no name yet.
  let of = user;
  const refresh = () => list.refresh(of);
  const find = (event) => {
    event.preventDefault();
    of = field.value.trim();
    refresh();
  };
  const form = h(
    "form",
    { class: "find", role: "search", onsubmit: find },
    h("label", {}, "Of the user", field),
    h("button", {}, "Show"),
  );
  return { element: h("div", {}, h("h2", {}, "Connections"), form, list.element), refresh };
}

/** A table of the connections of a user, or of all. */
export function listOf(context, caption) {
  const rows = table(caption, ["User", "Address", "Transport", "Open for", "Rooms…", "Behind", "Node", "End"]);
  const note = h("p", { class: "note", role: "status" });
  let asked = 0;
  return {
    element: h("div", {}, rows.element, note),
    async refresh(user) {
      asked += 1;
      const number = asked;
      const query = new URLSearchParams({ node: context.node || "all", limit: LIMIT });
      if (user) query.set("user", user);
      try {
        const all = await request(`connections?${query}`);
        // An earlier question may be answered later.
        if (number !== asked) return;
        note.textContent = all.length === LIMIT ? `These are the first ${LIMIT}.` : "";
        rows.show(all.filter(isSound).map((one) => ({ key: one.id, cells: cells(context, one, () => this.refresh(user)) })), "No connections.");
      } catch (error) {
        if (number === asked) note.textContent = error.message;
      }
    },
  };
}

function isSound(one) {
  return typeof one?.id === "string" && Array.isArray(one.rooms);
}

function cells(context, one, refresh) {
  const node = context.nodes.find((other) => other.node === one.node);
  const end = async () => {
    const who = one.user?.nickname ?? "a client without a name";
    const text = `The connection of ${who} and its session end. The client may come back in a new one; to keep a user out, ban the user.`;
    if (!(await ask("End a connection", text, "End"))) return;
    const path = `connections/${segment(one.id)}?${new URLSearchParams({ node: one.node })}`;
    await context.attempt(() => request(path, { method: "DELETE" }), "The connection has ended.");
    refresh();
  };
  return [
    one.user?.nickname ?? "–",
    one.address ?? "–",
    one.transport,
    since(one.opened),
    one.rooms.join(", "),
    one.lag ? short(one.lag) : "–",
    node ? `${node.host ?? ""}:${node.pid}` : one.node,
    action("End…", end, `End the connection of ${one.user?.nickname ?? one.address ?? "a client"}`),
  ];
}

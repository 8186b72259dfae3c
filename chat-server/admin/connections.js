/** The connections of clients: those first that are furthest behind. */

import { request } from "./api.js";
import { ask, h, short, since, table } from "./dom.js";

const LIMIT = 200;

export function connections(context, [user = ""]) {
  const field = h("input", { name: "user", value: user, placeholder: "everybody", autocomplete: "off" });
  const list = listOf(context, `Connections, those first that are furthest behind`);
  const refresh = () => list.refresh(field.value.trim());
  const form = h(
    "form",
    { class: "find", role: "search", onsubmit: (event) => (event.preventDefault(), refresh()) },
    h("label", {}, "Of the user", field),
    h("button", {}, "Show"),
  );
  return { element: h("div", {}, h("h2", {}, "Connections"), form, list.element), refresh };
}

/** A table of the connections of a user, or of all. */
export function listOf(context, caption) {
  const rows = table(caption, ["User", "Address", "Transport", "Open for", "Rooms…", "Behind", "Node", "End"]);
  const note = h("p", { class: "note", role: "status" });
  return {
    element: h("div", {}, rows.element, note),
    async refresh(user) {
      const query = new URLSearchParams({ node: context.node || "all", limit: LIMIT });
      if (user) query.set("user", user);
      try {
        const all = await request(`connections?${query}`);
        note.textContent = all.length === LIMIT ? `These are the first ${LIMIT}.` : "";
        rows.show(all.map((one) => ({ key: one.id, cells: cells(context, one, () => this.refresh(user)) })), "No connections.");
      } catch (error) {
        note.textContent = error.message;
      }
    },
  };
}

function cells(context, one, refresh) {
  const node = context.nodes.find((other) => other.node === one.node);
  const end = async () => {
    const who = one.user?.nickname ?? "a client without a name";
    const text = `The connection of ${who} and its session end. The client may come back in a new one; to keep a user out, ban the user.`;
    if (!(await ask("End a connection", text, "End"))) return;
    const path = `connections/${encodeURIComponent(one.id)}?${new URLSearchParams({ node: one.node })}`;
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
    h("button", { type: "button", "aria-label": `End the connection of ${one.user?.nickname ?? one.address ?? "a client"}`, onclick: end }, "End…"),
  ];
}

/** A user: devices, connections, and what can be done to the user; and what moderators have done. */

import { RequestError, api } from "./api.js";
import { listOf } from "./connections.js";
import { action, ask, h, since, table } from "./dom.js";

const SPANS = [
  ["", "until it is lifted"],
  ["3600", "for an hour"],
  ["86400", "for a day"],
  ["604800", "for a week"],
  ["2592000", "for 30 days"],
];

const REASON = { name: "reason", label: "Reason, which the user sees (may be empty)", maxlength: 200 };
const SPAN = { name: "for", label: "For how long", options: SPANS };

/** What an error says; where there is no API, how to get it. */
export function needsToken(error) {
  if (error.status !== 404 || error.code) return error.message;
  return "Rooms and people need the API: start the server with --admin-token-file.";
}

export function people(context, [nickname = ""]) {
  const field = h("input", { name: "nickname", value: nickname, required: true, autocomplete: "off" });
  const find = (event) => {
    event.preventDefault();
    location.hash = `#people/${encodeURIComponent(field.value.trim())}`;
  };
  const form = h("form", { class: "find", role: "search", onsubmit: find }, h("label", {}, "Nickname", field), h("button", {}, "Show"));
  const about = nickname ? user(context, nickname) : undefined;
  const log = logOf();
  return {
    element: h("div", {}, h("h2", {}, "People"), form, about?.element, log.element, addresses(context, log)),
    refresh: () => Promise.all([about?.refresh(), log.refresh()]),
  };
}

/** Bans of addresses, which need no user. */
function addresses(context, log) {
  const act = async (action, path, method) => {
    const fields = [{ name: "address", label: "Address, or a range such as 192.0.2.0/24", required: true }];
    const values = await ask(`${action} an address`, "", action, method === "POST" ? [...fields, SPAN, REASON] : fields);
    if (!values) return;
    const options = method === "POST" ? { method, body: sanction({ address: values.address }, values) } : { method, query: { address: values.address } };
    await context.attempt(() => api([path], options), ({ changed }) => (changed ? "Done." : "Nothing to change."));
    log.refresh();
  };
  return h(
    "p",
    { class: "buttons" },
    h("button", { type: "button", onclick: () => act("Ban", "bans", "POST") }, "Ban an address…"),
    h("button", { type: "button", onclick: () => act("Unban", "bans", "DELETE") }, "Unban an address…"),
  );
}

function sanction(whom, values) {
  return { ...whom, ...(values.for ? { for: Number(values.for) } : {}), ...(values.reason ? { reason: values.reason } : {}) };
}

function user(context, nickname) {
  const title = h("h3", {}, nickname);
  const state = h("p", { role: "status" }, "…");
  const devices = table("Devices", ["Device", "Added", "Last used", "Remove"]);
  const list = listOf(context, "Connections");
  const element = h("section", { class: "user" }, title, state);
  const buttons = [
    ["Kick", "kicks", [REASON], "The user is disconnected everywhere, and may come back."],
    ["Mute", "mutes", [SPAN, REASON], "The user reads, and cannot write, anywhere."],
    ["Unmute", "mutes", null],
    ["Ban", "bans", [SPAN, REASON], "The user is disconnected, and kept out of everything."],
    ["Unban", "bans", null],
  ].map(([what, path, fields, text]) => h("button", { type: "button", onclick: () => act(what, path, fields, text) }, fields ? `${what}…` : what));
  buttons.unshift(h("button", { type: "button", onclick: rename }, "Rename…"));

  /** The id of the user that is shown. */
  let shown;

  /** Calls the API unless the nickname has become another user's since `id` was shown. */
  async function unlessAnother(id, call) {
    const { user: now } = await api(["users", nickname]);
    if (now !== id) throw new RequestError(409, `${nickname} is another user now. Nothing was done.`);
    return call();
  }

  async function act(what, path, fields, text) {
    const id = shown;
    const values = fields ? await ask(`${what} ${nickname}`, text, what, fields) : {};
    if (!values) return;
    const options = fields ? { method: "POST", body: sanction({ nickname }, values) } : { method: "DELETE", query: { nickname } };
    await context.attempt(() => unlessAnother(id, () => api([path], options)), ({ changed }) => (changed ? "Done." : "Nothing to change."));
    refresh();
  }

  async function rename() {
    const id = shown;
    const values = await ask(`Rename ${nickname}`, "Messages, rooms, devices and bans stay the user's.", "Rename", [{ name: "nickname", label: "New nickname", required: true }]);
    if (!values) return;
    const body = { nickname: values.nickname.trim() };
    const put = () => api(["users", nickname, "nickname"], { method: "PUT", body });
    const done = await context.attempt(() => unlessAnother(id, put), "Renamed.");
    if (done) location.hash = `#people/${encodeURIComponent(body.nickname)}`;
  }

  async function remove(device) {
    const text = "Its connections end, and its token is refused from now on.";
    if (!(await ask("Remove a device", text, "Remove"))) return;
    await context.attempt(() => api(["users", nickname, "devices", device.id], { method: "DELETE" }), "The device is removed.");
    refresh();
  }

  async function refresh() {
    try {
      const found = await api(["users", nickname]);
      shown = found.user;
      if (title.textContent !== found.nickname) title.textContent = found.nickname;
      const text = `${found.online ? "Online" : "Not online"} · user ${found.user}`;
      if (state.textContent !== text) state.textContent = text;
      if (!devices.element.isConnected) element.append(h("p", { class: "buttons" }, ...buttons), devices.element, list.element);
      list.refresh(found.nickname);
    } catch (error) {
      state.textContent = needsToken(error);
      return;
    }
    try {
      const answer = await api(["users", nickname, "devices"]);
      devices.show(answer.devices.map((device) => ({
        key: device.id,
        cells: [
          device.label ?? "without a name",
          new Date(device.addedAt).toLocaleDateString(),
          `${since(device.usedAt)} ago`,
          action("Remove…", () => remove(device), `Remove ${device.label ?? "the device"}`),
        ],
      })));
    } catch (error) {
      // Users with signed tokens have none.
      devices.show([], error.message);
    }
  }
  return { element, refresh };
}

function logOf() {
  const rows = table("What moderators have done", ["At", "Who", "What", "To", "Where", "Until", "Why…"]);
  return {
    element: rows.element,
    async refresh() {
      try {
        const { entries } = await api(["moderation"], { query: { limit: 50 } });
        const time = (at) => (at ? new Date(at).toLocaleString() : "");
        rows.show(entries.map((entry) => ({
          key: String(entry.number),
          cells: [
            time(entry.at),
            entry.byNickname ?? (entry.by ? `user ${entry.by}` : "the server"),
            entry.action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
            entry.nickname ?? entry.address ?? (entry.user ? `user ${entry.user}` : ""),
            entry.room ?? "everywhere",
            time(entry.until),
            entry.reason ?? "",
          ],
        })), "Nothing yet.");
      } catch (error) {
        rows.show([], needsToken(error));
      }
    },
  };
}

// A room of the user's own, with rules from the start.

import { Dialog } from "./dialog.js";
import { choice, element, field } from "./dom.js";
import { text } from "./page.js";
import { postings, visibilities } from "./room_rules.js";

/** Asks for a room, creates it, and shows it; then calls `done`. */
export function askForRoom(chat, name, done) {
  const dialog = new Dialog(text("newRoom"));
  const named = element("input", { type: "text", dir: "auto", maxLength: 300, value: name, required: true, autocomplete: "off" });
  const topic = element("input", { type: "text", dir: "auto", maxLength: 500, autocomplete: "off" });
  const visibility = choice(visibilities(), "public");
  const posting = choice(postings(), "everyone");
  const form = element(
    "form",
    { method: "dialog" },
    field(text("nameOfRoom"), named),
    field(text("topic"), topic),
    field(text("whoReads"), visibility),
    field(text("whoWrites"), posting),
    element("button", { type: "submit", className: "primary", textContent: text("createIt") }),
  );
  const create = async () => {
    const settings = { topic: topic.value.trim(), visibility: visibility.value, posting: posting.value };
    const { room } = await chat.request("create room", named.value.trim(), settings);
    chat.show(await chat.join(room));
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!(await dialog.do(create()))) return;
    dialog.close();
    done();
  });
  dialog.show(form);
}

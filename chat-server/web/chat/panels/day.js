// Asks for a day, and goes to what was written then.

import { Dialog } from "./dialog.js";
import { element, field } from "./dom.js";
import { text } from "./page.js";

/** Calls `goTo` with the offset of the first message of the day, or after it, once it is there. */
export function askForDay(chat, { id, messages }, goTo) {
  const dialog = new Dialog(text("goToDay"));
  const day = element("input", { type: "date", required: true, max: inDigits(Date.now()), value: inDigits(messages.at(-1)?.at ?? Date.now()) });
  const form = element(
    "form",
    { method: "dialog" },
    field(text("day"), day),
    element("button", { type: "submit", className: "primary", textContent: text("goThere") }),
  );
  const go = async () => {
    const [year, month, date] = day.value.split("-").map(Number);
    const first = await firstSince(chat, id, new Date(year, month - 1, date).getTime());
    if (first === undefined) return false;
    await chat.loadBackTo(id, first);
    return first;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let first;
    if (!(await dialog.do(go().then((found) => (first = found))))) return;
    // Closed, or another conversation is shown meanwhile.
    if (!dialog.isOpen || chat.snapshot().open.id !== id) return;
    if (first === false) return dialog.say(text("nothingSince"));
    dialog.close();
    goTo(first);
  });
  dialog.show(form);
}

async function firstSince(chat, id, at) {
  const { messages } = await chat.history(id, { after: { at: at - 1 }, limit: 50 });
  return messages[0]?.offset;
}

// As the field has it.
function inDigits(at) {
  const date = new Date(at);
  const two = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

// Leads to what was written on a day.

import { panel } from "./panels.js";

/** Asks for a day, and calls `goTo` with the offset of the first message of that day, or after it. */
export async function askForDay(chat, conversation, goTo) {
  const view = await panel(() => import("../panels/day.js"));
  view?.askForDay(chat, conversation, goTo);
}

// What the reader prefers, as this browser remembers it.

import { browserEnvironment, Memory } from "../../client/index.js";

const { local, base } = browserEnvironment();
const memory = new Memory(local, Memory.prefix(new URL(".", base), base));

/** Whether the reader has been asked for a name and prefers none for now. */
export function prefersNoName() {
  return memory.get("no-name", false);
}

export function preferNoName() {
  memory.set("no-name", true);
}

/** The code of the language that the reader has chosen; `null` for the browser's. */
export function chosenLanguage() {
  return memory.get("language", null);
}

export function chooseLanguage(code) {
  if (code === null) memory.remove("language");
  else memory.set("language", code);
}

/** Whether the browser's notifications are wanted here. */
export function isNotified() {
  return memory.get("notifies", false);
}

export function setNotified(isNotified) {
  memory.set("notifies", isNotified);
}

/** Whether a sound is wanted. */
export function hearsChime() {
  return memory.get("chime", false);
}

export function setChime(hears) {
  memory.set("chime", hears);
}

/**
 * What says of which messages of a conversation the reader wants to hear: "all", "mentions" or "mute". Each user of the
 * browser has other wishes.
 */
export function levelsOf({ user }) {
  const levels = memory.get("levels", {})[user ?? ""] ?? {};
  return ({ id, kind }) => levels[id] ?? (kind === "room" ? "mentions" : "all");
}

export function setLevel({ user }, { id }, level) {
  const levels = memory.get("levels", {});
  memory.set("levels", { ...levels, [user ?? ""]: { ...levels[user ?? ""], [id]: level } });
}

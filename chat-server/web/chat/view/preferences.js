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

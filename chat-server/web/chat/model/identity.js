// Who the reader is: a name, and the secret that keeps the name for this browser.

import { newKey } from "./key.js";
import { isSameName } from "./names.js";

export class Identity {
  // Called with the name when another tab has chosen one, or given it up.
  onOtherTab = () => {};

  #memory;

  constructor(memory) {
    this.#memory = memory;
    this.name = memory.get("name", null);
    const token = memory.get("token", null);
    this.token = typeof token === "string" ? token : newKey();
    memory.set("token", this.token);
    memory.onChange("name", (name) => !isSameName(name, this.name) && this.onOtherTab(name));
  }

  // `null` for nobody in particular.
  become(name) {
    this.name = name;
    this.#memory.set("name", name);
  }

  // The server takes the token for none. Another tab may have made a new one already.
  renewToken() {
    const kept = this.#memory.get("token", null);
    this.token = typeof kept === "string" && kept !== this.token ? kept : newKey();
    this.#memory.set("token", this.token);
  }

  isMe(name) {
    return isSameName(name, this.name);
  }

  // Whether the reader has been asked for a name and prefers none for now.
  get prefersNone() {
    return this.#memory.get("no-name", false);
  }

  preferNone() {
    this.#memory.set("no-name", true);
  }
}

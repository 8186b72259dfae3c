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
    this.token = memory.get("token", null) ?? newKey();
    memory.set("token", this.token);
    memory.onChange("name", (name) => !isSameName(name, this.name) && this.onOtherTab(name));
  }

  // `null` for nobody in particular.
  become(name) {
    this.name = name;
    this.#memory.set("name", name);
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

// Who the user is: a name, and the secret that keeps the name.

import { isSameName } from "./names.js";

/** @typedef {import("./memory.js").Memory} Memory */

export class Identity {
  /**
   * Called with the name when another tab has chosen one, or given it up.
   * @type {(name: string | null) => void}
   */
  onOtherTab = () => {};

  #memory;
  #newToken;

  /**
   * @param {import("./memory.js").Listening | null} listening `null` if other tabs may be other users
   * @param {Memory} memory
   * @param {() => string} newToken
   * @param {{ name?: string, token?: string }} first who to be if nothing is remembered
   */
  constructor(listening, memory, newToken, first) {
    this.#memory = memory;
    this.#newToken = newToken;
    /** @type {string | null} */
    this.name = memory.get("name", first.name ?? null);
    /**
     * The id that the server knows the user by, once it has said so.
     * @type {string | null}
     */
    this.user = this.name === null ? null : memory.get("user", null);
    const token = memory.get("token", first.token ?? null);
    this.token = typeof token === "string" ? token : newToken();
    memory.set("token", this.token);
    if (listening) memory.onChange(listening, "name", (name) => !isSameName(name, this.name) && this.onOtherTab(name));
  }

  /**
   * `null` for nobody in particular, and for an id that the server has not said yet.
   * @param {string | null} name
   * @param {string | null} user
   */
  become(name, user) {
    this.user = user ?? (isSameName(name, this.name) ? this.user : null);
    this.name = name;
    this.#memory.set("name", name);
    if (this.user === null) this.#memory.remove("user");
    else this.#memory.set("user", this.user);
  }

  /** The server takes the token for none. Another tab may have made a new one already. */
  renewToken() {
    const kept = this.#memory.get("token", null);
    this.token = typeof kept === "string" && kept !== this.token ? kept : this.#newToken();
    this.#memory.set("token", this.token);
  }

  /** @param {string | null} name */
  isMe(name) {
    return isSameName(name, this.name);
  }
}

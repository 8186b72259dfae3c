// The device becomes that of another user, or of nobody: nothing stays of who was here before, in all tabs.

import { settled } from "./refusal.js";

/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {{ name: string, token: string, user: string | null }} NewUser */

// Has the other tabs do the same. It is wiped with the rest.
const HANDOVER = "handover";

// What belongs to the device.
const OF_DEVICE = ["language"];

export class Handover {
  /** Ends this client; what it would still keep is not kept. */
  onEnd = () => {};

  #memory;
  #tab;
  #connection;
  #conversations;

  /**
   * @param {import("./memory.js").Listening} listening
   * @param {Memory} memory
   * @param {Memory} tab
   * @param {import("./connection.js").Connection} connection
   * @param {import("./conversations.js").Conversations} conversations
   */
  constructor(listening, memory, tab, connection, conversations) {
    this.#memory = memory;
    this.#tab = tab;
    this.#connection = connection;
    this.#conversations = conversations;
    memory.onChange(listening, HANDOVER, (now) => now && this.#to(now.values));
  }

  /**
   * The device becomes one of the user who has made the code on another one.
   * @param {string} code
   * @param {string | undefined} label what the user calls this device
   */
  async link(code, label) {
    const options = label ? [{ label }] : [];
    const { nickname: name, token, user } = settled(await this.#connection.ask("link device", code, ...options));
    const rooms = this.#conversations.rooms.map((room) => ({ name: room.name }));
    this.#begin({ name, token, user: user ?? null, conversations: { rooms } });
  }

  /** The device is nobody's from now on; the server lets it in no more. */
  async signOut() {
    const answer = await this.#connection.ask("devices");
    const device = answer?.devices?.find((/** @type {{ current: boolean }} */ { current }) => current);
    // It ends the connection, perhaps before its answer has come.
    if (device) await this.#connection.ask("unlink device", device.id);
    this.#begin({});
  }

  /** @param {Record<string, unknown>} values */
  #begin(values) {
    this.#memory.set(HANDOVER, { values });
    this.#to(values);
  }

  /** @param {Record<string, unknown>} values what the next client finds */
  #to(values) {
    this.#conversations.forget();
    this.#memory.wipe(OF_DEVICE);
    this.#tab.wipe([]);
    for (const [name, value] of Object.entries(values)) this.#memory.set(name, value);
    this.onEnd();
  }
}

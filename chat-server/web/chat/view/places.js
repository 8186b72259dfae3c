// The address of the page says what is open, as in "#room=general&message=12": Back, a reload and a link lead there.

import { text } from "./language.js";
import { problemOf } from "./problem.js";

// How long it is said that a link was copied.
const SAID_MS = 2_000;

export class Places {
  // Called with a place that cannot be shown, and why.
  onProblem = () => {};

  #chat;
  #list;
  // What is open, as the address says it.
  #id = null;

  constructor(chat, list) {
    this.#chat = chat;
    this.#list = list;
    addEventListener("popstate", ({ state }) => this.#back(state));
    list.onNewest = () => this.#leaveMessage();
    list.onCopyLink = (offset, button) => this.#copyLink(offset, button);
  }

  /** Goes to the place in the address, if there is one. */
  start() {
    const place = placeOf(location.hash);
    if (place) this.#show(place);
  }

  draw({ open }) {
    if (open.id === this.#id) return;
    if (this.#id === null) history.replaceState({ id: open.id }, "");
    else history.pushState({ id: open.id }, "", hashOf(open));
    this.#id = open.id;
  }

  /** Shows a conversation, at one of its messages if the place has the offset of one. */
  async go(place) {
    if (!(await this.#show(place))) return false;
    const { id } = this.#chat.snapshot().open;
    this.#id = id;
    if (hashOf(place) !== location.hash) history.pushState({ id }, "", hashOf(place));
    return true;
  }

  // Says whether it is shown.
  async #show(place) {
    const problem = await problemOf(this.#open(place));
    if (problem !== undefined) this.onProblem(place, problem);
    return problem === undefined;
  }

  async #open({ kind, name, message }) {
    const { rooms, people } = this.#chat.snapshot();
    const known = (kind === "room" ? rooms : people).find((conversation) => conversation.name === name);
    if (!known) await this.#connected();
    const id = known?.id ?? (await (kind === "room" ? this.#chat.join(name) : this.#chat.writeTo(name)));
    // First, so that the newest messages are not taken for read.
    if (message) await this.#chat.showAround(id, message);
    this.#id = id;
    if (this.#chat.snapshot().open.id !== id) this.#chat.show(id);
    if (message) this.#list.goTo(id, message);
  }

  #connected() {
    const isConnected = () => this.#chat.snapshot().connection.state === "connected";
    if (isConnected()) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#chat.subscribe(() => {
        if (!isConnected()) return;
        stop();
        resolve();
      });
    });
  }

  #back(state) {
    const { rooms, people } = this.#chat.snapshot();
    const known = [...rooms, ...people].find(({ id }) => id === state?.id);
    const place = placeOf(location.hash) ?? known;
    if (place) this.#show(place);
  }

  #leaveMessage() {
    if (placeOf(location.hash)?.message) {
      const { open } = this.#chat.snapshot();
      history.replaceState({ id: open.id }, "", hashOf(open));
    }
  }

  async #copyLink(message, button) {
    const { kind, name } = this.#chat.snapshot().open;
    const link = new URL(hashOf({ kind, name, message }), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      // Only pages from https and localhost may: it is in the address, to be copied by hand.
      history.pushState(history.state, "", link);
      return;
    }
    button.textContent = text("linkCopied");
    setTimeout(() => (button.textContent = text("copyLink")), SAID_MS);
  }
}

/** What the address has of a place. */
export function hashOf({ kind, name, message }) {
  const parameters = new URLSearchParams({ [kind === "room" ? "room" : "with"]: name });
  if (message) parameters.set("message", message);
  return `#${parameters}`;
}

function placeOf(hash) {
  const parameters = new URLSearchParams(hash.slice(1));
  const message = Number(parameters.get("message"));
  for (const [parameter, kind] of [["room", "room"], ["with", "person"]]) {
    const name = parameters.get(parameter);
    if (name) return { kind, name, message: Number.isSafeInteger(message) && message > 0 ? message : null };
  }
  return null;
}

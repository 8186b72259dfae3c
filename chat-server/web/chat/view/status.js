// Says how it stands with the connection.

import { text } from "./language.js";

const NAMES = {
  connecting: "connecting",
  connected: "connected",
  reconnecting: "reconnecting",
  offline: "disconnected",
  refused: "refused",
  waiting: "waiting",
};

// How long it is said that the connection is back.
const NEWS_MS = 8_000;

const element = document.getElementById("status");

export class Status {
  #connection = null;
  #news = null;

  constructor(chat) {
    chat.on("caughtUp", (count) => {
      // Else this would be overwritten when that is drawn.
      this.draw(chat.snapshot());
      this.#recovered(count);
    });
  }

  draw({ connection }) {
    if (connection.state === this.#connection?.state) return;
    this.#connection = connection;
    document.body.classList.toggle("cut-off", connection.state !== "connected");
    clearTimeout(this.#news);
    this.#show();
  }

  // The page is in another language.
  redraw() {
    if (this.#connection) this.#show();
  }

  #show() {
    const { state } = this.#connection;
    set(state, text(NAMES[state] ?? "stopped"));
  }

  // The connection is back, and so many messages came with it.
  #recovered(count) {
    set("recovered", count === 0 ? text("nothingMissed") : text("caughtUp", { count }));
    clearTimeout(this.#news);
    this.#news = setTimeout(() => this.#show(), NEWS_MS);
  }
}

/** The server cannot be talked to. */
export function showNoClient() {
  set("no client", text("stopped"));
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = text("noClient");
  document.getElementById("composer").replaceWith(notice);
}

function set(state, words) {
  element.dataset.state = state;
  element.textContent = words;
}

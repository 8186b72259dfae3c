// Says how it stands with the connection.

const TEXTS = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  refused: "Refused",
  waiting: "Waiting",
};

const NO_CLIENT =
  "The server was built without the Socket.IO browser client. " +
  "Install Node.js with npm where the server is built, and build it again.";

// How long it is said that the connection is back.
const NEWS_MS = 8_000;

const element = document.getElementById("status");
let news = null;

export function showStatus(status) {
  clearTimeout(news);
  set(status, TEXTS[status] ?? "Not available");
  if (status === "no client") showNotice(NO_CLIENT);
}

// The connection is back, and so many messages came with it.
export function showRecovered(count) {
  const messages = count === 1 ? "1 message" : `${count.toLocaleString()} messages`;
  set("recovered", count === 0 ? "Recovered, nothing missed" : `Recovered, ${messages} caught up`);
  clearTimeout(news);
  news = setTimeout(() => showStatus("connected"), NEWS_MS);
}

function set(state, text) {
  element.dataset.state = state;
  element.textContent = text;
}

function showNotice(text) {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.getElementById("composer").replaceWith(notice);
}

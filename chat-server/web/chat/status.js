// Says how it stands with the connection.

const TEXTS = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  refused: "Refused",
};

const NO_CLIENT =
  "The server was built without the Socket.IO browser client. " +
  "Install Node.js with npm where the server is built, and build it again.";

const element = document.getElementById("status");

export function showStatus(status) {
  element.dataset.state = status;
  element.textContent = TEXTS[status] ?? "Not available";
  if (status === "no client") showNotice(NO_CLIENT);
}

function showNotice(text) {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.getElementById("composer").replaceWith(notice);
}

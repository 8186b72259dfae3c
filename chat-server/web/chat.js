// Puts the parts of the page together; each part knows nothing of the others.

import { Composer } from "./chat/composer.js";
import { Connection } from "./chat/connection.js";
import { History } from "./chat/history.js";
import { MessageList } from "./chat/message_list.js";
import { Outbox } from "./chat/outbox.js";
import { PendingList } from "./chat/pending_list.js";
import { showStatus } from "./chat/status.js";
import { UnreadTitle } from "./chat/unread_title.js";
import { fitViewport } from "./chat/viewport.js";

function start() {
  const history = new History();
  const outbox = new Outbox(sessionStorageIfAllowed());
  const list = new MessageList(history);
  const pending = new PendingList(outbox);
  const unread = new UnreadTitle();
  const composer = new Composer();

  const connection = new Connection({
    onMessage({ offset, content, at, key }) {
      const own = outbox.isOwn(key);
      outbox.arrived(key, offset);
      history.add({ offset, content, at, own });
      list.update();
      if (!own) unread.count();
    },
    onOtherLog() {
      history.clear();
      list.reset();
    },
    onStatus(status, detail) {
      showStatus(status);
      composer.warn(warning(status, detail));
      list.showWhenEmpty(status === "connected");
    },
  });

  outbox.onChange = () => {
    pending.update();
    list.update();
  };
  outbox.start((content, key) => connection.send(content, key));
  composer.onSend = (content) => {
    outbox.add(content);
    list.jump();
  };
}

function warning(status, detail) {
  switch (status) {
    case "connecting":
    case "connected":
      return "";
    case "refused":
      return `The server refuses the connection: ${detail}. Trying again…`;
    default:
      return "What you write is sent as soon as the connection is back.";
  }
}

function sessionStorageIfAllowed() {
  try {
    return window.sessionStorage;
  } catch {
    return null; // Forbidden by the browser's settings: pending messages then do not survive a reload.
  }
}

fitViewport();
if (typeof io === "undefined") {
  showStatus("no client");
} else {
  start();
}

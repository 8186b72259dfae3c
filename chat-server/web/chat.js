// Puts the parts of the page together: what the reader can do, below chat/model, and how it is shown, below
// chat/view.

import { Chat } from "./chat/model/chat.js";
import { Memory } from "./chat/model/memory.js";
import { Composer } from "./chat/view/composer.js";
import { Drawers } from "./chat/view/drawers.js";
import { Header } from "./chat/view/header.js";
import { Members } from "./chat/view/members.js";
import { MessageList } from "./chat/view/message_list.js";
import { onceAFrame } from "./chat/view/once_a_frame.js";
import { Prompt } from "./chat/view/prompt.js";
import { Reader } from "./chat/view/reader.js";
import { listenForShortcuts } from "./chat/view/shortcuts.js";
import { SideBar } from "./chat/view/side_bar.js";
import { showRecovered, showStatus } from "./chat/view/status.js";
import { Title } from "./chat/view/title.js";
import { TypingLine } from "./chat/view/typing_line.js";
import { fitViewport } from "./chat/view/viewport.js";

const PRIVATE_NEEDS_NAME = "Private messages are for people with a name, so that they can be answered.";

function start() {
  const chat = new Chat(new Memory("localStorage"), new Memory("sessionStorage"));
  const list = new MessageList(chat);
  const sideBar = new SideBar(chat);
  const members = new Members(chat);
  const reader = new Reader(chat);
  const composer = new Composer();
  const drawers = new Drawers();
  const views = [list, sideBar, new Header(chat), members, new TypingLine(chat), new Title(chat), reader];

  chat.onChange = onceAFrame(() => {
    composer.draw(chat.open);
    for (const view of views) view.draw();
  });
  chat.onStatus = (status, detail) => {
    showStatus(status);
    composer.warn(warning(status, detail));
  };
  chat.onCaughtUp = showRecovered;

  const goOn = () => {
    drawers.closeOver();
    composer.focus();
  };
  const room = new Prompt("room-dialog", (name) => chat.join(name), goOn);
  const person = new Prompt("person-dialog", (name) => chat.writeTo(name), goOn);
  const withName = (act) => {
    if (chat.identity.name === null) reader.ask(PRIVATE_NEEDS_NAME, act);
    else act();
  };

  document.getElementById("join").addEventListener("click", () => room.open());
  document.getElementById("write-to").addEventListener("click", () => withName(() => person.open()));
  members.onChoose = (name) => withName(async () => {
    // When it fails, the dialog says why.
    const error = await chat.writeTo(name);
    if (error) person.open(name, error);
    else goOn();
  });
  sideBar.onChoose = goOn;
  composer.onSend = (content) => {
    chat.write(content);
    list.follow();
  };
  composer.onEdited = (offset, content) => chat.edit(offset, content);
  composer.onEditLast = () => {
    const last = chat.open.messages.last(({ own, deleted }) => own && !deleted);
    if (last) composer.edit(last);
  };
  list.onEdit = (message) => composer.edit(message);
  composer.onTyping = () => chat.typing.begin(chat.open);
  composer.onStopped = () => chat.typing.end();
  listenForShortcuts(chat);

  chat.start();
  chat.onChange();
}

function warning(status, detail) {
  switch (status) {
    case "connecting":
    case "connected":
      return "";
    case "refused":
      return `The server refuses the connection: ${detail}. Trying again…`;
    case "waiting":
      return `The server refuses the connection for now: ${detail}. The page does so by itself.`;
    default:
      return "What you write is sent as soon as the connection is back.";
  }
}

fitViewport();
if (typeof io === "undefined") {
  showStatus("no client");
} else {
  start();
}

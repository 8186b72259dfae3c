// Puts the parts of the page together: what the reader can do, which is in client, and how it is shown, below
// chat/view.

import { createChat } from "./client/index.js";
import { onAsked, takeFromAddress } from "./chat/view/address.js";
import { Attach } from "./chat/view/attach.js";
import { Attention } from "./chat/view/attention.js";
import { Completion } from "./chat/view/completion.js";
import { Composer } from "./chat/view/composer.js";
import { Drafts } from "./chat/view/drafts.js";
import { Drawers } from "./chat/view/drawers.js";
import { tellOfExclusions } from "./chat/view/exclusions.js";
import { showFilesOf } from "./chat/view/files.js";
import { Header } from "./chat/view/header.js";
import { text, useLanguage } from "./chat/view/language.js";
import { offerLanguages } from "./chat/view/language_choice.js";
import { Members } from "./chat/view/members.js";
import { Live } from "./chat/view/live.js";
import { MessageList } from "./chat/view/message_list.js";
import { keepPage } from "./chat/view/offline.js";
import { News } from "./chat/view/news.js";
import { onceAFrame } from "./chat/view/once_a_frame.js";
import { chosenLanguage } from "./chat/view/preferences.js";
import { panel } from "./chat/view/panels.js";
import { explained, problemOf } from "./chat/view/problem.js";
import { Places } from "./chat/view/places.js";
import { Seen } from "./chat/view/seen.js";
import { RoomButton } from "./chat/view/room_button.js";
import { Standing } from "./chat/view/standing.js";
import { Prompt } from "./chat/view/prompt.js";
import { Reader } from "./chat/view/reader.js";
import { SignIn } from "./chat/view/sign_in.js";
import { renewToken, signedTokenOf } from "./chat/view/signed_token.js";
import { listenForShortcuts } from "./chat/view/shortcuts.js";
import { SideBar } from "./chat/view/side_bar.js";
import { showNoClient, Status } from "./chat/view/status.js";
import { TypingLine } from "./chat/view/typing_line.js";
import { fitViewport } from "./chat/view/viewport.js";

function start(language) {
  const asked = takeFromAddress();
  const signedToken = signedTokenOf(asked.token);
  const chat = createChat({ io, signedToken, keepMessages: true, keepPlace: true });
  const draw = onceAFrame(() => {
    const now = chat.snapshot();
    for (const view of views) view.draw(now, (offset) => list.quote(offset));
    composer.warn(warning(now.connection));
  });
  const list = new MessageList(chat, draw);
  const sideBar = new SideBar(chat);
  const members = new Members();
  const reader = new Reader(chat);
  const drafts = new Drafts();
  drafts.onChange = draw;
  const composer = new Composer(drafts);
  const attach = new Attach(chat);
  attach.onChange = () => composer.redraw();
  composer.attached = attach;
  showFilesOf(chat);
  new Completion(chat);
  const drawers = new Drawers();
  const status = new Status(chat);
  const standing = new Standing(chat);
  standing.onChange = draw;
  const places = new Places(chat, list);
  const live = new Live(chat);
  const attention = new Attention(chat, live);
  const views = [composer, attach, status, list, sideBar, new Header(chat), members, new TypingLine(), attention, live, reader, new SignIn(), standing, places, new Seen(chat)];

  const goOn = () => {
    drawers.closeOver();
    composer.focus();
  };
  const show = async (found) => chat.show(await found);
  const room = new Prompt("room-dialog", (name) => problemOf(show(chat.join(name))), goOn);
  const person = new Prompt("person-dialog", (name) => problemOf(show(chat.writeTo(name))), goOn);
  views.push(new RoomButton(chat, standing, room, goOn));
  const withName = (act) => {
    if (chat.snapshot().me.name === null) reader.ask(text("privateNeedsName"), act);
    else act();
  };

  document.getElementById("join").addEventListener("click", () => room.open());
  document.getElementById("write-to").addEventListener("click", () => withName(() => person.open()));
  members.onChoose = (name) => withName(async () => {
    // When it fails, the dialog says why.
    const problem = await problemOf(show(chat.writeTo(name)));
    if (problem) person.open(name, problem);
    else goOn();
  });
  places.onProblem = ({ kind, name }, problem) => (kind === "room" ? room : person).open(name, problem);
  const find = findWith(chat, (place) => {
    const act = async () => {
      drawers.closeOver();
      if ((await places.go(place)) && !place.message) composer.focus();
    };
    if (place.kind === "room") act();
    else withName(act);
  });
  attention.onChosen = (place) => {
    drawers.closeOver();
    places.go(place);
  };
  document.getElementById("notifications").addEventListener("click", async () => {
    const view = await panel(() => import("./chat/panels/notifications.js"));
    view?.showNotifications(chat, draw);
  });
  document.getElementById("find").addEventListener("click", find);
  const open = () => chat.snapshot().open;
  sideBar.onChoose = goOn;
  composer.onSend = (content, replyTo) => {
    chat.send(open().id, content, replyTo === null ? {} : { replyTo });
    list.follow();
  };
  composer.onEdited = (offset, content) => problemOf(chat.edit(open().id, offset, content));
  composer.onEditLast = () => {
    const last = open().messages.findLast(({ own, deleted }) => own && !deleted);
    if (last) composer.edit(last);
  };
  list.onEdit = (message) => composer.edit(message);
  list.onReply = (message) => composer.reply(message);
  list.onQuoted = (message) => places.go({ kind: open().kind, name: open().name, message });
  list.onCancelled = (content) => composer.giveBack(content);
  sideBar.hasDraft = (id) => drafts.has(id);
  const moderate = async (name) => {
    const view = await panel(() => import("./chat/panels/person.js"));
    view?.showPerson(chat, standing, name, () => members.onChoose(name));
  };
  for (const view of [list, members]) {
    view.mayModerate = () => open().kind === "room" && standing.isAtLeast("moderator", open().name);
    view.onModerate = moderate;
  }
  composer.onTyping = () => chat.typing(open().id);
  composer.onStopped = () => chat.typing(open().id, false);
  listenForShortcuts(chat, find);
  new News(chat, live);
  tellOfExclusions(chat);
  const follow = ({ device, invite, token }) => {
    if (device) reader.link(device);
    if (invite) reader.invited(invite);
    if (token) renewToken(chat, token, signedToken !== undefined);
  };
  onAsked(follow);
  // Another client begins, as whoever the device is of now.
  chat.on("handedOver", () => {
    drafts.forget();
    location.reload();
  });
  offerLanguages(() => {
    for (const view of views) view.redraw?.();
    draw();
  });

  chat.start();
  // Nothing is drawn in a language that has not come yet.
  language.then(() => {
    chat.subscribe(draw);
    draw();
    follow({ ...asked, token: undefined });
    places.start();
  });
}

/** Opens the switcher, which comes when it is wanted first. */
function findWith(chat, go) {
  let switcher;
  return async () => {
    const view = await panel(() => import("./chat/panels/switcher.js"));
    // Without a connection over which it could come.
    if (!view) return;
    switcher ??= new view.Switcher(chat, go);
    switcher.open();
  };
}

function warning({ state, problem }) {
  switch (state) {
    case "connecting":
    case "connected":
      return "";
    case "refused":
      return text("serverRefuses", { reason: explained(problem) });
    case "waiting":
      return text("serverRefusesForNow", { reason: explained(problem) });
    default:
      return text("sentLater");
  }
}

fitViewport();
keepPage();
const language = useLanguage(chosenLanguage());
if (typeof io === "undefined") {
  language.then(showNoClient);
} else {
  start(language);
}

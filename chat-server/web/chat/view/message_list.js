// Shows the messages of the open conversation: follows the newest while the reader is there, and stays in place
// when the reader has scrolled up.

import { indexAt, isMention } from "../../client/index.js";
import { redrawActions, showActions } from "./actions.js";
import { copyCode, copyText } from "./copy.js";
import { askForDay } from "./day.js";
import { KeyedList } from "./keyed_list.js";
import { text } from "./language.js";
import { problemOf } from "./problem.js";
import { Quotes } from "./quotes.js";
import { FirstUnread, isAttentive, lastPassed, whatIsNew } from "./reading.js";
import { makeRow, updateRow } from "./row.js";
import { Window } from "./window.js";

// So many pixels away from the end still count as the end, and from the beginning as near it.
const NEAR_END = 48;
const NEAR_START = 800;
// So much of what stands above a message is seen when the list goes to it.
const ABOVE = 24;

const log = document.getElementById("log");
const earlier = document.getElementById("earlier");
const beginning = document.getElementById("beginning");
const jump = document.getElementById("jump");
const jumpText = document.getElementById("jump-text");
const toMention = document.getElementById("to-mention");
const empty = document.getElementById("empty");
const emptyText = document.getElementById("empty-text");

export class MessageList {
  // Called with a message of the reader's own that is to be edited.
  onEdit = () => {};
  // Called with a message that is to be answered, the name of somebody to be kept in order, and a text that is not sent.
  onReply = () => {};
  onModerate = () => {};
  onCancelled = () => {};
  // Whether the reader is a moderator of the open conversation.
  mayModerate = () => false;
  // Called with a message that another one answers, to go there.
  onQuoted = () => {};
  // Called with a message whose link is wanted, and what to show it by.
  onCopyLink = () => {};
  // Called when the reader leaves a place in the past.
  onNewest = () => {};

  #quotes;
  #chat;
  #redraw;
  #rows = new KeyedList(document.getElementById("messages"), makeRow, updateRow);
  #window = new Window();
  #firstUnread;
  #conversation = null;
  // Its messages, or those of the past that the reader has gone to.
  #shown = null;
  // The message to go to when it is drawn: { id, offset }.
  #target = null;
  #me = null;
  #wantsEarlier = false;
  #isLeft = false;
  #scrollTop = 0;

  // `redraw` has everything drawn.
  constructor(chat, redraw) {
    this.#chat = chat;
    this.#redraw = redraw;
    this.#quotes = new Quotes(chat, redraw);
    this.#firstUnread = new FirstUnread(chat);
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    log.addEventListener("click", ({ target }) => this.#clicked(target));
    for (const event of ["pointerover", "focusin"]) {
      log.addEventListener(event, ({ target }) => showActions(target.closest(".message"), this.mayModerate()));
    }
    jump.addEventListener("click", () => {
      this.follow();
      log.focus({ preventScroll: true });
    });
    toMention.addEventListener("click", () => this.#toMention());
    earlier.addEventListener("click", () => this.#showEarlier());
    document.addEventListener("visibilitychange", redraw);
    window.addEventListener("focus", redraw);
    // The window, the composer and the messages themselves change their sizes.
    const sizes = new ResizeObserver(() => this.#window.following && this.#toEnd());
    sizes.observe(log);
    sizes.observe(log.firstElementChild);
  }

  // Goes to the newest message and stays there.
  follow() {
    if (this.#conversation) this.#chat.showNewest(this.#conversation.id);
    this.#firstUnread.found();
    this.#isLeft = false;
    this.#window.follow();
    this.onNewest();
    this.#redraw();
  }

  // Goes to a message of this conversation, or the one after it.
  goTo(id, offset) {
    this.#target = { id, offset };
    this.#redraw();
  }

  // What a message of the open conversation is quoted as.
  quote(offset) {
    return this.#quotes.of(this.#chat.snapshot().open, offset);
  }

  draw({ open: conversation, me, caughtUp }) {
    const isOther = conversation.id !== this.#conversation?.id;
    this.#conversation = conversation;
    this.#shown = conversation.past ?? conversation;
    this.#me = me;
    if (isOther) this.#show();
    const { messages } = this.#shown;
    const target = this.#target?.id === conversation.id ? this.#target : null;
    if (target) this.#prepare(target);
    else if (!caughtUp && this.#window.following) this.#firstUnread.seek();
    if (this.#wantsEarlier && this.#window.extendBack(messages)) this.#wantsEarlier = false;
    if (this.#window.following) {
      this.#drawRows();
      this.#toEnd();
      const first = this.#firstUnread.of(conversation, caughtUp);
      if (first !== null) this.#beginAt(first);
      if (!this.#firstUnread.isSought && this.#window.following && isAttentive()) this.#chat.markRead(conversation.id);
    } else {
      this.#keepPlace(() => this.#drawRows());
      this.#pass();
    }
    if (target) this.#showTarget(target);
    this.#chat.readBack(!this.#window.following);
    this.#drawControls();
  }

  // The page is in another language.
  redraw() {
    this.#rows.draw([]);
    redrawActions();
    if (this.#conversation) this.#label();
  }

  #show() {
    this.#window = new Window();
    this.#firstUnread.seek();
    this.#isLeft = this.#wantsEarlier = false;
    this.#rows.draw([]);
    this.#label();
  }

  #prepare({ offset }) {
    this.#firstUnread.found();
    this.#window.goTo(this.#shown.messages, offset);
  }

  #showTarget({ offset }) {
    this.#target = null;
    log.querySelector(".found")?.classList.remove("found");
    const { messages } = this.#shown;
    const found = messages[indexAt(messages, offset)] ?? messages.at(-1);
    const row = found && log.querySelector(`.message[data-offset="${found.offset}"]`);
    if (!row) return;
    row.classList.add("found");
    row.scrollIntoView({ block: "center" });
    this.#scrollTop = log.scrollTop;
    row.querySelector(".bubble").focus({ preventScroll: true });
  }

  #label() {
    const { kind, name } = this.#conversation;
    log.ariaLabel = text(kind === "room" ? "messagesIn" : "messagesWith", { name });
  }

  #drawRows() {
    const { newAfter, past } = this.#conversation;
    const { messages } = this.#shown;
    const [start, end] = this.#window.range(messages);
    const items = messages.slice(start, end).map((message, index) => ({
      ...message,
      // Another one when it turns out to be the reader's own.
      id: message.own ? (message.key ?? `own ${message.offset}`) : message.offset,
      state: message.own ? "sent" : null,
      quote: this.#quotes.of(this.#conversation, message.replyTo),
      mentionsMe: this.#conversation.kind === "room" && isMention(message, this.#me.name),
      isFirstNew: newAfter !== null && isFirstAfter(newAfter, messages, start + index),
    }));
    if (this.#window.reachesEnd && past === null) {
      for (const entry of this.#conversation.waiting) {
        const quote = this.#quotes.of(this.#conversation, entry.replyTo);
        items.push({ ...entry, id: entry.key, own: true, from: this.#me.name, quote });
      }
    }
    this.#rows.draw(items);
  }

  #scrolled() {
    const up = log.scrollTop < this.#scrollTop;
    // What the reader has marked as unread stays so until the reader goes on.
    if (log.scrollTop !== this.#scrollTop) this.#isLeft = false;
    this.#scrollTop = log.scrollTop;
    const nearEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    if (this.#isLeft) return;
    if (nearEnd && !this.#window.following) {
      if (!this.#window.reachesEnd) this.#window.extendForward(this.#shown.messages);
      else if (this.#conversation.past === null) this.#window.follow();
      else this.#loadPast("later");
      this.#redraw();
    } else if (!nearEnd && up) {
      // Only upwards: a message that grows below the reader is no reason to leave the end.
      this.#window.following = false;
      this.#firstUnread.found();
      this.#chat.readBack(true);
      if (log.scrollTop < NEAR_START) this.#showEarlier();
    }
    this.#pass();
    this.#drawControls();
  }

  #showEarlier() {
    if (this.#wantsEarlier) return;
    this.#window.following = false;
    this.#wantsEarlier = true;
    // What is not here comes from the server, and is drawn then.
    if (this.#window.range(this.#shown.messages)[0] === 0) {
      if (this.#shown.more && this.#conversation.past) this.#loadPast("earlier");
      else if (this.#shown.more) this.#chat.loadEarlier(this.#conversation.id);
      else this.#wantsEarlier = false;
    }
    this.#redraw();
  }

  // Without an answer the reader can scroll, or click, again.
  async #loadPast(where) {
    await problemOf(this.#chat.loadPast(this.#conversation.id, where));
    if (where === "earlier") this.#redraw();
  }

  #clicked(target) {
    const row = target.closest(".message");
    const key = row?.dataset.key;
    const offset = Number(row?.dataset.offset);
    const { id } = this.#conversation;
    if (target.matches(".react")) this.#act(row, this.#chat.react(id, offset, target.dataset.emoji));
    if (target.matches(".reaction")) {
      const on = target.ariaPressed !== "true";
      this.#act(row, this.#chat.react(id, offset, target.dataset.emoji, on));
    }
    if (target.matches(".copy-link")) this.onCopyLink(offset, target);
    if (target.matches(".edit")) this.onEdit(this.#message(offset));
    if (target.matches(".delete")) this.#delete(row, target, offset);
    if (target.matches(".copy")) copyCode(target);
    if (target.matches(".reply")) this.onReply(this.#message(offset));
    if (target.matches(".copy-text")) copyText(target, this.#message(offset).content);
    if (target.matches(".moderate")) this.onModerate(row.dataset.from);
    const quote = target.closest(".quote");
    if (quote) this.onQuoted(Number(quote.dataset.of));
    if (target.matches(".discard-waiting")) this.#cancel(key);
    if (target.matches(".mark-unread")) this.#markUnread(offset);
    if (target.closest(".to-day")) askForDay(this.#chat, this.#conversation, (of) => this.#beginAt(of));
    if (target.matches(".retry")) this.#chat.retry(key);
    if (target.matches(".discard")) this.#chat.discard(key);
  }

  #cancel(key) {
    const content = this.#conversation.waiting.find((entry) => entry.key === key)?.content;
    this.#chat.discard(key);
    if (content !== undefined) this.onCancelled(content);
  }

  // What is in view above the lower edge has been read.
  #pass() {
    if (this.#conversation.past !== null || this.#isLeft || this.#window.following || this.#conversation.unread === 0 || !isAttentive()) return;
    const passed = lastPassed(log);
    if (passed > this.#conversation.read) this.#chat.markRead(this.#conversation.id, passed);
  }

  #markUnread(offset) {
    this.#firstUnread.found();
    this.#window.following = false;
    this.#isLeft = true;
    this.#chat.readBack(true);
    this.#chat.markUnread(this.#conversation.id, offset);
  }

  // Shows the message at an offset at the top; at the end, if what follows it is short.
  #beginAt(offset) {
    this.#firstUnread.found();
    this.#window.following = false;
    this.#chat.readBack(true);
    // What has just come is not drawn yet.
    this.#conversation = this.#chat.snapshot().open;
    this.#window.begin(this.#conversation.messages, offset);
    this.#drawRows();
    const row = document.querySelector(`#messages > [data-offset="${offset}"]`);
    if (row) log.scrollTop += row.getBoundingClientRect().top - log.getBoundingClientRect().top - ABOVE;
    this.#scrollTop = log.scrollTop;
    if (this.#window.reachesEnd && log.scrollHeight - log.scrollTop - log.clientHeight < 1) this.#window.follow();
    this.#redraw();
  }

  #message(offset) {
    const { messages } = this.#shown;
    return messages[indexAt(messages, offset)];
  }

  // The next mention that the reader has not read, if it is here.
  #nextMention() {
    const { messages, kind, forMe, read } = this.#conversation;
    if (kind !== "room" || forMe === 0) return undefined;
    return messages.slice(indexAt(messages, read + 1)).find((message) => isMention(message, this.#me.name));
  }

  #toMention() {
    const mention = this.#nextMention();
    if (mention === undefined) return;
    this.#chat.showNewest(this.#conversation.id);
    this.#window.following = false;
    this.#isLeft = false;
    this.goTo(this.#conversation.id, mention.offset);
  }

  // The first click asks, the second one does it.
  #delete(row, button, offset) {
    if (button.classList.contains("sure")) {
      this.#act(row, this.#chat.delete(this.#conversation.id, offset));
      return;
    }
    button.classList.add("sure");
    button.textContent = text("deleteSure");
    const back = () => {
      button.classList.remove("sure");
      button.textContent = text("delete");
    };
    button.addEventListener("blur", back, { once: true });
    button.focus();
  }

  // Says at the message what is wrong, if anything.
  async #act(row, change) {
    const problem = await problemOf(change);
    row.querySelector(".problem")?.remove();
    if (problem === undefined) return;
    const note = document.createElement("p");
    note.className = "problem";
    note.role = "alert";
    note.textContent = problem;
    row.append(note);
  }

  #toEnd() {
    log.scrollTop = log.scrollHeight;
    this.#scrollTop = log.scrollTop;
  }

  // Changes the list such that what the reader sees does not move.
  #keepPlace(change) {
    const top = log.getBoundingClientRect().top;
    const rows = [...document.getElementById("messages").children];
    const seen = rows.find((row) => row.getBoundingClientRect().bottom > top);
    const before = seen?.getBoundingClientRect().top;
    change();
    if (seen?.isConnected) log.scrollTop += seen.getBoundingClientRect().top - before;
    this.#scrollTop = log.scrollTop;
  }

  #drawControls() {
    const conversation = this.#conversation;
    if (!conversation) return;
    const { unread, loaded, name, kind, goneBefore } = conversation;
    const { messages, more } = this.#shown;
    const isRoom = kind === "room";
    const isWhole = this.#window.range(messages)[0] === 0;
    const mention = this.#window.following ? undefined : this.#nextMention();
    toMention.hidden = mention === undefined;
    if (mention) toMention.textContent = text("toMention", { count: conversation.forMe });
    jump.hidden = this.#window.following;
    jumpText.textContent = unread > 0 ? whatIsNew(conversation) : text("jump");
    earlier.hidden = isWhole && !(loaded && more);
    beginning.hidden = !(isWhole && loaded && !more) || messages.length === 0;
    const begins = () => (isRoom ? text("roomBegins", { name }) : text("begins"));
    beginning.textContent = goneBefore === null ? begins() : text("historyGone");
    empty.hidden = !loaded || this.#rows.size > 0;
    emptyText.textContent = isRoom ? text("writeFirst") : text("onlyYou", { name });
  }
}

function isFirstAfter(offset, messages, index) {
  return index > 0 && messages[index - 1].offset <= offset && messages[index].offset > offset;
}

// The field to write in.

import { text } from "./language.js";
import { quoted } from "./quotes.js";

// What the server takes, in bytes of UTF-8.
const MAX_BYTES = 65_536;
// From here on the reader is told how much is left.
const WARN_BYTES = 0.8 * MAX_BYTES;

const encoder = new TextEncoder();
// With an on-screen keyboard, Enter is a new line: there is no Shift+Enter.
const isTouch = matchMedia("(hover: none) and (pointer: coarse)");
const sizesItself = CSS.supports("field-sizing", "content");

export class Composer {
  // Called with the text to send.
  onSend = () => {};
  // Called while the reader types, and when that has ended without sending.
  onTyping = () => {};
  onStopped = () => {};
  // Called with a message that is edited and its new text. Resolves with what is wrong, if anything.
  onEdited = async () => {};

  // The files that go with the text: { lines, isBusy, clear }.
  attached = { lines: [], isBusy: false, clear: () => {} };

  // Called when the reader wants to change what it wrote last.
  onEditLast = () => {};

  // The message that is answered; null if none is.
  #replyTo = null;
  // The message that is edited, and what was written before; null if none is.
  #editing = null;
  #form = document.getElementById("composer");
  #text = document.getElementById("text");
  #send = document.getElementById("send");
  #hint = document.getElementById("hint");
  #warning = "";
  #answered = document.getElementById("answered");
  // What was written and not sent, by conversation.
  #drafts;
  #conversation = null;

  constructor(drafts) {
    this.#drafts = drafts;
    document.getElementById("answer-not").addEventListener("click", () => {
      this.#answer(null);
      this.focus();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => {
      this.#update();
      this.#keep();
      if (this.#content() === "") this.onStopped();
      else this.onTyping();
    });
    this.#text.addEventListener("blur", () => this.onStopped());
    this.#text.addEventListener("keydown", (event) => {
      // This Enter ends the input of a character, as in Japanese; Safari says so with 229 only.
      const composing = event.isComposing || event.keyCode === 229;
      const plain = !event.shiftKey && !event.altKey && !composing;
      if (event.key === "Enter" && plain && (event.ctrlKey || event.metaKey || !isTouch.matches)) {
        event.preventDefault();
        this.#submit();
      }
    });
    this.#text.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.#editing) this.#endEdit();
      else if (key === "Escape" && this.#replyTo !== null) this.#answer(null);
      if (key === "ArrowUp" && this.#text.value === "" && !this.#editing) this.onEditLast();
    });
    // The field keeps the focus, so that the on-screen keyboard stays.
    this.#send.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#update();
  }

  // Changes the text of a message in the field.
  edit({ offset, content }) {
    this.#editing = { offset, draft: this.#editing?.draft ?? this.#text.value };
    this.#text.value = content;
    this.#form.classList.add("editing");
    this.#update();
    this.#text.focus();
  }

  // Answers a message.
  reply(message) {
    if (this.#editing) this.#endEdit();
    this.#answer(message.offset, quoted(message));
    this.focus();
  }

  // What is written goes to this conversation. `quote` tells of a message that is answered.
  draw({ open: { id, kind, name }, me }, quote) {
    this.#text.placeholder = text(kind === "room" ? "messageTo" : "privateMessageTo", { name });
    const isOther = id !== this.#conversation;
    if (isOther && this.#editing) this.#endEdit();
    this.#drafts.user = me.user ?? "";
    if (!isOther) {
      if (this.#editing || this.#drafts.has(id) === (this.#text.value !== "")) return;
      // Whoever has a name now has written what is in the field. Else a closed tab has left something.
      if (this.#text.value !== "") return this.#keep();
      return this.#show(this.#drafts.take(id), quote);
    }
    const isFirst = this.#conversation === null;
    this.#conversation = id;
    const draft = this.#drafts.take(id);
    // At first the field has what was typed while the page was loading, which stays, with the caret in it.
    if (!isFirst || this.#text.value === "") return this.#show(draft, quote);
    if (draft.text !== "") this.#text.setRangeText(`${draft.text}\n`, 0, 0, "preserve");
    this.#keep();
    this.#update();
  }

  #show({ text: written, replyTo = null }, quote) {
    this.#text.value = written;
    this.#answer(replyTo, replyTo === null ? null : quote(replyTo));
    this.#update();
  }

  // Puts a text back that is not to be sent after all, if nothing else is there.
  giveBack(content) {
    if (this.#text.value !== "" || this.#editing) return;
    this.#text.value = content;
    this.#update();
    this.#keep();
    this.focus();
  }

  focus() {
    this.#text.focus();
  }

  // There are other files.
  redraw() {
    this.#update();
  }

  // Shows this beside the field; empty for nothing.
  warn(warning) {
    if (warning === this.#warning) return;
    this.#warning = warning;
    this.#update();
  }

  #submit() {
    const content = this.#whole();
    if (content === "" || encoder.encode(content).length > MAX_BYTES || this.#waits) return;
    if (this.#editing) return void this.#submitEdit(content);
    this.attached.clear();
    const replyTo = this.#replyTo;
    this.#text.value = "";
    this.#answer(null);
    this.#update();
    this.#keep();
    this.onSend(content, replyTo);
  }

  #answer(offset, quote = null) {
    this.#replyTo = offset;
    this.#answered.hidden = offset === null;
    this.#answered.querySelector(".quote-author").textContent = quote?.author ?? "";
    this.#answered.querySelector(".quote-text").textContent = quote?.words ?? "";
    this.#keep();
  }

  #keep() {
    if (this.#conversation !== null && !this.#editing) this.#drafts.set(this.#conversation, this.#text.value, this.#replyTo);
  }

  async #submitEdit(content) {
    const editing = this.#editing;
    const problem = await this.onEdited(editing.offset, content);
    if (this.#editing !== editing) return;
    if (problem === undefined) return this.#endEdit();
    this.#hint.textContent = problem;
  }

  #endEdit() {
    this.#text.value = this.#editing.draft;
    this.#editing = null;
    this.#form.classList.remove("editing");
    this.#update();
  }

  // Without empty lines around it; the indentation of the first line stays.
  #content() {
    const content = this.#text.value.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
    return content.toWellFormed?.() ?? content;
  }

  // The text, and the files; an edit has no others than before.
  #whole() {
    const lines = this.#editing ? [] : this.attached.lines;
    return [this.#content(), ...lines].filter((part) => part !== "").join("\n");
  }

  get #waits() {
    return this.attached.isBusy && !this.#editing;
  }

  #update() {
    const content = this.#whole();
    const bytes = encoder.encode(content).length;
    const tooLong = bytes > MAX_BYTES;
    this.#send.disabled = content === "" || tooLong || this.#waits;
    this.#text.ariaInvalid = String(tooLong);
    this.#form.classList.toggle("too-long", tooLong);
    const editing = this.#editing ? text("editing") : this.#waits ? text("filesWait") : "";
    this.#hint.textContent = lengthHint(bytes) || this.#warning || editing;
    if (!sizesItself) {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    }
  }
}

function lengthHint(bytes) {
  if (bytes > MAX_BYTES) {
    return text("tooLong", { count: bytes - MAX_BYTES });
  }
  return bytes > WARN_BYTES ? text("bytesLeft", { count: MAX_BYTES - bytes }) : "";
}

// The field to write in.

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

  #form = document.getElementById("composer");
  #text = document.getElementById("text");
  #send = document.getElementById("send");
  #hint = document.getElementById("hint");
  #warning = "";
  // What was written and not sent, by conversation.
  #drafts = new Map();
  #conversation = null;

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => {
      this.#update();
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
    // The field keeps the focus, so that the on-screen keyboard stays.
    this.#send.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#update();
  }

  // What is written goes to this conversation.
  draw({ id, isRoom, name }) {
    if (id === this.#conversation) return;
    // At first the field has what was typed while the page was loading, which stays, with the caret in it.
    if (this.#conversation !== null) {
      this.#drafts.set(this.#conversation, this.#text.value);
      this.#text.value = this.#drafts.get(id) ?? "";
    }
    this.#conversation = id;
    this.#text.placeholder = isRoom ? `Message to ${name}` : `Private message to ${name}`;
    this.#update();
  }

  focus() {
    this.#text.focus();
  }

  // Shows this beside the field; empty for nothing.
  warn(warning) {
    this.#warning = warning;
    this.#update();
  }

  #submit() {
    const content = this.#content();
    if (content === "" || encoder.encode(content).length > MAX_BYTES) return;
    this.#text.value = "";
    this.#update();
    this.onSend(content);
  }

  // Without empty lines around it; the indentation of the first line stays.
  #content() {
    const text = this.#text.value.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
    return text.toWellFormed?.() ?? text;
  }

  #update() {
    const content = this.#content();
    const bytes = encoder.encode(content).length;
    const tooLong = bytes > MAX_BYTES;
    this.#send.disabled = content === "" || tooLong;
    this.#text.ariaInvalid = String(tooLong);
    this.#form.classList.toggle("too-long", tooLong);
    this.#hint.textContent = lengthHint(bytes) || this.#warning;
    if (!sizesItself) {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    }
  }
}

function lengthHint(bytes) {
  if (bytes > MAX_BYTES) {
    return `Too long by ${(bytes - MAX_BYTES).toLocaleString()} bytes. Send it in parts.`;
  }
  return bytes > WARN_BYTES ? `${(MAX_BYTES - bytes).toLocaleString()} bytes left.` : "";
}

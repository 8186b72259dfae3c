// A dialog that asks for one thing, and says beside the field what is wrong with it.

import { text } from "./language.js";

export class Prompt {
  #dialog;
  #field;
  #error;
  #submit;
  #done;

  // `submit(value)` resolves with what is wrong, or with nothing; then the dialog closes, and `done` is called.
  constructor(id, submit, done) {
    this.#dialog = document.getElementById(id);
    this.#field = this.#dialog.querySelector("input");
    this.#error = this.#dialog.querySelector(".error");
    this.#submit = submit;
    this.#done = done;
    this.#dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#dialog.querySelector(".cancel").addEventListener("click", () => this.close());
    // The part around the dialog belongs to it.
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.close());
    this.#field.addEventListener("input", () => this.#say(""));
  }

  open(value = "", error = "") {
    this.#field.value = value;
    this.#say(error);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.select();
  }

  close() {
    this.#dialog.close();
  }

  async #send() {
    const value = this.#field.value.trim();
    if (value === "") return this.#say(text("nothingWritten"));
    const error = await this.#submit(value);
    if (error) {
      this.#say(error);
      this.#field.focus();
    } else {
      // Closing gives the focus back to where it was; after that it can go on.
      this.close();
      this.#done();
    }
  }

  #say(error) {
    this.#error.textContent = error;
    this.#field.ariaInvalid = String(error !== "");
  }
}

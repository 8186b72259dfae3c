// A dialog that asks for one thing, and says beside the field what is wrong with it.

export class Prompt {
  #dialog;
  #field;
  #error;
  #submit;

  // `submit(value)` resolves with what is wrong, or with nothing when it is done.
  constructor(id, submit) {
    this.#dialog = document.getElementById(id);
    this.#field = this.#dialog.querySelector("input");
    this.#error = this.#dialog.querySelector(".error");
    this.#submit = submit;
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
    if (value === "") return this.#say("Write something here first.");
    const error = await this.#submit(value);
    if (error) {
      this.#say(asSentence(error));
      this.#field.focus();
    } else {
      this.close();
    }
  }

  #say(error) {
    this.#error.textContent = error;
    this.#field.ariaInvalid = String(error !== "");
  }
}

function asSentence(text) {
  const sentence = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

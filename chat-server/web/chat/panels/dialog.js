// A dialog that is made when it is opened, and gone when it is closed.

import { element } from "./dom.js";
import { problemOf, text } from "./page.js";

// One may lie over another.
let count = 0;

export class Dialog {
  onClose = () => {};

  #dialog;
  #error = element("p", { className: "error", role: "alert" });
  #title = element("h2", { id: `panel-title-${(count += 1)}` });
  #content = element("div", { className: "content" });

  constructor(title) {
    this.#title.textContent = title;
    const close = element("button", { type: "button", className: "quiet cancel", textContent: text("closeDialog"), onclick: () => this.close() });
    const buttons = element("div", { className: "buttons" }, close);
    this.#dialog = element(
      "dialog",
      { className: "dialog panel-dialog", "aria-labelledby": this.#title.id },
      element("div", { className: "sheet" }, this.#title, this.#content, this.#error, buttons),
    );
    this.#dialog.addEventListener("close", () => {
      this.#dialog.remove();
      this.onClose();
    });
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.close());
  }

  show(...content) {
    this.#content.replaceChildren(...content.filter((part) => part !== null));
    this.say("");
    if (this.#dialog.isConnected) return;
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  get isOpen() {
    return this.#dialog.open;
  }

  close() {
    this.#dialog.close();
  }

  /** Says what is wrong. */
  say(problem = "") {
    this.#error.textContent = problem;
  }

  /** Does something, and says what is wrong with it; resolves with whether it was done. */
  async do(done) {
    const problem = await problemOf(done);
    this.say(problem);
    return problem === undefined;
  }
}

// A picture as large as it fits, and those before and after it in the conversation.

import { button, element } from "./dom.js";
import { text } from "./page.js";

export class Lightbox {
  #chat;
  #freshLink;
  #picture = null;
  #image = element("img");
  #words = element("p", { className: "words", dir: "auto" });
  #download = element("a", { className: "quiet", textContent: text("download"), target: "_blank", rel: "noopener" });
  #previous = button(text("previousPicture"), () => this.#go(-1));
  #next = button(text("nextPicture"), () => this.#go(1));
  #dialog;

  constructor(chat, freshLink) {
    this.#chat = chat;
    this.#freshLink = freshLink;
    const close = button(text("closeDialog"), () => this.#dialog.close());
    close.autofocus = true;
    const controls = element("div", { className: "buttons" }, this.#previous, this.#next, this.#download, close);
    this.#dialog = element("dialog", { className: "lightbox", tabIndex: -1, "aria-label": text("picture") }, this.#image, this.#words, controls);
    this.#dialog.addEventListener("close", () => {
      this.#dialog.remove();
      this.#picture.focus();
    });
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("keydown", ({ key }) => {
      const forwards = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      if (key === "ArrowRight" || key === "ArrowLeft") this.#go(key === forwards ? 1 : -1);
    });
  }

  /** Shows the picture of this button. */
  open(picture) {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#show(picture);
  }

  get #all() {
    return [...document.querySelectorAll("#messages .picture")];
  }

  #go(step) {
    const other = this.#all[this.#all.indexOf(this.#picture) + step];
    if (other) this.#show(other);
  }

  async #show(picture) {
    this.#picture = picture;
    const [all, small] = [this.#all, picture.querySelector("img")];
    const at = all.indexOf(picture);
    this.#previous.disabled = at <= 0;
    this.#next.disabled = at === all.length - 1;
    // Whoever goes on with the keyboard stays in the dialog.
    if (document.activeElement === document.body) this.#dialog.focus();
    this.#image.alt = this.#words.textContent = small.alt;
    this.#image.src = this.#download.href = small.src;
    this.#download.download = picture.dataset.name;
    const { file, offset } = picture.dataset;
    const link = await this.#freshLink(this.#chat, Number(offset), file).catch(() => undefined);
    if (this.#picture !== picture || !link || link.url === small.src) return;
    this.#image.src = this.#download.href = link.url;
  }
}

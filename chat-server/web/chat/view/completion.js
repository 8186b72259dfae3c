// Offers emoji by their names while one types ":name", and the people of the room after "@".

import { findEmoji, loadEmoji } from "./emoji_names.js";
import { text } from "./language.js";

// What is typed of a name, up to the caret: after a space, so that "12:30" and "https://" offer nothing.
const BEGUN = /(?:^|\s)(:[a-z0-9_+-]{2,30}|@[^\s@]{0,40})$/i;
const SHOWN = 6;

const field = document.getElementById("text");
const list = document.getElementById("suggestions");

export class Completion {
  #chat;
  // What is offered: what each would be in the text, and how it is shown.
  #offers = [];
  #chosen = 0;
  // What was typed when the reader did not want it.
  #declined = null;

  constructor(chat) {
    this.#chat = chat;
    field.addEventListener("input", () => this.#look());
    field.addEventListener("blur", () => this.#close());
    // Before what these keys do otherwise.
    field.form.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    // The field keeps the focus.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", ({ target }) => {
      const index = [...list.children].indexOf(target.closest("li"));
      if (index >= 0) this.#take(index);
    });
  }

  async #look() {
    const begun = this.#begun();
    if (begun === null || begun === this.#declined) return this.#close();
    const isPerson = begun.startsWith("@");
    if (!isPerson) await loadEmoji();
    // More may have been typed meanwhile.
    if (this.#begun() !== begun) return;
    const sought = begun.slice(1);
    this.#offers = isPerson ? this.#people(sought) : findEmoji(sought, SHOWN).map(ofEmoji);
    list.ariaLabel = text(isPerson ? "members" : "emoji");
    this.#chosen = 0;
    this.#draw();
  }

  // Those in the room whose name, or a later part of it, begins so.
  #people(sought) {
    const begins = (name) => name.toLowerCase().split(/\s+/).some((part) => part.startsWith(sought.toLowerCase()));
    const { open, me } = this.#chat.snapshot();
    return open.members.filter((name) => name !== me.name && begins(name)).sort().slice(0, SHOWN).map(ofPerson);
  }

  #begun() {
    if (field.selectionStart !== field.selectionEnd) return null;
    return BEGUN.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null;
  }

  #pressed(event) {
    if (list.hidden || event.isComposing || event.keyCode === 229) return;
    const { length } = this.#offers;
    switch (event.key) {
      case "ArrowDown":
        this.#choose((this.#chosen + 1) % length);
        break;
      case "ArrowUp":
        this.#choose((this.#chosen + length - 1) % length);
        break;
      case "Enter":
      case "Tab":
        if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
        this.#take(this.#chosen);
        break;
      case "Escape":
        this.#declined = this.#begun();
        this.#close();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #choose(index) {
    this.#chosen = index;
    this.#draw();
  }

  #take(index) {
    const { insert } = this.#offers[index];
    const end = field.selectionStart;
    const start = end - this.#begun().length;
    field.setRangeText(`${insert} `, start, end, "end");
    this.#close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #close() {
    this.#offers = [];
    this.#draw();
  }

  #draw() {
    list.hidden = this.#offers.length === 0;
    list.replaceChildren(...this.#offers.map((found, index) => option(found, index, index === this.#chosen)));
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `suggestion-${this.#chosen}`);
  }
}

function ofEmoji({ emoji, name }) {
  return { insert: emoji, picture: emoji, label: `:${name}:` };
}

function ofPerson(name) {
  return { insert: `@${name}`, picture: "@", label: name };
}

function option({ picture: sign, label }, index, isChosen) {
  const li = document.createElement("li");
  li.id = `suggestion-${index}`;
  li.role = "option";
  li.ariaSelected = String(isChosen);
  const picture = document.createElement("span");
  picture.className = "picture";
  picture.textContent = sign;
  const words = document.createElement("bdi");
  words.textContent = label;
  li.append(picture, words);
  return li;
}

// Finds rooms, people and messages: a dialog with a field, and what was found below it.

import { Finder } from "./finder.js";
import { foundConversation, foundMessage, foundMore } from "./found.js";
import { text } from "./page.js";

// The server is asked when nothing was typed for so long.
const PAUSE_MS = 150;

export class Switcher {
  #go;
  #finder;
  #dialog = document.createElement("dialog");
  #field = document.createElement("input");
  #list = document.createElement("div");
  #status = document.createElement("p");
  #hints = document.createElement("p");
  // What can be chosen, in its order: { element, take }.
  #options = [];
  #chosen = 0;
  #timer = null;
  // What was asked for last; an answer to something else is too late.
  #asked = 0;

  // `go(place)` shows a place.
  constructor(chat, go) {
    this.#go = go;
    this.#finder = new Finder(chat);
    this.#make();
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    // The field keeps the focus.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", ({ target }) => {
      const element = target.closest("[role=option]");
      this.#options.find((option) => option.element === element)?.take();
    });
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
  }

  open() {
    if (this.#dialog.open) return;
    this.#dialog.ariaLabel = text("find");
    this.#field.ariaLabel = text("findWhat");
    this.#field.placeholder = text("findWhat");
    this.#hints.textContent = text("findHints");
    this.#list.ariaLabel = text("find");
    this.#dialog.showModal();
    this.#field.select();
    this.#changed();
    this.#finder.loadRooms().then(() => this.#dialog.open && this.#changed());
  }

  #make() {
    this.#dialog.id = "switcher";
    this.#dialog.className = "dialog switcher";
    this.#hints.id = "switcher-hints";
    this.#hints.className = "hints";
    this.#status.role = "status";
    this.#status.className = "found-status";
    Object.assign(this.#list, { id: "switcher-list", className: "found-list", role: "listbox" });
    Object.assign(this.#field, { type: "text", dir: "auto", autocomplete: "off", spellcheck: false, maxLength: 500 });
    this.#field.role = "combobox";
    this.#field.ariaExpanded = "true";
    this.#field.ariaAutoComplete = "list";
    this.#field.setAttribute("aria-controls", this.#list.id);
    this.#field.setAttribute("aria-describedby", this.#hints.id);
    this.#field.enterKeyHint = "go";
    this.#dialog.append(this.#field, this.#status, this.#list, this.#hints);
    document.body.append(this.#dialog);
  }

  #changed() {
    const query = this.#field.value;
    const asked = (this.#asked += 1);
    clearTimeout(this.#timer);
    this.#chosen = 0;
    this.#options = [];
    this.#list.replaceChildren();
    const { rooms, people } = this.#finder.conversations(query);
    this.#addGroup(text("rooms"), rooms.map((room) => this.#conversation(room)));
    this.#addGroup(text("people"), people.map((person) => this.#conversation(person)));
    this.#choose(0);
    const isSearched = query.trim() !== "";
    this.#status.textContent = isSearched ? text("searching") : "";
    if (isSearched) this.#timer = setTimeout(() => this.#search(query, asked), PAUSE_MS);
  }

  async #search(query, asked, before) {
    const { hits, before: next, problem } = await this.#finder.messages(query, before);
    if (asked !== this.#asked) return;
    const options = hits.map((hit) => this.#message(hit));
    if (next !== undefined) options.push(this.#more(query, asked, next));
    this.#addGroup(text("messages"), options);
    this.#choose(Math.min(this.#chosen, this.#options.length - 1));
    const count = this.#options.length - (next === undefined ? 0 : 1);
    this.#status.textContent = problem ?? (count === 0 ? text("nothingFound") : text("found", { count }));
    this.#status.classList.toggle("error", problem !== undefined);
  }

  #conversation(conversation) {
    return { element: foundConversation(conversation), take: () => this.#take(conversation) };
  }

  #message(hit) {
    const [kind, name] = hit.room === undefined ? ["person", hit.with] : ["room", hit.room];
    return { element: foundMessage(hit), take: () => this.#take({ kind, name, message: hit.offset }) };
  }

  #more(query, asked, before) {
    const option = { element: foundMore() };
    option.take = () => {
      option.element.remove();
      this.#options = this.#options.filter((other) => other !== option);
      this.#search(query, asked, before);
    };
    return option;
  }

  // A group goes on with what is found later.
  #addGroup(name, options) {
    if (options.length === 0) return;
    let group = [...this.#list.children].find(({ ariaLabel }) => ariaLabel === name);
    if (!group) {
      group = document.createElement("div");
      group.role = "group";
      group.ariaLabel = name;
      const heading = document.createElement("p");
      heading.className = "found-heading";
      heading.ariaHidden = "true";
      heading.textContent = name;
      group.append(heading);
      this.#list.append(group);
    }
    for (const option of options) {
      option.element.id = `found-${this.#options.length}`;
      this.#options.push(option);
      group.append(option.element);
    }
  }

  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const { length } = this.#options;
    if (length === 0) return;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % length);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + length - 1) % length);
    else if (event.key === "Enter") this.#options[this.#chosen].take();
    else return;
    event.preventDefault();
  }

  #choose(index) {
    this.#chosen = Math.max(0, index);
    for (const [at, { element }] of this.#options.entries()) element.ariaSelected = String(at === this.#chosen);
    const chosen = this.#options[this.#chosen]?.element;
    if (!chosen) return this.#field.removeAttribute("aria-activedescendant");
    this.#field.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  #take(place) {
    this.#dialog.close();
    this.#field.value = "";
    this.#go(place);
  }
}

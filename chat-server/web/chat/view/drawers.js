// On narrow screens, the side bar and the members lie over the conversation, one at a time, and go away with
// Escape or a click beside them. The members, which are not always wanted, can be put away on wide ones too.

const shade = document.getElementById("shade");
const conversation = document.getElementById("main");

class Drawer {
  #name;
  #panel;
  #opener;
  #isDrawer;

  constructor(name, query) {
    this.#name = name;
    this.#panel = document.getElementById(name);
    this.#opener = document.getElementById(`${name}-open`);
    this.#isDrawer = matchMedia(query);
    document.getElementById(`${name}-close`).addEventListener("click", () => this.close());
    this.#isDrawer.addEventListener("change", () => this.#set(false));
    this.#set(false);
  }

  get isOver() {
    return this.#isDrawer.matches;
  }

  get isOpen() {
    return document.body.classList.contains(`${this.#name}-is-open`);
  }

  open() {
    this.#set(true);
    // What is under it is out of reach; its first control is where the keyboard goes on.
    if (this.isOver) this.#panel.querySelector("button")?.focus();
  }

  close() {
    if (!this.isOpen) return;
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#set(false);
    if (hadFocus) this.#opener.focus();
  }

  #set(open) {
    document.body.classList.toggle(`${this.#name}-is-open`, open);
    this.#opener.ariaExpanded = String(open);
    const isOver = open && this.isOver;
    conversation.inert = isOver;
    shade.hidden = !isOver;
  }
}

export class Drawers {
  side = new Drawer("side", "(width < 48rem)");
  members = new Drawer("members", "(width < 72rem)");

  constructor() {
    const { side, members } = this;
    document.getElementById("side-open").addEventListener("click", () => {
      members.close();
      side.open();
    });
    document.getElementById("members-open").addEventListener("click", () => {
      if (members.isOpen) return members.close();
      side.close();
      members.open();
    });
    shade.addEventListener("click", () => this.closeOver());
    addEventListener("keydown", ({ key }) => key === "Escape" && this.closeOver());
    if (!members.isOver) members.open();
  }

  closeOver() {
    for (const drawer of [this.side, this.members]) if (drawer.isOver) drawer.close();
  }
}

// The window's title: what is open, and how much is unread.

const NAME = document.title;
const MANY = 99;

export class Title {
  #chat;

  constructor(chat) {
    this.#chat = chat;
  }

  draw() {
    const { unread, open } = this.#chat.conversations;
    const count = unread > MANY ? `${MANY}+` : unread;
    const title = `${unread > 0 ? `(${count}) ` : ""}${open.name} – ${NAME}`;
    if (document.title !== title) document.title = title;
  }
}

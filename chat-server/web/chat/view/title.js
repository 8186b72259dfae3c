// The window's title: what is open, and how much is unread.

import { number } from "./language.js";

const NAME = document.title;
const MANY = 99;

export class Title {
  draw({ unread, open }) {
    const count = unread > MANY ? `${number(MANY)}+` : number(unread);
    const title = `${unread > 0 ? `(${count}) ` : ""}${open.name} – ${NAME}`;
    if (document.title !== title) document.title = title;
  }
}

// The icon of the page, and that of the app, with how many messages want to be read.

import { number } from "./language.js";

// There is no room for more.
const MANY = 9;
const SIZE = 64;

const link = document.querySelector('link[rel="icon"]');
const plain = { href: link.href, type: link.type };

export class Badge {
  #count = 0;
  #icon = null;

  /** Zero is no badge. */
  show(count) {
    if (count === this.#count) return;
    this.#count = count;
    this.#draw(count);
    // Where the page is installed. Who has not done that has no such badge.
    const done = count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
    done?.catch(() => {});
  }

  async #draw(count) {
    if (count === 0) return Object.assign(link, plain);
    this.#icon ??= Object.assign(new Image(SIZE, SIZE), { src: plain.href });
    await this.#icon.decode().catch(() => {});
    if (count === this.#count) Object.assign(link, { href: drawn(this.#icon, count), type: "image/png" });
  }
}

function drawn(icon, count) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (icon.naturalWidth > 0) context.drawImage(icon, 0, 0, SIZE, SIZE);
  context.fillStyle = "#b81c31";
  context.beginPath();
  context.arc(42, 42, 22, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#ffffff";
  context.font = "bold 34px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(count > MANY ? `${number(MANY)}+` : number(count), 42, 44, 40);
  return canvas.toDataURL();
}

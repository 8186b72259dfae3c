// The files of messages, with links that the server gives for a while.

import { element } from "./dom.js";
import { Lightbox } from "./lightbox.js";
import { size } from "./size.js";
import { text } from "./page.js";

// A link that ends so soon is asked for again.
const SOON_MS = 60_000;

// What was asked for, by offset.
const links = new Map();

/** Fills the places of these files. Resolves with whether they are shown. */
export async function showFiles(chat, list, files, offset) {
  let found;
  try {
    found = await linksOf(chat, offset);
  } catch (error) {
    // Without a connection; else the message is gone, and so is the row in a moment.
    return error.code !== "no_answer";
  }
  files.forEach((file, index) => fill(chat, list.children[index], file, found, offset));
  return true;
}

/** A link that works now; none if the file is gone. */
export async function freshLink(chat, offset, id) {
  return (await linksOf(chat, offset)).find(({ file }) => file === id);
}

async function linksOf(chat, offset) {
  const known = await links.get(offset)?.catch(() => undefined);
  if (known?.every(({ until }) => until - SOON_MS > Date.now()) && known.length > 0) return known;
  const asked = chat.request("file links", offset).then(({ files }) =>
    files.map((link) => ({ ...link, url: new URL(link.url, chat.url).href })));
  links.set(offset, asked);
  asked.catch(() => links.delete(offset));
  return asked;
}

function fill(chat, place, file, found, offset) {
  const link = found.find((link) => link.file === file.id);
  if (!link) {
    place.className = "file gone";
    place.removeAttribute("style");
    place.textContent = text("fileGone");
  } else if (link.type.startsWith("image/")) {
    place.replaceChildren(picture(chat, file, link, offset));
  } else {
    place.className = "file";
    place.removeAttribute("style");
    place.replaceChildren(card(chat, link, offset));
  }
}

function picture(chat, { label, isPicture, width, height }, { file, name, url }, offset) {
  const words = (isPicture && label) || name;
  const image = element("img", { alt: words, loading: "lazy", decoding: "async", draggable: false });
  if (width > 0 && height > 0) Object.assign(image, { width, height });
  image.src = url;
  const open = () => new Lightbox(chat, freshLink).open(button);
  const button = element("button", { type: "button", className: "picture", onclick: open }, image);
  Object.assign(button.dataset, { file, offset, name });
  return button;
}

function card(chat, link, offset) {
  const a = element(
    "a",
    { className: "card", href: link.url, target: "_blank", rel: "noopener" },
    element("span", { className: "file-name", dir: "auto", textContent: link.name }),
    element("span", { className: "file-size", textContent: size(link.bytes) }),
  );
  a.addEventListener("click", async (event) => {
    if (link.until - SOON_MS > Date.now()) return;
    event.preventDefault();
    const again = await freshLink(chat, offset, link.file).catch(() => undefined);
    if (!again) return a.replaceWith(element("span", { className: "gone", textContent: text("fileGone") }));
    Object.assign(link, again);
    a.href = link.url;
    a.click();
  });
  return a;
}

// The files of a message, which its text names in lines of their own. What shows them comes when it is wanted first.

import { panel } from "./panels.js";

const LINE = /^(!?)\[((?:[^\]\\]|\\.)*)\]\(files\/([0-9a-f]{32})\/[^\s()<>"\\#]+(?:#(\d{1,15})(?:-(\d{1,5})x(\d{1,5}))?)?\)\s*$/;

// The longer side of a picture in a message, in pixels.
const LONGEST = 320;

// What the rows name.
const named = new WeakMap();

let chat;

export function showFilesOf(it) {
  chat = it;
}

/** The words of a text, and the files that it names. */
export function partsOf(content) {
  if (!content.includes("](files/")) return { words: content, files: [] };
  const [words, files] = [[], []];
  for (const line of content.split("\n")) {
    const found = LINE.exec(line);
    if (!found) words.push(line);
    else {
      const [, picture, label, id, ...numbers] = found;
      const [bytes, width, height] = numbers.map(Number);
      files.push({ id, label: label.replace(/\\(.)/g, "$1"), isPicture: picture !== "", bytes, width, height });
    }
  }
  return { words: words.join("\n"), files };
}

/** A text where there is room for words only. */
export function inWords(content) {
  const { words, files } = partsOf(content);
  return [words, ...files.map(({ label, isPicture }) => `${isPicture ? "🖼" : "📎"} ${label}`)].join(" ").trim();
}

/** Makes room for the files in a row, so that nothing moves when they come. */
export function placeFiles(row, files) {
  row.querySelector(".files")?.remove();
  delete row.dataset.files;
  named.delete(row);
  if (files.length === 0) return;
  named.set(row, files);
  const list = document.createElement("div");
  list.className = "files";
  list.append(...files.map(place));
  row.querySelector(".text").after(list);
}

/** Shows the files of the message at an offset, once it is there. */
export async function fillFiles(row, offset) {
  const files = named.get(row);
  if (!files || row.dataset.files === String(offset)) return;
  row.dataset.files = offset;
  const view = await panel(() => import("../panels/files.js"));
  const isShown = await view?.showFiles(chat, row.querySelector(".files"), files, offset);
  // It is tried again with what is drawn next.
  if (!isShown) delete row.dataset.files;
}

function place({ label, width, height }) {
  const element = document.createElement("div");
  element.className = "file";
  if (width > 0 && height > 0) {
    const scale = Math.min(1, LONGEST / width, LONGEST / height);
    element.classList.add("sized");
    element.style.inlineSize = `${Math.max(44, Math.round(width * scale))}px`;
    element.style.aspectRatio = `${width} / ${height}`;
  } else {
    element.textContent = label;
  }
  return element;
}

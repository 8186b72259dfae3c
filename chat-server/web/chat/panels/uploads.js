// The files that are to be sent with the next message of each conversation: they are uploaded at once, and stay over a
// reload.

import { forgetFile, pictureLine, uploadFile } from "../../client/lib/files.js";
import { element } from "./dom.js";
import { KeptFiles } from "./kept_files.js";
import { explained, text } from "./page.js";
import { size } from "./size.js";

// The longer side of a small picture, in pixels.
const SMALL = 96;

const list = document.getElementById("uploads");

export class Uploads {
  #chat;
  #limits;
  #changed;
  #kept;
  #items = [];
  #open = null;

  constructor(chat, limits, name, changed) {
    this.#chat = chat;
    this.#limits = limits;
    this.#changed = changed;
    this.#kept = new KeptFiles(name);
    this.#restore();
  }

  /** Adds files to the message of a conversation, and begins with them. */
  add(id, files) {
    for (const file of files) {
      if (this.#of(id).length >= this.#limits.maxFiles) break;
      const item = { key: crypto.getRandomValues(new Uint32Array(2)).join("-"), id, file, alt: "" };
      this.#items.push(item);
      this.#kept.put(item.key, file);
      this.#begin(item);
    }
    this.#note();
  }

  /** The lines that name what has arrived for a conversation. */
  lines(id) {
    return this.#of(id).filter(({ line }) => line).map(({ line, alt, width, height }) => (width ? pictureLine(line, { width, height, alt }) : line));
  }

  isBusy(id) {
    return this.#of(id).some(({ line, problem }) => !line && !problem);
  }

  /** The files of a conversation are sent. */
  clear(id) {
    for (const item of this.#of(id)) if (item.line) this.#drop(item);
    this.#note();
  }

  show(id) {
    this.#open = id;
    this.#draw();
  }

  redraw() {
    for (const item of this.#items) item.element = undefined;
    this.#draw();
  }

  #of(id) {
    return this.#items.filter((item) => item.id === id);
  }

  async #restore() {
    for (const { key, id, begun, alt, file } of await this.#kept.all()) {
      const item = { key, id, file, alt, begun };
      this.#items.push(item);
      this.#begin(item);
    }
    this.#note();
  }

  async #begin(item) {
    item.problem = item.line = undefined;
    item.ended = new AbortController();
    const { file, id, begun } = item;
    this.#update(item);
    this.#look(item);
    const isTooLarge = file.size > this.#limits.maxBytes;
    if (isTooLarge || file.size === 0) {
      item.problem = isTooLarge ? text("fileTooLarge", { size: size(this.#limits.maxBytes) }) : text("fileEmpty");
      return this.#update(item);
    }
    const onBegun = (begun) => {
      item.begun = begun;
      this.#note();
    };
    const onProgress = (received, bytes) => {
      item.received = received / bytes;
      this.#update(item);
    };
    try {
      item.line = await uploadFile(this.#chat, id, file, { begun, onBegun, onProgress, signal: item.ended.signal });
    } catch (error) {
      if (item.ended.signal.aborted) return;
      // What was begun has been swept meanwhile.
      if (error.code === "unknown_file" && item.begun) {
        item.begun = undefined;
        return this.#begin(item);
      }
      item.problem = explained(error);
    }
    this.#update(item);
  }

  // How large a picture is, and what it looks like; of what is none, nothing.
  async #look(item) {
    if (!/^image\/(?:png|jpeg|gif|webp|avif)$/.test(item.file.type)) return;
    let bitmap;
    try {
      bitmap = await createImageBitmap(item.file);
    } catch {
      return;
    }
    const scale = Math.min(1, SMALL / bitmap.width, SMALL / bitmap.height);
    const canvas = element("canvas", { width: Math.ceil(bitmap.width * scale), height: Math.ceil(bitmap.height * scale) });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    Object.assign(item, { width: bitmap.width, height: bitmap.height, canvas });
    bitmap.close();
    this.#draw();
    this.#changed();
  }

  #give(item) {
    item.ended.abort();
    this.#drop(item);
    this.#note();
    if (item.begun) forgetFile(this.#chat, item.begun).catch(() => {});
    document.getElementById("text").focus();
  }

  #drop(item) {
    this.#items = this.#items.filter((other) => other !== item);
    this.#kept.remove(item.key);
  }

  #note() {
    this.#kept.note(this.#items.map(({ key, id, begun, alt }) => ({ key, id, begun, alt })));
    this.#draw();
    this.#changed();
  }

  #update(item) {
    if (item.element) fill(item);
    this.#changed();
  }

  #draw() {
    const items = this.#of(this.#open);
    list.hidden = items.length === 0;
    list.ariaLabel = text("filesToSend");
    for (const item of items) {
      item.element ??= this.#element(item);
      fill(item);
    }
    const elements = items.map((item) => item.element);
    // One that stays in its place keeps the focus.
    if (elements.length !== list.children.length || elements.some((element, at) => element !== list.children[at])) list.replaceChildren(...elements);
  }

  #element(item) {
    const { name, size: bytes } = item.file;
    const giveUp = element("button", {
      type: "button", className: "icon", title: text("removeFile", { name }), "aria-label": text("removeFile", { name }),
      onclick: () => this.#give(item), textContent: "✕",
    });
    const again = element("button", { type: "button", className: "quiet again", textContent: text("retry"), onclick: () => this.#begin(item) });
    const alt = element("input", {
      type: "text", className: "alt", dir: "auto", maxLength: 500, value: item.alt, placeholder: text("whatItShows"), "aria-label": text("whatItShows"),
      oninput: () => (item.alt = alt.value), onchange: () => this.#note(),
    });
    return element(
      "li", { className: "upload" },
      element("span", { className: "small" }),
      element("span", { className: "about" },
        element("bdi", { className: "file-name", textContent: name }), " ",
        element("span", { className: "file-size", textContent: size(bytes) }),
        element("progress", { max: 1, value: 0, "aria-label": name }),
        element("span", { className: "error", role: "alert" }),
        alt),
      again, giveUp,
    );
  }
}

/** Brings the element of a file up to date. */
function fill({ element, canvas, line, problem = "", received = 0 }) {
  const part = (selector) => element.querySelector(selector);
  if (canvas && !part("canvas")) part(".small").append(canvas);
  part("progress").value = received;
  part("progress").hidden = Boolean(line) || problem !== "";
  part(".alt").hidden = !canvas;
  part(".again").hidden = problem === "";
  if (part(".error").textContent !== problem) part(".error").textContent = problem;
  element.classList.toggle("arrived", Boolean(line));
}

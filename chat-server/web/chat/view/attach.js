// Files to send: chosen, pasted or dropped. What uploads them comes when it is wanted first.

import { text } from "./language.js";
import { panel } from "./panels.js";

// The browser tab has files that were not sent before it was loaded anew.
const KEPT = "chat.uploads";

const button = document.getElementById("attach");
const input = document.getElementById("attach-files");
const main = document.querySelector("main");

export class Attach {
  // Called when there is another number of files, or one has arrived.
  onChange = () => {};

  #chat;
  #uploads = null;
  #limits = null;
  #hasAsked = false;
  #open = null;

  constructor(chat) {
    this.#chat = chat;
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#add([...input.files]);
      input.value = "";
    });
    document.getElementById("text").addEventListener("paste", (event) => this.#takeFrom(event, event.clipboardData));
    for (const event of ["dragenter", "dragover"]) main.addEventListener(event, (event) => this.#over(event));
    main.addEventListener("dragleave", ({ relatedTarget }) => main.contains(relatedTarget) || this.#away());
    main.addEventListener("drop", (event) => {
      this.#away();
      this.#takeFrom(event, event.dataTransfer);
    });
  }

  draw({ connection, open: { id } }) {
    const isConnected = connection.state === "connected";
    if (isConnected && !this.#hasAsked) this.#ask();
    if (!isConnected) this.#hasAsked = false;
    if (id === this.#open) return;
    this.#open = id;
    this.#uploads?.show(id);
    this.onChange();
  }

  redraw() {
    this.#uploads?.redraw();
  }

  /** The lines that name the files of the open conversation. */
  get lines() {
    return this.#uploads?.lines(this.#open) ?? [];
  }

  get isBusy() {
    return this.#uploads?.isBusy(this.#open) ?? false;
  }

  /** They are sent. */
  clear() {
    this.#uploads?.clear(this.#open);
  }

  async #ask() {
    this.#hasAsked = true;
    this.#limits = await this.#chat.request("file limits").catch(() => null);
    button.hidden = this.#limits === null;
    if (this.#limits && sessionStorage.getItem(KEPT)) await this.#load();
  }

  #takeFrom(event, { files }) {
    if (this.#limits === null || files.length === 0) return;
    event.preventDefault();
    this.#add([...files]);
  }

  #over(event) {
    if (this.#limits === null || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    main.dataset.drop = text("dropFiles");
  }

  #away() {
    delete main.dataset.drop;
  }

  async #add(files) {
    const id = this.#open;
    (await this.#load())?.add(id, files);
  }

  async #load() {
    const view = await panel(() => import("../panels/uploads.js"));
    if (view && !this.#uploads) {
      this.#uploads = new view.Uploads(this.#chat, this.#limits, KEPT, () => this.onChange());
      this.#uploads.show(this.#open);
    }
    return this.#uploads;
  }
}

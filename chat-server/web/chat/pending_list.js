// Shows what is in the outbox, below the messages from the server.

import { bubble, setState } from "./bubble.js";

const failureTemplate = document.getElementById("failure");

export class PendingList {
  #outbox;
  #list = document.getElementById("pending");
  #shown = new Map();
  #frame = null;

  constructor(outbox) {
    this.#outbox = outbox;
    this.#list.addEventListener("click", (event) => this.#click(event.target));
  }

  update() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  #draw() {
    const gone = new Set(this.#shown.keys());
    for (const entry of this.#outbox.entries()) {
      gone.delete(entry.key);
      const li = this.#shown.get(entry.key) ?? this.#append(entry);
      if (li.dataset.state !== entry.state) setState(li, entry.state);
      if (entry.state === "failed" && !li.querySelector(".failure")) this.#addFailure(li, entry);
    }
    for (const key of gone) {
      this.#shown.get(key).remove();
      this.#shown.delete(key);
    }
  }

  #append(entry) {
    const li = bubble(entry);
    li.classList.add("own");
    li.dataset.key = entry.key;
    this.#shown.set(entry.key, li);
    this.#list.append(li);
    return li;
  }

  #addFailure(li, { reason }) {
    const failure = failureTemplate.content.firstElementChild.cloneNode(true);
    failure.querySelector(".reason").textContent = `Not sent: ${reason}.`;
    li.append(failure);
  }

  #click(target) {
    const key = target.closest(".message")?.dataset.key;
    if (target.matches(".retry")) this.#outbox.retry(key);
    if (target.matches(".discard")) this.#outbox.discard(key);
  }
}

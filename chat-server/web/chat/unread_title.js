// Counts in the title what arrives while the page is in the background.

export class UnreadTitle {
  #title = document.title;
  #unread = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#unread = 0;
      document.title = this.#title;
    });
  }

  count() {
    if (!document.hidden) return;
    this.#unread += 1;
    document.title = `(${this.#unread > 99 ? "99+" : this.#unread}) ${this.#title}`;
  }
}

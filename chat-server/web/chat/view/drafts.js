// What was written and not sent, by user and conversation, over reloads. Each tab has drafts of its own, so that none
// overwrites what is typed in another; those of a tab that is closed pass to the tab that shows their conversation next.

import { browserEnvironment, Memory } from "../../client/index.js";

const DRAFT = "draft.";
const SAVE_AFTER_MS = 200;
// Each tab holds a lock of its own.
const LOCK = "chat tab ";
const DUPLICATED_MS = 2_000;

export class Drafts {
  /** Called when there is another draft, or one less. */
  onChange = () => {};

  #memory;
  #tab;
  #user = "";
  // The drafts of this tab, by conversation, with what is not saved yet.
  #own = new Map();
  // The tabs that are open; null until the browser has told.
  #open = null;
  #watched = new Set();
  #timer = null;
  #isForgotten = false;

  constructor({ local, session, base, random } = browserEnvironment()) {
    const prefix = Memory.prefix(new URL(".", base), base);
    this.#memory = new Memory(local, prefix);
    const tab = new Memory(session, prefix);
    this.#tab = tab.get("tab", null) ?? random(8);
    tab.set("tab", this.#tab);
    this.#hold(tab, random);
    for (const event of ["pagehide", "visibilitychange"]) addEventListener(event, () => this.#save(), { capture: true });
    addEventListener("storage", ({ key }) => key?.includes(DRAFT) && this.#look());
  }

  /** Whose drafts these are: a user's id, or "" for nobody's. */
  set user(user) {
    if (user === this.#user) return;
    this.#save();
    this.#own.clear();
    this.#user = user;
  }

  /** The draft of a conversation: that of this tab, or the newest one of a closed tab, which is of this tab from now on. */
  take(id) {
    const own = this.#own.get(id) ?? this.#memory.get(this.#name(id), null);
    if (own !== null) return own;
    const newest = this.#left(id).sort((one, other) => other.at - one.at)[0];
    if (newest === undefined) return { text: "", replyTo: null };
    this.#memory.remove(this.#name(id, newest.tab));
    this.set(id, newest.text, newest.replyTo);
    this.#save();
    return newest;
  }

  /** Keeps a draft; without text, there is none any more. */
  set(id, text, replyTo = null) {
    if (this.#isForgotten || (text === "" && replyTo === null && !this.#own.has(id))) return;
    const had = this.has(id);
    this.#own.set(id, { text, replyTo });
    this.#timer ??= setTimeout(() => this.#save(), SAVE_AFTER_MS);
    if (had !== this.has(id)) this.onChange();
  }

  /** Keeps none of this tab any more. */
  forget() {
    this.#isForgotten = true;
    this.#own.clear();
  }

  has(id) {
    const own = this.#own.get(id);
    if (own !== undefined) return own.text.trim() !== "";
    return this.#memory.get(this.#name(id), null) !== null || this.#left(id).length > 0;
  }

  // What closed tabs have left.
  #left(id) {
    const isLeft = (tab) => tab !== this.#tab && !this.#isOpen(tab);
    return this.#all().filter((draft) => draft.id === id && isLeft(draft.tab));
  }

  #save() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const [id, { text, replyTo }] of this.#own) {
      const name = this.#name(id);
      if (text.trim() === "") this.#memory.remove(name);
      else this.#memory.set(name, { id, tab: this.#tab, user: this.#user, text, replyTo, at: Date.now() });
    }
  }

  #all() {
    return this.#memory.below(DRAFT).filter(({ user }) => user === this.#user);
  }

  #name(id, tab = this.#tab) {
    return `${DRAFT}${tab} ${this.#user} ${id}`;
  }

  #isOpen(tab) {
    // Without locks nobody knows: a draft that two tabs show is better than one that none does.
    return navigator.locks ? (this.#open?.has(tab) ?? true) : false;
  }

  // Says that this tab is open. One that was duplicated has the name of another, and takes one of its own; one that is
  // loaded again gets its name when the page before has gone.
  async #hold(tab, random) {
    if (!navigator.locks) return;
    const hold = (options) => navigator.locks.request(`${LOCK}${this.#tab}`, options, () => new Promise(() => {}));
    hold({ signal: AbortSignal.timeout(DUPLICATED_MS) }).catch(() => {
      this.#tab = random(8);
      tab.set("tab", this.#tab);
      hold({});
    });
    await this.#look();
  }

  async #look() {
    if (!navigator.locks) return;
    const { held } = await navigator.locks.query();
    const names = held.map(({ name }) => name).filter((name) => name.startsWith(LOCK));
    this.#open = new Set(names.map((name) => name.slice(LOCK.length)));
    this.onChange();
    for (const { tab } of this.#all()) if (tab !== this.#tab && this.#open.has(tab)) this.#watch(tab);
  }

  // Looks again when a tab has left its lock, which one that is loaded again takes back soon.
  async #watch(tab) {
    if (this.#watched.has(tab)) return;
    this.#watched.add(tab);
    await navigator.locks.request(LOCK + tab, () => {});
    this.#watched.delete(tab);
    setTimeout(() => this.#look(), DUPLICATED_MS);
  }
}

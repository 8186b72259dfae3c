// Shows the messages from the server: a window over the history that follows the newest message while
// the reader is there, and stays in place when the reader has scrolled up.
//
// However many messages arrive between two frames, they are drawn once, in the next frame, and the
// number of elements is bounded.

import { bubble, setDay } from "./bubble.js";
import { dayNumber } from "./times.js";

// How many messages are elements while the reader follows the newest, and while reading back.
const FOLLOWING = 1_000;
const READING = 3_000;
// How many are added when the reader comes to an end of the window.
const STEP = 250;
// More new ones than this in one frame are not read out by screen readers.
const READ_OUT = 10;
// So many pixels away from the end still count as the end.
const NEAR = 48;

export class MessageList {
  #history;
  #log = document.getElementById("log");
  #list = document.getElementById("messages");
  #pending = document.getElementById("pending");
  #earlier = document.getElementById("earlier");
  #forgotten = document.getElementById("forgotten");
  #jump = document.getElementById("jump");
  #jumpText = document.getElementById("jump-text");
  #empty = document.getElementById("empty");
  #mayBeEmpty = false;

  // The positions in the history that the list's elements show: from `start`, before `end`.
  #start = 0;
  #end = 0;
  #following = true;
  // Where the reader left the newest message.
  #leftAt = 0;
  #scrollTop = 0;
  #today = dayNumber(Date.now());
  #frame = null;

  constructor(history) {
    this.#history = history;
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#jump.addEventListener("click", () => {
      this.jump();
      this.#log.focus({ preventScroll: true });
    });
    this.#earlier.addEventListener("click", () => this.#showEarlier());
    new IntersectionObserver(
      ([entry]) => entry.isIntersecting && !this.#following && this.#showEarlier(),
      { root: this.#log, rootMargin: "600px 0px 0px" },
    ).observe(this.#earlier);
    // The window, the composer and the messages themselves change their sizes.
    const sizes = new ResizeObserver(() => this.#following && this.#toEnd());
    sizes.observe(this.#log);
    sizes.observe(this.#log.firstElementChild);
  }

  // The history, or the outbox, has changed.
  update() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  // The history begins anew.
  reset() {
    this.#clear(0);
    this.jump();
  }

  // Goes to the newest message and follows.
  jump() {
    this.#following = true;
    this.update();
  }

  // Whether an empty list says that there are no messages.
  showWhenEmpty(mayBeEmpty) {
    this.#mayBeEmpty = mayBeEmpty;
    this.update();
  }

  #draw() {
    const { end } = this.#history;
    this.#renameDays();
    if (this.#following) {
      if (end - this.#end > FOLLOWING) this.#clear(end - FOLLOWING);
      this.#log.ariaLive = end - this.#end > READ_OUT ? "off" : "polite";
      this.#append(end);
      this.#trimStart(FOLLOWING);
      this.#leftAt = end;
      this.#toEnd();
    } else {
      this.#append(Math.min(end, this.#start + READING));
    }
    this.#showControls();
  }

  #scrolled() {
    const up = this.#log.scrollTop < this.#scrollTop;
    this.#scrollTop = this.#log.scrollTop;
    const nearEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
    const complete = this.#end === this.#history.end;
    if (nearEnd && !complete && !this.#following) {
      this.#keepPlace(() => {
        this.#append(Math.min(this.#history.end, this.#end + STEP));
        this.#trimStart(READING);
      });
    } else if (nearEnd && !this.#following) {
      this.jump();
    } else if (!nearEnd && up) {
      // Only upwards: a message that grows below the reader is no reason to leave the end.
      this.#following = false;
    }
    this.#showControls();
  }

  #showEarlier() {
    const start = Math.max(this.#history.start, this.#start - STEP);
    if (start >= this.#start) return;
    this.#keepPlace(() => {
      const first = this.#start;
      const firstElement = this.#list.firstElementChild;
      this.#start = start;
      this.#list.prepend(this.#elements(start, first));
      this.#setDay(firstElement, first);
      while (this.#end - this.#start > READING) {
        this.#list.lastElementChild.remove();
        this.#end -= 1;
      }
    });
    this.#showControls();
  }

  #append(end) {
    if (end <= this.#end) return;
    // What the history no longer holds cannot be shown.
    if (this.#end < this.#history.start) this.#clear(this.#history.start);
    if (end <= this.#end) return;
    this.#list.append(this.#elements(this.#end, end));
    this.#end = end;
  }

  #trimStart(limit) {
    if (this.#end - this.#start <= limit) return;
    for (; this.#end - this.#start > limit; this.#start += 1) this.#list.firstElementChild.remove();
    this.#setDay(this.#list.firstElementChild, this.#start);
  }

  #clear(position) {
    this.#list.replaceChildren();
    this.#start = position;
    this.#end = position;
  }

  #elements(start, end) {
    const elements = document.createDocumentFragment();
    for (let position = start; position < end; position += 1) {
      const message = this.#history.at(position);
      const li = bubble({ ...message, state: message.own ? "sent" : null });
      if (message.own) li.classList.add("own");
      elements.append(li);
      this.#setDay(li, position);
    }
    return elements;
  }

  // A message shows its day when the message before it, in the window, is of another day. Messages
  // whose time is not known belong to the day around them.
  #setDay(li, position) {
    const at = this.#history.at(position)?.at ?? null;
    const before = at === null ? null : this.#timeBefore(position);
    const isNewDay = at !== null && (before === null || dayNumber(before) !== dayNumber(at));
    setDay(li, isNewDay ? at : null);
  }

  #timeBefore(position) {
    for (let before = position - 1; before >= this.#start; before -= 1) {
      const at = this.#history.at(before)?.at ?? null;
      if (at !== null) return at;
    }
    return null;
  }

  // At midnight, "today" becomes "yesterday".
  #renameDays() {
    const today = dayNumber(Date.now());
    if (today === this.#today) return;
    this.#today = today;
    [...this.#list.children].forEach((li, index) => this.#setDay(li, this.#start + index));
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#scrollTop = this.#log.scrollTop;
  }

  // Changes the list such that what the reader sees does not move.
  #keepPlace(change) {
    const top = this.#log.getBoundingClientRect().top;
    const seen = [...this.#list.children].find((li) => li.getBoundingClientRect().bottom > top);
    const before = seen?.getBoundingClientRect().top;
    change();
    if (seen?.isConnected) this.#log.scrollTop += seen.getBoundingClientRect().top - before;
    this.#scrollTop = this.#log.scrollTop;
  }

  #showControls() {
    const missed = this.#history.end - this.#leftAt;
    this.#jump.hidden = this.#following;
    this.#jumpText.textContent =
      missed > 0 ? `${missed.toLocaleString()} new` : "Jump to newest";
    this.#earlier.hidden = this.#start <= this.#history.start;
    this.#forgotten.hidden = !this.#earlier.hidden || this.#start === 0;
    this.#empty.hidden =
      !this.#mayBeEmpty || this.#history.end > 0 || this.#pending.childElementCount > 0;
  }
}

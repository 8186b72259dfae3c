// Times and days as the reader writes them.

import { timeLocales } from "./language.js";

// Made anew for other languages.
let made = null;
let languages = null;

const DAY_MS = 86_400_000;

// A number for the local day of this moment; consecutive days have consecutive numbers.
export function dayNumber(at) {
  const date = new Date(at);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;
}

export function showTime(element, at) {
  element.dateTime = new Date(at).toISOString();
  element.textContent = formats().clock.format(at);
  element.title = formats().full.format(at);
}

/** The day and the time. */
export function showWhen(element, at) {
  element.dateTime = new Date(at).toISOString();
  element.textContent = formats().when.format(at);
}

export function showDay(element, at) {
  const date = new Date(at);
  const ago = dayNumber(at) - dayNumber(Date.now());
  const { day, dayOfYear, relative } = formats();
  element.lang = day.resolvedOptions().locale;
  element.dateTime = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  element.textContent = ago === 0 || ago === -1
    ? relative.format(ago, "day")
    : (date.getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(at);
}

/** A time of today, and of another day with that day, as text. */
export function clock(at) {
  return dayNumber(at) === dayNumber(Date.now()) ? formats().clock.format(at) : moment(at);
}

/** A day and a time, as text. */
export function moment(at) {
  return formats().when.format(at);
}

function formats() {
  if (languages === timeLocales) return made;
  languages = timeLocales;
  const date = (options) => new Intl.DateTimeFormat(languages, options);
  made = {
    clock: date({ hour: "numeric", minute: "2-digit" }),
    full: date({ dateStyle: "full", timeStyle: "medium" }),
    when: date({ dateStyle: "medium", timeStyle: "short" }),
    day: date({ weekday: "long", day: "numeric", month: "long" }),
    dayOfYear: date({ day: "numeric", month: "long", year: "numeric" }),
    relative: new Intl.RelativeTimeFormat(languages, { numeric: "auto" }),
  };
  return made;
}

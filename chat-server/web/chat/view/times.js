// Times and days as the reader writes them.

const languages = navigator.languages?.length ? [...navigator.languages] : undefined;
const clock = new Intl.DateTimeFormat(languages, { hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(languages, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(languages, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(languages, { day: "numeric", month: "long", year: "numeric" });
const relative = new Intl.RelativeTimeFormat(languages, { numeric: "auto" });

const DAY_MS = 86_400_000;

// A number for the local day of this moment; consecutive days have consecutive numbers.
export function dayNumber(at) {
  const date = new Date(at);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;
}

export function showTime(element, at) {
  element.dateTime = new Date(at).toISOString();
  element.textContent = clock.format(at);
  element.title = full.format(at);
}

export function showDay(element, at) {
  const date = new Date(at);
  const ago = dayNumber(at) - dayNumber(Date.now());
  element.lang = day.resolvedOptions().locale;
  element.dateTime = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  element.textContent = ago === 0 || ago === -1
    ? relative.format(ago, "day")
    : (date.getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(at);
}

// The element of one message.

import { fillAvatar, shownName } from "./avatar.js";
import { isFewEmoji } from "./emoji.js";
import { fillFiles, partsOf, placeFiles } from "./files.js";
import { number, text } from "./language.js";
import { formatted } from "./markdown.js";
import { explained } from "./problem.js";
import { dayNumber, showDay, showTime } from "./times.js";

// A longer message is folded until the reader asks for all of it.
const FOLD_CHARACTERS = 2_500;
const FOLD_LINES = 30;

// Messages of one person that follow each other within so long stand together.
const TOGETHER_MS = 5 * 60_000;

const BEGINNING = new RegExp(`^(?:.*\\n){${FOLD_LINES}}`);

const STATES = { pending: "sending", sent: "sent", failed: "notSent" };

// What the rows show.
const contents = new WeakMap();

const template = document.getElementById("message");
const quoteTemplate = document.getElementById("quote");
const waitingTemplate = document.getElementById("waiting");
const failureTemplate = document.getElementById("failure");

export function makeRow({ id, content, at, from, own }) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.key = id;
  row.dataset.from = from ?? "";
  row.classList.toggle("own", own);
  fillAvatar(row.querySelector(".avatar"), from);
  row.querySelector(".author").textContent = own ? text("author") : shownName(from);
  row.querySelector(".author").dataset.hue = row.querySelector(".avatar").dataset.hue;
  setText(row, content);
  if (at !== null) showTime(row.querySelector(".meta time"), at);
  return row;
}

// Brings up to date what depends on the message before, or changes.
export function updateRow(row, item, before) {
  const { at, from, own, content, state, problem, isFirstNew = false, mentionsMe = false } = item;
  const { offset, edited = false, deleted = false, reactions = [], quote = null } = item;
  setOnce(row, "quote", quote && !deleted ? `${quote.offset} ${quote.author} ${quote.words}` : "", () => setQuote(row, deleted ? null : quote));
  if (contents.get(row) !== content) setText(row, content);
  setOnce(row, "deleted", String(deleted), () => deleted && setDeleted(row));
  row.querySelector(".edited").hidden = !edited || deleted;
  const counts = reactions.map(({ emoji, count, own: isOwn }) => `${emoji} ${count} ${isOwn}`).join("\n");
  setOnce(row, "reactions", counts, () => setReactions(row, reactions));
  // Without an offset, or deleted, there is nothing that one can do with it.
  if (offset !== undefined) fillFiles(row, offset);
  setOnce(row, "offset", deleted ? "" : String(offset ?? ""), () => {});
  const isNewDay = at !== null && (before?.at == null || dayNumber(before.at) !== dayNumber(at));
  const today = dayNumber(Date.now());
  // Tomorrow "today" is "yesterday".
  setOnce(row, "day", isNewDay ? `${dayNumber(at)} ${today}` : "", () => setDay(row, isNewDay ? at : null));
  row.classList.toggle("mention", mentionsMe);
  row.querySelector(".to-you").hidden = !mentionsMe;
  setOnce(row, "new", String(isFirstNew), () => (row.querySelector(".new").hidden = !isFirstNew));
  const isTogether = before !== null && !isNewDay && !isFirstNew && before.own === own &&
    before.from === from && at !== null && Math.abs(at - before.at) < TOGETHER_MS;
  row.classList.toggle("together", isTogether);
  if (state) setOnce(row, "state", state, () => setState(row, state, problem));
}

// Does something only when the value is another than before: rows are brought up to date often.
function setOnce(row, name, value, change) {
  if (row.dataset[name] === value) return;
  row.dataset[name] = value;
  change();
}

function setText(row, content) {
  contents.set(row, content);
  const { words, files } = partsOf(content);
  const beginning = beginningOf(words);
  show(row, beginning);
  row.querySelector(".text").classList.toggle("large", isFewEmoji(words));
  row.querySelector(".more").hidden = beginning === words;
  if (beginning !== words) fold(row, words);
  placeFiles(row, files);
}

// The browser looks for the direction of the text once, and not again for each node: that would take very long for many
// that have no letters.
function show(row, content) {
  const element = row.querySelector(".text");
  element.removeAttribute("dir");
  element.replaceChildren(formatted(content));
  element.dir = "auto";
}

function setQuote(row, quote) {
  row.querySelector(".quote")?.remove();
  if (quote === null) return;
  const element = quoteTemplate.content.firstElementChild.cloneNode(true);
  element.dataset.of = quote.offset;
  element.querySelector(".quote-author").textContent = quote.author;
  element.querySelector(".quote-text").textContent = quote.words;
  element.title = text("goToQuoted");
  row.querySelector(".bubble").prepend(element);
}

function setDeleted(row) {
  const note = document.createElement("em");
  note.className = "gone";
  note.textContent = text("deleted");
  row.querySelector(".text").replaceChildren(note);
}

// One button for each emoji; pressed if the reader gives it.
function setReactions(row, reactions) {
  const buttons = reactions.map(({ emoji, count, own }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "reaction";
    button.dataset.emoji = emoji;
    button.ariaPressed = String(own);
    button.title = text(own ? "takeBack" : "reactToo");
    button.textContent = `${emoji} ${number(count)}`;
    return button;
  });
  row.querySelector(".reactions").replaceChildren(...buttons);
}

function setDay(row, at) {
  const element = row.querySelector(".day");
  element.hidden = at === null;
  if (at !== null) showDay(element.querySelector("time"), at);
}

function setState(row, state, problem) {
  const element = row.querySelector(".state");
  element.hidden = false;
  element.querySelector(".unseen").textContent = text(STATES[state]);
  row.querySelector(".failure")?.remove();
  row.querySelector(".discard-waiting")?.remove();
  if (state === "pending") row.querySelector(".bubble").append(waitingTemplate.content.firstElementChild.cloneNode(true));
  if (state !== "failed") return;
  const failure = failureTemplate.content.firstElementChild.cloneNode(true);
  failure.querySelector(".reason").textContent = problem
    ? text("notSentBecause", { reason: explained(problem) })
    : text("notSent");
  row.append(failure);
}

function fold(row, content) {
  const more = row.querySelector(".more");
  more.hidden = false;
  more.addEventListener("click", () => {
    show(row, content);
    more.hidden = true;
  }, { once: true });
}

// As much of a long message as is shown at first, else all of it.
function beginningOf(content) {
  const beginning = (BEGINNING.exec(content)?.[0] ?? content).slice(0, FOLD_CHARACTERS);
  if (beginning === content) return content;
  // Not in the middle of a word: half an address would be a link to elsewhere.
  return beginning.replace(/\S{0,200}$/, "").trimEnd() + " …";
}

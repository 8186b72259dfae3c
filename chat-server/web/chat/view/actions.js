// What one can do with a message: one set of buttons, which goes to the message that the reader points at or has chosen.

import { text } from "./language.js";

let element = copy();

/** The page is in another language. */
export function redrawActions() {
  element.remove();
  element = copy();
}

/** `mayModerate` is whether the reader is a moderator here. */
export function showActions(row, mayModerate) {
  if (!row?.dataset.offset) return void element.remove();
  if (element.parentElement?.parentElement !== row) {
    // What was asked about another message is not answered here.
    element.querySelector(".delete").classList.remove("sure");
    element.querySelector(".delete").textContent = text("delete");
    row.querySelector(".bubble").append(element);
  }
  const isOwn = row.classList.contains("own");
  element.querySelector(".edit").hidden = !isOwn;
  element.querySelector(".delete").hidden = !isOwn && !mayModerate;
  element.querySelector(".moderate").hidden = isOwn || !mayModerate || row.dataset.from === "";
}

function copy() {
  const element = document.getElementById("actions").content.firstElementChild.cloneNode(true);
  for (const button of element.querySelectorAll(".react")) {
    button.title = text("reactWith", { emoji: button.dataset.emoji });
  }
  return element;
}

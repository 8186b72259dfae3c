// Copies code from a message.

import { text } from "./language.js";

// How long it is said that it is done.
const SAID_MS = 2_000;

/** The code beside this button. */
export async function copyCode(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Only pages from https and localhost may: it is chosen, to be copied by hand.
    getSelection().selectAllChildren(code);
    return;
  }
  say(button, "copied");
  setTimeout(() => say(button, "copy"), SAID_MS);
}

/** A text, as it was written. `button` says so. */
export async function copyText(button, content) {
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    getSelection().selectAllChildren(button.closest(".bubble").querySelector(".text"));
    return;
  }
  button.textContent = text("copied");
  setTimeout(() => (button.textContent = text("copyText")), SAID_MS);
}

function say(button, name) {
  button.classList.toggle("done", name === "copied");
  button.title = text(name);
  button.ariaLabel = text(name);
}

// Says that one has to sign in, and why.

import { element } from "./dom.js";
import { signedTokenOf, text } from "./page.js";

let shown = null;

/** Shows the page for this reason; with none, the chat again. */
export function showSignIn(reason) {
  if ((shown !== null) === (reason !== null)) return;
  const parts = document.querySelectorAll("#side, #main, #members");
  for (const part of parts) part.inert = reason !== null;
  shown?.remove();
  shown = reason === null ? null : view(reason);
  if (shown === null) return;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  document.body.append(shown);
  shown.querySelector("h1").focus();
}

function view(reason) {
  const isMissing = signedTokenOf() === undefined;
  const why = reason === "expired" ? text("signInExpired") : isMissing ? text("signInMissing") : text("signInRefused");
  return element(
    "section",
    { id: "sign-in", className: "sign-in", role: "alert" },
    element("h1", { tabIndex: -1, textContent: text("signIn") }),
    element("p", { textContent: why }),
    element("button", { type: "button", className: "primary", textContent: text("signInAgain"), onclick: () => location.reload() }),
  );
}

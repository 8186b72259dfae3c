// Makes this device one of a user, by a code of another device: after a clear question.

import { Dialog } from "./dialog.js";
import { element, field } from "./dom.js";
import { explained, text, thisDevice } from "./page.js";

// As many characters as the server takes.
const MAX_LABEL = 64;

/** Asks whether to use this device as the user of the code, which may still have to be typed. */
export function askToLink(chat, code = "") {
  const { name } = chat.snapshot().me;
  const dialog = new Dialog(text("linkTitle"));
  const typed = element("input", { type: "text", value: code, autocomplete: "off", spellcheck: false, required: true, "data-code": "" });
  const label = element("input", { type: "text", dir: "auto", maxLength: MAX_LABEL, value: thisDevice() });
  const submit = element("button", { type: "submit", className: "primary", textContent: text("linkIt") });
  const form = element(
    "form",
    { method: "dialog" },
    element("p", { textContent: text("linkExplained") }),
    name === null ? null : element("p", { className: "warning", textContent: text("linkForgets", { name }) }),
    code === "" ? field(text("codeOfDevice"), typed) : null,
    field(text("nameOfDevice"), label),
    submit,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await chat.linkDevice(typed.value.trim(), label.value.trim() || undefined);
    } catch (error) {
      if (error.code === undefined) throw error;
      dialog.say(error.code === "invalid_code" ? text("deviceCodeWrong") : explained(error));
    }
    submit.disabled = false;
  });
  dialog.show(form);
}

// Makes this device one of a user, by a code of another device: after a clear question.

import { Dialog } from "./dialog.js";
import { element, field } from "./dom.js";
import { explained, text } from "./page.js";

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

/** What the browser says of itself, as one would call it. */
function thisDevice() {
  const { userAgentData: data, userAgent, platform } = navigator;
  const browser = /\b(Firefox|Edg|OPR|SamsungBrowser|Chrome|Safari)\b/.exec(userAgent)?.[1] ?? "";
  const names = { Edg: "Edge", OPR: "Opera", SamsungBrowser: "Samsung Internet" };
  return [names[browser] ?? browser, data?.platform ?? platform].filter(Boolean).join(", ").slice(0, MAX_LABEL);
}

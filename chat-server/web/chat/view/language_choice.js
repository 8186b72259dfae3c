// The choice of a language, in the side bar.

import { NAMES, useLanguage } from "./language.js";
import { chooseLanguage, chosenLanguage } from "./preferences.js";

const select = document.getElementById("language");

/** Calls `changed` when the page is in another language. */
export function offerLanguages(changed) {
  for (const [code, name] of Object.entries(NAMES)) {
    const option = new Option(name, code);
    option.lang = code;
    select.append(option);
  }
  select.value = chosenLanguage() ?? "";
  select.addEventListener("change", async () => {
    const chosen = select.value || null;
    chooseLanguage(chosen);
    await useLanguage(chosen);
    changed();
  });
}

// Something to be read, and closed.

import { text } from "../view/language.js";
import { Dialog } from "./dialog.js";
import { element } from "./dom.js";

export function notify(title, words) {
  new Dialog(text(title)).show(element("p", { textContent: words }));
}

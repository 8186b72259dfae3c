// Something to be read, and closed.

import { Dialog } from "./dialog.js";
import { element } from "./dom.js";
import { text } from "./page.js";

export function notify(title, words) {
  new Dialog(text(title)).show(element("p", { textContent: words }));
}

// Something to be read, and closed.

import { Dialog } from "./dialog.js";
import { element } from "./dom.js";
import { text } from "./page.js";

const shown = new Set();

export function notify(title, words) {
  new Dialog(text(title)).show(element("p", { textContent: words }));
}

/** Unless it is there already, under a name of its own. */
export function notifyOnce(name, words) {
  if (shown.has(name)) return;
  shown.add(name);
  const dialog = new Dialog(name);
  dialog.onClose = () => shown.delete(name);
  dialog.show(element("p", { dir: "auto", textContent: words }));
}

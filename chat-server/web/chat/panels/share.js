// A code to hand on: as text, as a link to the page, and as a picture of that.

import { button, element } from "./dom.js";
import { moment, text } from "./page.js";
import { picture } from "./qr.js";

/** The address of the page with this in its hash. */
export function linkWith(name, code) {
  const { origin, pathname } = location;
  return `${origin}${pathname}#${name}=${code}`;
}

/** Elements for a code, and what one does with it. */
export async function shared({ name, code, expiresAt, explanation }) {
  const link = linkWith(name, code);
  const field = element("input", { type: "text", readOnly: true, value: link, "aria-label": text("link") });
  const copy = button(text("copyLink"), async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(link);
      copy.textContent = text("copied");
    } catch {
      // Only pages from https and localhost may: it is chosen, to be copied by hand.
    }
  });
  return element(
    "div",
    { className: "shared" },
    element("p", { textContent: text(explanation, { time: moment(expiresAt) }) }),
    await picture(link, text("linkAsPicture")),
    element("output", { className: "code", textContent: code }),
    element("div", { className: "link" }, field, copy),
  );
}

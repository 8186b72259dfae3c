// Of what the reader is told, and how. This browser remembers it.

import { Dialog } from "./dialog.js";
import { button, choice, element } from "./dom.js";
import { chime, notification, preferences, text } from "./page.js";

/** `onChange` is called when something was chosen. */
export function showNotifications(chat, onChange) {
  const dialog = new Dialog(text("notifications"));
  const { rooms, people, me } = chat.snapshot();
  const list = element("ul", { className: "levels" });
  list.append(...[...rooms, ...people].map((conversation) => row(conversation, me, onChange)));
  dialog.show(ofBrowser(), sound(), element("h3", { textContent: text("ofWhat") }), list, element("p", { textContent: text("rememberedHere") }));
}

// Whether the browser shows notifications. It is asked when the reader wants them, and not before.
function ofBrowser() {
  const place = element("div", { className: "of-browser" });
  const draw = () => {
    const permission = notification.permission();
    if (permission === "none") return place.replaceChildren(element("p", { textContent: text("noNotifications") }));
    if (permission === "denied") return place.replaceChildren(element("p", { role: "status", textContent: text("notificationsDenied") }));
    const isOn = permission === "granted" && preferences.isNotified();
    const toggle = button(text(isOn ? "notificationsOff" : "notificationsOn"), async () => {
      if (!isOn) await notification.askForPermission();
      preferences.setNotified(!isOn && notification.permission() === "granted");
      draw();
      place.querySelector("button")?.focus();
    }, isOn ? "quiet" : "primary");
    place.replaceChildren(element("p", { textContent: text(isOn ? "notificationsAreOn" : "notificationsExplained") }), toggle);
  };
  draw();
  return place;
}

function sound() {
  const box = element("input", {
    type: "checkbox",
    checked: preferences.hearsChime(),
    onchange: () => {
      preferences.setChime(box.checked);
      if (box.checked) chime();
    },
  });
  return element("label", { className: "check" }, box, element("span", { textContent: text("chime") }));
}

function row(conversation, me, onChange) {
  const { kind, name } = conversation;
  const isRoom = kind === "room";
  const options = [["all", text("tellAll")], ...(isRoom ? [["mentions", text("tellMentions")]] : []), ["mute", text("tellNothing")]];
  const select = choice(options, preferences.levelsOf(me)(conversation), {
    onchange: () => {
      preferences.setLevel(me, conversation, select.value);
      onChange();
    },
  });
  return element("li", {}, element("label", {}, element("bdi", { className: "name", textContent: isRoom ? `#${name}` : name }), select));
}

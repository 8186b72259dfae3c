// What one can do with a person: write, and what moderators may.

import { Dialog } from "./dialog.js";
import { button, choice, element, field } from "./dom.js";
import { text } from "./page.js";

const HOUR = 3_600;

/** Shows it for a person, in the open room; `write` writes to the person privately. */
export function showPerson(chat, standing, name, write) {
  const dialog = new Dialog(name);
  const { open } = chat.snapshot();
  const done = async (...request) => {
    if (await dialog.do(chat.request(...request))) dialog.close();
  };
  const writing = button(text("writeTo"), () => {
    dialog.close();
    write();
  });
  const mayModerate = open.kind === "room" && standing.isAtLeast("moderator", open.name);
  dialog.show(writing, ...(mayModerate ? moderating(open.name, name, standing.isEverywhere("moderator"), done) : []));
}

function moderating(room, name, isEverywhere, done) {
  const durations = [[600, text("tenMinutes")], [HOUR, text("anHour")], [24 * HOUR, text("aDay")], [168 * HOUR, text("aWeek")], ["", text("untilLifted")]];
  const duration = choice(durations, HOUR);
  const reason = element("input", { type: "text", dir: "auto", maxLength: 200, autocomplete: "off" });
  const where = choice([["here", text("inThisRoom")], ["everywhere", text("everywhere")]], "here");
  const place = () => (where.value === "here" ? { room } : {});
  const why = () => (reason.value.trim() === "" ? {} : { reason: reason.value.trim() });
  const sanction = (event) => {
    const limit = duration.value === "" ? {} : { for: Number(duration.value) };
    return done(event, name, { ...place(), ...limit, ...why() });
  };
  return [
    element("h3", { textContent: text("moderation", { room }) }),
    field(text("reason"), reason),
    button(text("kick"), () => done("kick", room, name, why())),
    field(text("forHowLong"), duration),
    isEverywhere ? field(text("where"), where) : null,
    element(
      "div",
      { className: "buttons" },
      button(text("mute"), () => sanction("mute")),
      button(text("ban"), () => sanction("ban")),
      button(text("lift"), () => done("lift", name, { ...place(), ...why() })),
    ),
  ];
}

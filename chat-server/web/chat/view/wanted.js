// Of which messages the reader wants to hear. In a room that is muted it is none, in others what mentions the reader, or
// all if the reader has said so; what is private is always wanted, unless it is muted.

import { isMention } from "../../client/index.js";

/** How many of the unread messages of a conversation. */
export function wanted({ unread, forMe }, level) {
  if (level === "mute") return 0;
  return level === "all" ? unread : forMe;
}

/** Whether a message is one of them. */
export function isWanted(message, { kind }, me, level) {
  if (message.own || level === "mute") return false;
  return level === "all" || kind === "person" || isMention(message, me.name);
}

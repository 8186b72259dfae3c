// Who did what to whom, and why.

import { Dialog } from "./dialog.js";
import { button, element } from "./dom.js";
import { moment, text } from "./page.js";

/** Shows the log of a room, or of everything with `null`. */
export async function showLog(chat, room) {
  const dialog = new Dialog(text("moderationLog"));
  const list = element("ol", { className: "log-entries" });
  const more = button(text("showMore"), () => dialog.do(load()));
  let before;
  const load = async () => {
    const options = before === undefined ? {} : { before };
    const answer = await chat.request("moderation log", room, options);
    list.append(...answer.entries.map(entry));
    before = answer.entries.at(-1)?.number;
    more.hidden = !answer.more;
  };
  await load();
  dialog.show(list, more);
}

const ACTIONS = {
  createRoom: "logCreateRoom",
  changeRoom: "logChangeRoom",
  deleteRoom: "logDeleteRoom",
  addMember: "logAddMember",
  setRole: "logSetRole",
  removeMember: "logRemoveMember",
  invite: "logInvite",
  redeem: "logRedeem",
  revokeInvitation: "logRevokeInvitation",
  kick: "logKick",
  ban: "logBan",
  mute: "logMute",
  liftBan: "logLiftBan",
  liftMute: "logLiftMute",
  rename: "logRename",
  takeNickname: "logTakeNickname",
};

function entry({ at, byNickname, action, room, nickname, address, role, until, reason }) {
  const facts = [
    moment(at),
    `${byNickname ?? text("theServer")}: ${action in ACTIONS ? text(ACTIONS[action]) : action}`,
    nickname ?? address,
    room && `#${room}`,
    role && text(role),
    until && text("until", { time: moment(until) }),
    reason,
  ];
  return element("li", {}, ...facts.filter(Boolean).map((fact) => element("bdi", { textContent: fact })));
}

// Who may find, read and write in a room: what there is to choose.

import { text } from "./page.js";

export const visibilities = () => [["public", text("public")], ["private", text("onlyMembers")]];

export const postings = () => [["everyone", text("everyoneWrites")], ["members", text("membersWrite")], ["moderators", text("moderatorsWrite")]];

export const roles = () => [["member", text("member")], ["moderator", text("moderator")], ["owner", text("owner")]];

// Views that are loaded when they are needed, with their texts and what they take of the page.

import { isSameName } from "../../client/index.js";
import { fillAvatar, shownName } from "./avatar.js";
import { chime } from "./chime.js";
import { deletedHere } from "./deleted_here.js";
import { loadFurtherTexts, number, text } from "./language.js";
import { askForPermission, permission } from "./notification.js";
import { hearsChime, isNotified, levelsOf, setChime, setLevel, setNotified } from "./preferences.js";
import { explained, problemOf } from "./problem.js";
import { signedTokenOf } from "./signed_token.js";
import { thisDevice } from "./this_device.js";
import { moment, showWhen } from "./times.js";

const notification = { askForPermission, permission };
const preferences = { hearsChime, isNotified, levelsOf, setChime, setLevel, setNotified };
const PAGE = {
  chime, deletedHere, explained, fillAvatar, isSameName, moment, notification, number, preferences, problemOf, showWhen,
  shownName, signedTokenOf, text, thisDevice,
};

/** Resolves with the view; null if it cannot be loaded now, as without a connection. */
export async function panel(load) {
  try {
    const [{ take }, view] = await Promise.all([import("../panels/page.js"), load(), loadFurtherTexts()]);
    take(PAGE);
    return view;
  } catch {
    return null;
  }
}

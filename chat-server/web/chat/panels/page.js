// What these views take of the page. It is given to them rather than imported: else a bundle would have the page load it in
// parts, to be shared with views that few open.

export let chime;
export let deletedHere;
export let explained;
export let fillAvatar;
export let isSameName;
export let moment;
export let notification;
export let number;
export let preferences;
export let problemOf;
export let showWhen;
export let shownName;
export let signedTokenOf;
export let text;
export let thisDevice;

export function take(page) {
  ({
    chime, deletedHere, explained, fillAvatar, isSameName, moment, notification, number, preferences, problemOf, showWhen,
    shownName, signedTokenOf, text, thisDevice,
  } = page);
}

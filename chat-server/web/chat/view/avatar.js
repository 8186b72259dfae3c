// A person at a glance: an initial, in a colour that is always the same for the same name.

import { nameKey } from "../../client/index.js";
import { text } from "./language.js";

const HUES = 8;

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export function shownName(name) {
  return name ?? text("anonymous");
}

export function fillAvatar(element, name) {
  element.textContent = name === null ? "" : firstLetter(name);
  element.dataset.hue = name === null ? "none" : hueOf(nameKey(name));
}

function firstLetter(name) {
  for (const { segment } of letters.segment(name)) return segment.toLocaleUpperCase();
}

function hueOf(text) {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + character.codePointAt(0)) >>> 0;
  return String(hash % HUES);
}

// Whom a message mentions: "@" and a nickname, which is compared as nicknames are.

import { nameKey } from "./names.js";

// A letter or digit of a script that puts spaces between words: beside one, the name would be a part of a longer word.
const IN_WORD = /(?!\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana}|\p{sc=Thai})[\p{L}\p{N}_]/u;

/**
 * What is known of messages, and for which name.
 * @type {WeakMap<object, { name: string, is: boolean }>}
 */
const known = new WeakMap();

/**
 * Whether a text mentions whoever has this name, as "@ada" mentions Ada, and "me@ada.example" nobody.
 * @param {string} content
 * @param {string | null} name
 */
export function mentions(content, name) {
  if (name === null || !/[@\uff20\ufe6b]/.test(content)) return false;
  const text = nameKey(content);
  const sought = `@${nameKey(name)}`;
  for (let start = text.indexOf(sought); start >= 0; start = text.indexOf(sought, start + 1)) {
    const end = start + sought.length;
    const [before] = [...text.slice(Math.max(0, start - 2), start)].slice(-1);
    const [after] = text.slice(end, end + 2);
    if (!IN_WORD.test(before ?? "") && !IN_WORD.test(after ?? "")) return true;
  }
  return false;
}

/**
 * Whether a message of somebody else mentions whoever has this name now. It is found out once.
 * @param {import("./types.js").Message} message
 * @param {string | null} name
 */
export function isMention(message, name) {
  if (name === null || message.own) return false;
  const found = known.get(message);
  if (found?.name === name) return found.is;
  const is = mentions(message.content, name);
  known.set(message, { name, is });
  return is;
}

// Web addresses in text.

// A longer one is text: nobody would look at where it leads.
const MAX_LENGTH = 2_000;
const ADDRESS = new RegExp(`https?://[^\\s<>"]{1,${MAX_LENGTH}}`, "iy");

// What ends a sentence, or what is emphasised, rather than an address.
const TRAILING = ".,;:!?'…»”’*_";
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

/** The address that begins at this place of a text, and how long it is there; null if none does. */
export function addressAt(text, start) {
  ADDRESS.lastIndex = start;
  const found = ADDRESS.exec(text)?.[0] ?? "";
  const address = trimmed(found);
  return found.length < MAX_LENGTH && isWebAddress(address) ? { address, length: address.length } : null;
}

/** A link that says where it leads, if not by its label. */
export function link(address, label = address) {
  const a = document.createElement("a");
  a.href = address;
  a.textContent = label;
  if (label !== address) a.title = address;
  a.target = "_blank";
  a.rel = "noopener noreferrer";
  return a;
}

function trimmed(address) {
  const count = (character) => address.split(character).length;
  // A closing bracket belongs to the address when it was opened there, as in Wikipedia's.
  const unopened = Object.fromEntries(
    Object.entries(BRACKETS).map(([close, open]) => [close, count(close) - count(open)]),
  );
  let end = address.length;
  for (; ; end -= 1) {
    const last = address[end - 1];
    if (unopened[last] > 0) unopened[last] -= 1;
    else if (!TRAILING.includes(last)) return address.slice(0, end);
  }
}

function isWebAddress(address) {
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
}

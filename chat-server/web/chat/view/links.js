// Text with its web addresses made into links, as DOM nodes: text never becomes markup.

const ADDRESS = /https?:\/\/[^\s<>"]+/gi;

// What ends a sentence rather than an address.
const TRAILING = ".,;:!?'…»”’";
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

// A message of nothing but links would make thousands of elements.
const MAX_LINKS = 200;

export function withLinks(text) {
  const nodes = document.createDocumentFragment();
  let end = 0;
  let links = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    if (!isWebAddress(address)) continue;
    if ((links += 1) > MAX_LINKS) break;
    nodes.append(text.slice(end, match.index), link(address));
    end = match.index + address.length;
  }
  nodes.append(text.slice(end));
  return nodes;
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

function link(address) {
  const a = document.createElement("a");
  a.href = address;
  a.textContent = address;
  a.target = "_blank";
  a.rel = "noopener noreferrer";
  return a;
}

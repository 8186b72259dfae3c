// What Markdown has within lines: **bold**, *italics*, _italics_, `code`, addresses and [links](https://example.org).
// The time it takes grows with the length of the text only, whatever is in it.

import { addressAt, link } from "./links.js";

const TOKEN = /(`+)|(\*+|_+)|(\[)|(https?:\/\/)/gi;
const LABELLED = /\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()<>"]{1,2000})\)/iy;

const MARKS = { "*": ["*"], "**": ["**"], "***": ["**", "*"], _: ["_"] };
const ELEMENTS = { "**": "strong", "*": "em", _: "em" };

// A letter or digit of a script that puts spaces between words: an asterisk between two of them is one, as in 2*3*4.
const IN_WORD = /(?!\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana})[\p{L}\p{N}]/u;

// A message of nothing but marks would make thousands of elements.
const MAX_ELEMENTS = 1_000;
const MAX_LINKS = 200;

/** The nodes that show this text. */
export function inline(text) {
  return built(paired(tokens(text)));
}

/** Text, nodes, and marks that may open or close something, in order. */
function tokens(text) {
  const found = [];
  const fences = backticks(text);
  let links = 0;
  let end = 0;
  const add = (start, next, token) => {
    if (start > end) found.push(text.slice(end, start));
    found.push(token);
    end = TOKEN.lastIndex = next;
  };
  TOKEN.lastIndex = 0;
  for (let match; found.length < 2 * MAX_ELEMENTS && (match = TOKEN.exec(text)); ) {
    const [token, ticks, mark, bracket] = match;
    const start = match.index;
    const after = start + token.length;
    if (ticks) {
      const close = fences.get(ticks.length)?.find((index) => index >= after);
      if (close === undefined) continue;
      add(start, close + ticks.length, codeOf(text.slice(after, close)));
      forget(fences, after);
    } else if (mark) {
      const marks = MARKS[mark];
      // As in __proto__, which is a word.
      if (!marks) continue;
      const [first, ...more] = marks.map((mark) => ({ mark, ...flanks(text, start, after, mark) }));
      add(start, after, first);
      found.push(...more);
      if (more.length > 0) first.other = more[0];
    } else if (links < MAX_LINKS) {
      const found = bracket ? labelled(text, start) : addressAt(text, start);
      if (!found) continue;
      links += 1;
      add(start, start + found.length, link(found.address, found.label));
    }
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** Where runs of backticks are, by their length. */
function backticks(text) {
  const runs = new Map();
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    if (!runs.has(run.length)) runs.set(run.length, []);
    runs.get(run.length).push(index);
  }
  return runs;
}

/** Takes away what lies before: nothing is looked at twice. */
function forget(runs, before) {
  for (const indexes of runs.values()) while (indexes[0] < before) indexes.shift();
}

function codeOf(content) {
  const code = document.createElement("code");
  // A space at both ends is there for the sake of backticks in it.
  code.textContent = /^ .*\S.* $/s.test(content) ? content.slice(1, -1) : content;
  return code;
}

function labelled(text, start) {
  LABELLED.lastIndex = start;
  const match = LABELLED.exec(text);
  if (!match || !URL.canParse(match[2])) return null;
  return { length: match[0].length, label: match[1], address: match[2] };
}

/** Whether a mark can open, and close: nothing opens before a space or closes after one. */
function flanks(text, start, end, mark) {
  const [before, after] = [characterBefore(text, start), characterAfter(text, end)];
  const isFree = (character) => mark === "**" || !IN_WORD.test(character);
  return {
    opens: /\S/.test(after) && isFree(before),
    closes: /\S/.test(before) && isFree(after),
  };
}

function characterBefore(text, index) {
  return [...text.slice(Math.max(0, index - 2), index)].at(-1) ?? "";
}

function characterAfter(text, index) {
  return [...text.slice(index, index + 2)][0] ?? "";
}

/** Marks become beginnings and ends of elements, or text where they have no counterpart. */
function paired(found) {
  const open = [];
  const counts = { "**": 0, "*": 0, _: 0 };
  for (const [index, token] of found.entries()) {
    if (!token.mark) continue;
    // Three asterisks end first what began last.
    if (token.other && found[open.at(-1)]?.mark === "*") [token.mark, token.other.mark] = ["*", "**"];
    if (token.closes && counts[token.mark] > 0) {
      // What was opened within and not closed is text.
      let opener;
      do {
        opener = open.pop();
        counts[found[opener].mark] -= 1;
      } while (found[opener].mark !== token.mark);
      if (index > opener + 1) {
        found[opener] = { begins: ELEMENTS[token.mark] };
        found[index] = { ends: true };
      }
    } else if (token.opens) {
      open.push(index);
      counts[token.mark] += 1;
    }
  }
  return found;
}

function built(found) {
  const root = document.createDocumentFragment();
  let parent = root;
  for (const token of found) {
    if (token.begins) parent = parent.appendChild(document.createElement(token.begins));
    else if (token.ends) parent = parent.parentNode;
    else parent.append(token.mark ?? token);
  }
  return root;
}

// Text with a little of Markdown: bold, italics, code, quotes, lists and links, as DOM nodes. Text never becomes markup,
// and whatever does not read as Markdown stays as it was written.

import { inline } from "./inline.js";
import { text as say } from "./language.js";

const FENCE = /^ {0,3}(`{3,})\s*([\w+#.-]*)\s*$/;
const QUOTE = /^ {0,3}>(?: |$|(?=>))/;
const ITEM = /^ {0,3}(?:([-*+])|(\d{1,9})[.)]) +(?=\S)/;

// Quotes in quotes in quotes: deeper ones stay text, and so does what comes after very many.
const MAX_DEPTH = 4;
const MAX_BLOCKS = 200;

/** The nodes that show this text. */
export function formatted(text, depth = 0) {
  const nodes = document.createDocumentFragment();
  const lines = text.split("\n");
  let paragraph = [];
  const endParagraph = () => {
    // The lines that are empty only separate it from what is before and after.
    while (paragraph.at(-1) === "") paragraph.pop();
    if (nodes.lastChild) while (paragraph[0] === "") paragraph.shift();
    if (paragraph.length > 0) nodes.append(inline(paragraph.join("\n")));
    paragraph = [];
  };
  for (let n = 0; n < lines.length; ) {
    const [block, end] = nodes.childElementCount < MAX_BLOCKS ? blockAt(lines, n, depth) : [null, n];
    if (block === null) {
      paragraph.push(lines[n]);
      n += 1;
    } else {
      endParagraph();
      nodes.append(block);
      n = end;
    }
  }
  endParagraph();
  return nodes;
}

/** The block that begins with this line, and the line after it; null if none begins. */
function blockAt(lines, start, depth) {
  const fence = FENCE.exec(lines[start]);
  if (fence) return code(lines, start, fence[1].length);
  if (depth < MAX_DEPTH && QUOTE.test(lines[start])) return quote(lines, start, depth);
  if (ITEM.test(lines[start])) return list(lines, start);
  return [null, start];
}

/** Without an end, the code goes on to the end of the text. */
function code(lines, start, length) {
  let end = start + 1;
  const closes = (line) => FENCE.exec(line)?.[1].length >= length && FENCE.exec(line)[2] === "";
  while (end < lines.length && !closes(lines[end])) end += 1;
  const figure = document.createElement("div");
  figure.className = "code";
  const pre = document.createElement("pre");
  // As it is for people who go through it with the keyboard: it may be wider than the message.
  pre.tabIndex = 0;
  pre.append(element("code", lines.slice(start + 1, end).join("\n")));
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  copy.title = say("copy");
  copy.ariaLabel = say("copy");
  figure.append(pre, copy);
  return [figure, end + 1];
}

function quote(lines, start, depth) {
  let end = start;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inside = lines.slice(start, end).map((line) => line.replace(QUOTE, ""));
  return [element("blockquote", formatted(inside.join("\n"), depth + 1)), end];
}

/** Items of one kind that follow each other; the lines after an item that are indented belong to it. */
function list(lines, start) {
  const isNumbered = ITEM.exec(lines[start])[2] !== undefined;
  const items = document.createElement(isNumbered ? "ol" : "ul");
  let end = start;
  for (let item; (item = ITEM.exec(lines[end] ?? "")) && (item[2] !== undefined) === isNumbered; ) {
    const inside = [lines[end].slice(item[0].length)];
    for (end += 1; /^ {2,}\S/.test(lines[end] ?? "") && !ITEM.test(lines[end]); end += 1) inside.push(lines[end].trim());
    const li = element("li", inline(inside.join("\n")));
    if (isNumbered) li.value = Number(item[2]);
    items.append(li);
  }
  return [items, end];
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

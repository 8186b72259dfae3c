/** Elements, and what is said in a moment. What comes from the server is set as text, never as markup. */

/**
 * Creates an element with attributes, properties (`on…`, `value`, `checked`, `hidden`, `disabled`) and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** As {@link h}, for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(toNode));
  return element;
}

function toNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/** A cell with a button. It does what the row's latest item says, however long the button has been there. */
export function action(text, act, label = text) {
  return new Action(text, act, label);
}

class Action {
  constructor(text, act, label) {
    Object.assign(this, { text, act, label });
  }
}

/**
 * A table whose rows keep their elements, and with them the focus, while they are refreshed. Columns whose names end with
 * `…` have long texts.
 */
export function table(caption, columns) {
  const body = h("tbody");
  const classOf = (name) => name.endsWith("…") && "wraps";
  const element = h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name.replace("…", ""))))), body),
  );
  const rows = new Map();
  return {
    element,
    /** @param {{key: string, cells: any[]}[]} items */
    show(items, nothing = "None.") {
      const keys = new Set(items.map((item) => item.key));
      for (const [key, row] of rows) {
        if (!keys.has(key)) {
          row.remove();
          rows.delete(key);
        }
      }
      body.querySelector(".nothing")?.remove();
      if (items.length === 0) {
        body.append(h("tr", { class: "nothing" }, h("td", { colspan: columns.length }, nothing)));
      }
      items.forEach((item, at) => {
        let row = rows.get(item.key);
        if (!row) {
          row = h("tr", {}, ...columns.map((name) => h("td", { class: classOf(name) })));
          rows.set(item.key, row);
        }
        if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
        item.cells.forEach((cell, column) => fill(row.children[column], cell));
      });
    },
  };
}

/** Shows what a cell says now. What is the same stays, and with it the focus. */
function fill(td, cell) {
  if (cell instanceof Action) {
    let button = td.querySelector("button");
    if (!button) {
      button = h("button", { type: "button", onclick: () => actions.get(button).act() });
      td.replaceChildren(button);
    }
    actions.set(button, cell);
    if (button.textContent !== cell.text) button.textContent = cell.text;
    if (button.ariaLabel !== cell.label) button.ariaLabel = cell.label;
  } else if (cell instanceof Node) {
    if (!td.firstChild?.isEqualNode(cell)) td.replaceChildren(cell);
  } else if (td.firstElementChild || td.textContent !== String(cell)) td.textContent = String(cell);
}

/** What the buttons of tables do. */
const actions = new WeakMap();

let fading;

/** Says what has happened, for a few seconds. */
export function tell(text, isBad = false) {
  const told = document.getElementById("told");
  told.textContent = text;
  told.classList.toggle("bad", isBad);
  clearTimeout(fading);
  fading = setTimeout(() => (told.textContent = ""), 8000);
}

/** Asks before something is done, with fields; returns their values, or null. */
export function ask(title, text, action, fields = []) {
  return new Promise((resolve) => {
    const inputs = fields.map(({ name, label, ...attributes }) => {
      const { options, ...rest } = attributes;
      const input = options
        ? h("select", { name, ...rest }, ...options.map(([value, shown]) => h("option", { value }, shown)))
        : h("input", { name, autocomplete: "off", ...rest });
      return h("label", {}, label, input);
    });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", {}, title),
      text && h("p", {}, text),
      ...inputs,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { type: "submit", value: "yes", class: "strong" }, action),
      ),
    );
    const dialog = h("dialog", { "aria-label": title }, form);
    dialog.addEventListener("close", () => {
      const values = Object.fromEntries(new FormData(form));
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? values : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A time as people say it: "3 min". */
export function since(milliseconds, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - milliseconds) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** A size as people say it: "3.4 GB". */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}

/** A number with few digits: "1.2k". */
export function short(number) {
  if (!Number.isFinite(number)) return "–";
  if (Math.abs(number) >= 1e6) return `${(number / 1e6).toFixed(1)}M`;
  if (Math.abs(number) >= 1e4) return `${(number / 1e3).toFixed(0)}k`;
  if (Math.abs(number) >= 1e3) return `${(number / 1e3).toFixed(1)}k`;
  return Number.isInteger(number) ? String(number) : number.toFixed(number < 10 ? 2 : 1);
}

/** A time span in seconds: "12 ms". */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(1)} s`;
}

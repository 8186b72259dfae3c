// Elements of the views that are loaded when they are needed.

/** An element with these properties, attributes where there is a "-", listeners by "on…", and content. */
export function element(tag, properties = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...content.filter((part) => part !== null));
  return made;
}

export function button(text, onclick, className = "quiet") {
  return element("button", { type: "button", className, textContent: text, onclick });
}

/** A button that does something at its second click, and asks by `question` at the first. */
export function sureButton(text, question, act, className = "quiet") {
  const made = button(text, () => {
    if (made.classList.contains("sure")) return act();
    made.classList.add("sure");
    made.textContent = question;
  }, className);
  made.addEventListener("blur", () => {
    made.classList.remove("sure");
    made.textContent = text;
  });
  return made;
}

/** A field with its label. */
export function field(label, control) {
  return element("label", { className: "labelled" }, element("span", { textContent: label }), control);
}

/** A list to choose from: pairs of a value and a text. */
export function choice(options, value, properties = {}) {
  const select = element("select", properties);
  for (const [key, text] of options) select.append(new Option(text, key));
  select.value = value;
  return select;
}

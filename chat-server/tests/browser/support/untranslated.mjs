// Texts of the page that are in no other language.

/** What can be read, or is read out, that is in English words. */
export function untranslated() {
  const own = "#messages, #news, .name, #title-name, #language, #members-list, .brand, noscript, script, #old, .code";
  const isEnglish = (text) => /[A-Za-z]{3}/.test(text ?? "");
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest(own)) continue;
    const texts = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data);
    const said = [...texts, element.ariaLabel, element.title, element.placeholder];
    for (const text of said) {
      if (isEnglish(text?.replace(/general|Grace|Esc\b/g, ""))) found.push(text.trim());
    }
  }
  return found;
}

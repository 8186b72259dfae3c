// The language of the page: the one that the reader has chosen, or the first of the browser's that there is.

import en from "../language/en.js";

// Each comes when it is needed.
const OTHERS = {
  ar: () => import("../language/ar.js"),
  ja: () => import("../language/ja.js"),
  zh: () => import("../language/zh.js"),
};

// The texts of views that are loaded when they are needed.
const FURTHER = {
  en: () => import("../panels/language/en.js"),
  ar: () => import("../panels/language/ar.js"),
  ja: () => import("../panels/language/ja.js"),
  zh: () => import("../panels/language/zh.js"),
};

/** What each is called by those who read it. */
export const NAMES = { en: "English", ar: "العربية", ja: "日本語", zh: "中文" };

const RIGHT_TO_LEFT = new Set(["ar"]);

// The attributes that say where in the document a text belongs.
const PLACES = {
  text: (element, text) => (element.textContent = text),
  label: (element, text) => element.setAttribute("aria-label", text),
  title: (element, text) => (element.title = text),
  placeholder: (element, text) => (element.placeholder = text),
};

let texts = en;
let further = {};
let wantsFurther = false;
// What numbers are written by.
let locale = "en";
let numbers = new Intl.NumberFormat(locale);
let plurals = new Intl.PluralRules(locale);

/** The reader's own languages, in which times and days are written, unless another one was chosen. */
export let timeLocales = browserLanguages();

/**
 * Takes the language with this code, or that of the browser, and writes the document in it; in English, if there is no
 * connection over which it could come.
 */
export async function useLanguage(chosen) {
  const code = chosen ?? languageOfBrowser();
  texts = (await OTHERS[code]?.().catch(() => null))?.default ?? en;
  if (wantsFurther) further = (await FURTHER[code]().catch(() => null))?.default ?? further;
  // With the ways of the reader's region.
  locale = browserLanguages().find((language) => languageOf(language) === code) ?? code;
  timeLocales = chosen === null ? browserLanguages() : [locale];
  numbers = new Intl.NumberFormat(locale);
  plurals = new Intl.PluralRules(locale);
  document.documentElement.lang = code;
  document.documentElement.dir = RIGHT_TO_LEFT.has(code) ? "rtl" : "ltr";
  write(document);
  for (const { content } of document.querySelectorAll("template")) write(content);
}

/** Has the texts of the views that are loaded when they are needed, from now on. */
export async function loadFurtherTexts() {
  if (wantsFurther) return;
  further = (await FURTHER[document.documentElement.lang]()).default;
  wantsFurther = true;
}

/** A text by its name, with these values; `count` also chooses the form. */
export function text(name, values = {}) {
  const found = texts[name] ?? further[name];
  const form = typeof found === "string" ? found : (found[plurals.select(values.count)] ?? found.other);
  return form.replace(/\{(\w+)\}/g, (_, value) => shown(values[value]));
}

export function number(value) {
  return numbers.format(value);
}

/** So many milliseconds, in the unit that fits. */
export function duration(milliseconds) {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const [value, unit] = seconds < 120 ? [seconds, "second"]
    : seconds < 7_200 ? [Math.ceil(seconds / 60), "minute"]
    : [Math.ceil(seconds / 3_600), "hour"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

export function isText(name) {
  return Object.hasOwn(texts, name) || Object.hasOwn(further, name);
}

function write(root) {
  for (const [place, set] of Object.entries(PLACES)) {
    for (const element of root.querySelectorAll(`[data-${place}]`)) set(element, text(element.dataset[place]));
  }
}

function shown(value) {
  if (typeof value === "number") return number(value);
  // A name in another script does not turn around what is beside it.
  return document.documentElement.dir === "rtl" ? `\u2068${value}\u2069` : value;
}

function languageOfBrowser() {
  return browserLanguages().map(languageOf).find((code) => code in NAMES) ?? "en";
}

function browserLanguages() {
  return navigator.languages?.length ? [...navigator.languages] : ["en"];
}

function languageOf(tag) {
  return tag.split("-")[0].toLowerCase();
}

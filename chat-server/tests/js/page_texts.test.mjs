// The texts of the page: every language has all of them, and none that nobody uses.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const README = new URL("../../../README.md", import.meta.url);
const CODES_OF_CLIENT = ["no_answer"];

const read = (...path) => readFileSync(join(WEB, ...path), "utf8");
const html = read("index.html");
const scriptsIn = (folder) => readdirSync(join(WEB, folder)).filter((file) => file.endsWith(".js")).map((file) => read(folder, file));
const tablesIn = async (folder) => {
  const table = async (file) => [file.replace(".js", ""), (await import(join(WEB, folder, file))).default];
  const tables = await Promise.all(readdirSync(join(WEB, folder)).map(table));
  return { tables, english: tables.find(([code]) => code === "en")[1] };
};
// What every reader loads, and what comes with views that are loaded when they are needed.
const [{ tables: languages, english }, further] = await Promise.all(["chat/language", "chat/panels/language"].map(tablesIn));
const panels = scriptsIn("chat/panels").join("\n");
const ofPage = [read("chat.js"), ...scriptsIn("chat/view")].join("\n");
const scripts = `${ofPage}\n${panels}`;

const formsOf = (text) => (typeof text === "string" ? [text] : Object.values(text));
const valuesOf = (text) => new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, value]) => value));

test("there are four languages", () => {
  for (const tables of [languages, further.tables]) {
    assert.deepEqual(tables.map(([code]) => code).sort(), ["ar", "en", "ja", "zh"]);
  }
});

for (const [code, texts, english] of all()) {
  test(`the texts in ${code} are all there, with their values and forms`, () => {
    assert.deepEqual(Object.keys(texts), Object.keys(english));
    const categories = new Intl.PluralRules(code).resolvedOptions().pluralCategories.sort();
    for (const [name, text] of Object.entries(texts)) {
      const kind = typeof english[name];
      assert.equal(typeof text, kind, name);
      if (kind === "object") assert.deepEqual(Object.keys(text).sort(), categories, name);
      const known = new Set(formsOf(english[name]).flatMap((form) => [...valuesOf(form)]));
      for (const form of formsOf(text)) {
        assert.notEqual(form.trim(), "", name);
        for (const value of valuesOf(form)) assert.ok(known.has(value), `${name} has no {${value}}`);
      }
      // One form may say "one" in words, but the last one has everything.
      assert.deepEqual(valuesOf(formsOf(text).at(-1)), known, name);
    }
  });
}

for (const [code, texts, english] of all().filter(([code]) => code !== "en")) {
  test(`the texts in ${code} differ from the English ones`, () => {
    const same = Object.keys(texts).filter((name) => JSON.stringify(texts[name]) === JSON.stringify(english[name]));
    assert.deepEqual(same, []);
  });
}

test("every text is used, and every text that is used is there", () => {
  const codes = [...readFileSync(README, "utf8").matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  const places = [...html.matchAll(/ data-(?:text|label|title|placeholder)="(\w+)"/g)].map(([, name]) => name);
  for (const name of places) assert.ok(name in english, `index.html: ${name}`);
  const calledIn = (scripts) => [...scripts.matchAll(/\btext\("(\w+)"/g)].map(([, name]) => name);
  const called = calledIn(ofPage);
  for (const name of called) assert.ok(name in english, `a script: ${name}`);
  for (const name of calledIn(panels)) assert.ok(name in english || name in further.english, `a panel: ${name}`);
  const named = new Set([...places, ...[...scripts.matchAll(/"(\w+)"/g)].map(([, name]) => name)]);
  assert.ok(called.length > 30);
  for (const name of Object.keys({ ...english, ...further.english })) {
    assert.ok(!(name in english && name in further.english), `${name} is there twice`);
    const isUsed = named.has(name) || [...codes, ...CODES_OF_CLIENT].includes(name);
    assert.ok(isUsed, `nobody uses ${name}`);
  }
});

test("what the page says before its scripts have come is the English text", () => {
  const elements = [...html.matchAll(/ data-text="(\w+)"[^>]*>([^<]*)</g)];
  assert.ok(elements.length > 30);
  for (const [, name, text] of elements) assert.equal(text, english[name], name);
  for (const [element, attribute] of [["label", "aria-label"], ["title", "title"], ["placeholder", "placeholder"]]) {
    for (const [tag, name] of html.matchAll(new RegExp(`<[^>]* data-${element}="(\\w+)"[^>]*>`, "g"))) {
      assert.ok(tag.includes(` ${attribute}="${english[name]}"`), tag);
    }
  }
});

test("the scripts of the page have no texts of their own", () => {
  const plain = scripts.replace(/\$\{[^}]*\}/g, "");
  const own = [...plain.matchAll(/\b(?:textContent|title|ariaLabel|placeholder) = ["`][^"`]*\p{L}{3}/gu)];
  assert.deepEqual(own.map(([text]) => text), []);
});

test("the styles know no left and right: lines may run either way", () => {
  const sheets = ["chat.css", ...readdirSync(join(WEB, "chat/style")).map((file) => `chat/style/${file}`)];
  const physical = /(?:^|[\s;{-])(?:left|right)\s*:|(?:margin|padding|border)-(?:left|right)|text-align:\s*(?:left|right)|float:/;
  for (const sheet of sheets) {
    const lines = read(sheet).split("\n").filter((line) => physical.test(line));
    assert.deepEqual(lines, [], sheet);
  }
});

/** The tables of all languages, each beside the English one. */
function all() {
  return [[languages, english], [further.tables, further.english]].flatMap(([tables, english]) =>
    tables.map(([code, texts]) => [code, texts, english]));
}

// Emoji by their names, while one types.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("emoji are offered by their names, and taken with the keyboard or the pointer", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  const loaded = [];
  ada.page.on("request", (request) => loaded.push(request.url()));
  const text = ada.page.locator("#text");
  const offered = ada.page.locator("#suggestions:visible li");
  const value = () => text.inputValue();

  await text.pressSequentially("at 12:30 or a:bc :t");
  assert.equal(await offered.count(), 0);
  assert.deepEqual(loaded, [], "nothing is loaded for what is no name");
  await text.pressSequentially("ad");
  await ada.until("they are offered", async () => (await offered.count()) > 0);
  assert.equal(loaded.length, 1);
  assert.equal(await offered.first().textContent(), "🎉:tada:");
  assert.equal(await text.getAttribute("aria-activedescendant"), "suggestion-0");
  await ada.screenshot("emoji-offered");
  await text.press("Enter");
  assert.equal(await value(), "at 12:30 or a:bc 🎉 ");
  assert.equal(await offered.count(), 0);

  await text.pressSequentially("and :thumb");
  await offered.nth(1).waitFor();
  const names = await offered.allTextContents();
  await text.press("ArrowDown");
  assert.equal(await text.getAttribute("aria-activedescendant"), "suggestion-1");
  await text.press("ArrowUp");
  await text.press("ArrowUp");
  assert.equal(await offered.and(ada.page.locator('[aria-selected="true"]')).textContent(), names.at(-1));
  await offered.first().click();
  assert.match(await value(), /and \S+ $/);
  assert.ok(await text.evaluate((field) => field === document.activeElement), "the field keeps the focus");

  // Declined, it is not offered again, and Enter sends.
  await text.fill("");
  await text.pressSequentially("really :smil");
  await offered.first().waitFor();
  await text.press("Escape");
  assert.equal(await offered.count(), 0);
  await text.press("Enter");
  await ada.sees("really :smil");
  // Nor is what nobody calls so.
  await text.pressSequentially(":qqqq");
  assert.equal(await offered.count(), 0);
});

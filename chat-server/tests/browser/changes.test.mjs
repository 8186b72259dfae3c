// Messages that are edited, deleted and reacted to: by the reader, by others, and while nobody looks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

const LUNCH = "Lunch at one? <b>Really</b>";

const act = (visitor, text, name) =>
  visitor.message(text).hover().then(() => visitor.message(text).locator(".actions").getByText(name, { exact: true }).click());

test("what one changes, all see", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("Lunch at twelve?");
  await ada.send("The wrong chat, sorry");
  await bob.sees("The wrong chat, sorry");

  await act(ada, "Lunch at twelve?", "Edit");
  const field = ada.page.locator("#text");
  assert.equal(await field.inputValue(), "Lunch at twelve?");
  await field.press("Escape");
  assert.equal(await field.inputValue(), "", "what was written before");
  await field.press("ArrowUp");
  assert.equal(await field.inputValue(), "The wrong chat, sorry", "the last one");
  await field.press("Escape");
  await act(ada, "Lunch at twelve?", "Edit");
  await field.fill(LUNCH);
  await field.press("Enter");
  for (const visitor of [ada, bob]) {
    await visitor.sees(LUNCH);
    await visitor.message(LUNCH).locator(".edited:visible").waitFor();
  }
  assert.equal(await field.inputValue(), "");

  await act(bob, LUNCH, "👍");
  for (const visitor of [ada, bob]) {
    const reaction = visitor.message(LUNCH).locator(".reaction");
    await reaction.waitFor();
    assert.equal(await reaction.textContent(), "👍 1");
    assert.equal(await reaction.getAttribute("aria-pressed"), String(visitor === bob));
  }
  await ada.message(LUNCH).locator(".reaction").click();
  for (const visitor of [ada, bob]) await visitor.message(LUNCH).locator(".reaction:text-is('👍 2')").waitFor();
  await bob.message(LUNCH).locator(".reaction").click();
  for (const visitor of [ada, bob]) await visitor.message(LUNCH).locator(".reaction:text-is('👍 1')").waitFor();

  assert.equal(await bob.message("The wrong chat, sorry").locator(".delete:visible").count(), 0, "it is not Bob's");
  await act(ada, "The wrong chat, sorry", "Delete");
  await bob.sees("The wrong chat, sorry");
  await ada.screenshot("chat-changes");
  await act(ada, "The wrong chat, sorry", "Delete for all?");
  const late = await Visitor.open(t, server.url, { name: "Eve" });
  for (const visitor of [ada, bob, late]) {
    await visitor.sees("This message was deleted.");
    assert.equal(await visitor.page.getByText("The wrong chat").count(), 0);
    await visitor.message(LUNCH).locator(".reaction:text-is('👍 1')").waitFor();
  }
});

test("changes that were made meanwhile are there after a lost connection and a reload", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("one");
  await ada.send("two");
  await bob.sees("two");
  const back = await bob.cutOff();
  await bob.page.evaluate(() => dispatchEvent(new Event("offline")));
  await act(ada, "two", "Delete");
  await act(ada, "two", "Delete for all?");
  await act(ada, "one", "Edit");
  await ada.page.locator("#text").fill("uno");
  await ada.page.locator("#text").press("Enter");
  await ada.sees("uno");
  await back();
  for (const again of [false, true]) {
    if (again) await bob.page.reload();
    await bob.sees("uno");
    await bob.sees("This message was deleted.");
    assert.equal(await bob.page.getByText("two", { exact: true }).count(), 0);
  }
});

test("on a phone, a tap on a message shows what one can do with it", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { device: PHONE });
  await ada.send("Typo");
  const message = ada.message("Typo");
  assert.equal(await message.locator(".actions").isVisible(), false);
  await message.locator(".text").tap();
  await ada.screenshot("chat-phone-actions");
  for (const button of await message.locator(".act:visible").all()) {
    const { width, height } = await button.boundingBox();
    assert.ok(width >= 44 && height >= 44, await button.textContent());
  }
  await message.locator(".act.edit").tap();
  await ada.page.locator("#text").fill("No typo");
  await ada.page.locator("#send").tap();
  await ada.sees("No typo");
});

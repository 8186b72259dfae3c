// What is written and not sent: kept over reloads and closed tabs, by user and conversation, and never overwritten.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

const field = ({ page }) => page.locator("#text");
const written = async (visitor, text) =>
  visitor.until(`${text} is in the field`, async () => (await field(visitor).inputValue()) === text);

test("a draft is there after a reload, is told of in the side bar, and goes when it is sent", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.join("rust");
  await field(ada).pressSequentially("about rust");
  const draft = (name) => ada.entry(name).locator(".draft");
  assert.equal(await draft("rust").textContent(), "", "it is open");
  await ada.show("general");
  await written(ada, "");
  assert.equal(await draft("rust").textContent(), "Draft");
  await field(ada).pressSequentially("hello");
  await ada.screenshot("draft");
  await ada.page.reload();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await written(ada, "hello");
  assert.equal(await draft("rust").textContent(), "Draft");
  await field(ada).press("Enter");
  await ada.sees("hello");
  await ada.show("rust");
  await written(ada, "about rust");
  await field(ada).fill("");
  await ada.show("general");
  await ada.until("it is no draft any more", async () => (await draft("rust").textContent()) === "");
  await ada.page.reload();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await written(ada, "");
  assert.equal(await ada.page.evaluate(() => Object.keys(localStorage).filter((name) => name.includes("draft.")).length), 0);
});

test("two tabs have drafts of their own, and what a closed one leaves is found in the other", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const first = ada.page;
  await field(ada).pressSequentially("in the first");
  const second = await ada.tab(server.url);
  ada.page = second;
  await written(ada, "");
  await field(ada).pressSequentially("in the second");
  for (const [page, text] of [[first, "in the first"], [second, "in the second"]]) {
    ada.page = page;
    await ada.page.reload();
    await ada.page.locator('#status[data-state="connected"]').waitFor();
    await written(ada, text);
  }
  await first.close({ runBeforeUnload: false });
  // Nothing takes the place of what is typed; the rest is there for the next tab.
  await written(ada, "in the second");
  ada.page = await ada.tab(server.url);
  await written(ada, "in the first");
  ada.page = second;
  await written(ada, "in the second");
});

test("a draft is its user's, and is gone when the user signs out", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.join("rust");
  await field(ada).pressSequentially("a thought of Ada's");
  await ada.show("general");
  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Write anonymously" }).click();
  await ada.has("#me-name", "Choose a name");
  await ada.show("rust");
  await written(ada, "");
  await ada.become("Ada");
  await ada.show("general");
  await ada.show("rust");
  await written(ada, "a thought of Ada's");
  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await ada.page.getByRole("button", { name: "Sign out of this device?" }).click();
  await ada.has("#me-name", "Choose a name");
  assert.equal(await ada.page.evaluate(() => JSON.stringify({ ...localStorage }).includes("a thought")), false);
});

test("a message that waits is taken back, into the field if that is empty", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.context.setOffline(true);
  await ada.page.locator('#status[data-state="offline"]').waitFor();
  for (const text of ["first", "second", "third"]) await ada.write(text);
  const takeBack = (text) => ada.message(text).getByRole("button", { name: "Do not send" }).click();
  await takeBack("first");
  await written(ada, "first");
  await takeBack("second");
  await written(ada, "first");
  await ada.shows(["third"]);
  await ada.screenshot("waiting-can-be-taken-back");
  await ada.context.setOffline(false);
  await ada.message("third").and(ada.page.locator('[data-state="sent"]')).waitFor();
  await bob.shows(["third"]);
});

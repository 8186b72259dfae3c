// Messages that wait for the connection when a tab is closed: none is lost, and none is stored twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("what waits when the tab is closed is sent when the page is opened again, once", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.writeTo("Bob");
  await ada.send("first");
  const connect = await ada.cutOff();
  await goOffline(ada);
  await ada.write("a secret");
  await ada.show("general");
  const written = Array.from({ length: 5 }, (_, n) => `waiting ${n}`);
  for (const text of written) await ada.write(text);
  await ada.message("waiting 4").and(ada.page.locator('[data-state="pending"]')).waitFor();
  await closeAsked(ada);

  await ada.context.setOffline(false);
  ada.page = await ada.tab(server.url, "reconnecting");
  await ada.shows(written);
  assert.equal(await ada.page.locator('.message.own[data-state="pending"]').count(), 5);
  await ada.screenshot("waiting-after-reopening");
  await connect();
  await ada.message("waiting 4").and(ada.page.locator('[data-state="sent"]')).waitFor();
  await ada.shows(written);
  await ada.screenshot("sent-after-reopening");
  await ada.show("Bob");
  await ada.shows(["first", "a secret"]);
  await bob.shows(written);
  await bob.show("Ada");
  await bob.shows(["first", "a secret"]);
  // Nothing waits any more: the browser does not ask, and nothing is sent again.
  await ada.page.reload();
  await ada.shows(["first", "a secret"]);
  await ada.send("last");
  await bob.shows(["first", "a secret", "last"]);
});

test("a reader without a name finds what waited as well", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = await Visitor.open(t, server.url);
  await reader.send("first");
  const connect = await reader.cutOff();
  await goOffline(reader);
  await reader.write("second");
  await closeAsked(reader);
  await reader.context.setOffline(false);
  reader.page = await reader.tab(server.url, "reconnecting");
  await reader.message("second").and(reader.page.locator('.own[data-state="pending"]')).waitFor();
  await connect();
  await reader.message("second").and(reader.page.locator('.own[data-state="sent"]')).waitFor();
  await reader.shows(["first", "second"]);
});

for (const name of ["Ada", undefined]) {
  const who = name ? "with a name" : "without a name";
  test(`two tabs that wait with the same message, ${who}, show it as sent, and it is stored once`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const ada = await Visitor.open(t, server.url, { name });
    const connect = await ada.cutOff();
    await goOffline(ada);
    await ada.write("from the first tab");
    await ada.context.setOffline(false);
    const first = ada.page;
    const second = await ada.tab(server.url, "reconnecting");
    for (ada.page of [first, second]) {
      await ada.message("from the first tab").and(ada.page.locator('.own[data-state="pending"]')).waitFor();
    }
    await connect();
    for (ada.page of [first, second]) {
      await ada.message("from the first tab").and(ada.page.locator('.own[data-state="sent"]')).waitFor();
    }
    await ada.send("from the second tab");
    for (ada.page of [first, second]) await ada.shows(["from the first tab", "from the second tab"]);
  });
}

test("what a closed tab leaves is sent by one that is open", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const other = await ada.tab(server.url);
  await goOffline(ada);
  await ada.write("left behind");
  await closeAsked(ada);
  ada.page = other;
  await ada.message("left behind").and(other.locator('.own[data-state="pending"]')).waitFor();
  await ada.context.setOffline(false);
  await ada.message("left behind").and(other.locator('.own[data-state="sent"]')).waitFor();
  await ada.shows(["left behind"]);
});

test("what was written under a name is not sent without one unless its author wants so", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const connect = await ada.cutOff();
  await goOffline(ada);
  for (const text of ["sent after all", "discarded"]) await ada.write(text);
  await closeAsked(ada);
  await ada.context.setOffline(false);
  const empty = await ada.context.newPage();
  await empty.goto(`${server.url}/favicon.svg`);
  await empty.evaluate(() => localStorage.setItem("chat.name", "null"));
  await empty.close();
  await connect();

  ada.page = await ada.tab(server.url);
  const other = await ada.tab(server.url);
  const failure = (text) => ada.message(text).locator(".failure");
  await failure("discarded").waitFor();
  assert.match(await failure("discarded").textContent(), /Not sent\. You wrote this as Ada, and have no name now\./);
  await ada.screenshot("written-as-other");
  await failure("discarded").getByRole("button", { name: "Discard" }).click();
  await failure("sent after all").getByRole("button", { name: "Try again" }).click();
  await ada.message("sent after all").and(ada.page.locator('.own[data-state="sent"]')).waitFor();
  for (ada.page of [ada.page, other]) await ada.shows(["sent after all"]);
  await ada.page.reload();
  await ada.shows(["sent after all"]);
});

test("where nothing can be remembered the browser asks, and what waits is sent all the same", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  // As when the storage is full.
  await ada.page.evaluate(() => (Storage.prototype.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  }));
  await goOffline(ada);
  await ada.write("not remembered");
  const asks = await ada.page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
  assert.ok(asks, "the browser would ask");
  await ada.context.setOffline(false);
  await ada.message("not remembered").and(ada.page.locator('[data-state="sent"]')).waitFor();
  const asksStill = await ada.page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
  assert.ok(!asksStill, "nothing waits any more");
  await ada.shows(["not remembered"]);
});

test("leaving a room gives up what waits for it", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.join("rust");
  await goOffline(ada);
  await ada.write("never mind");
  await ada.page.locator("#leave").click();
  await ada.has("#title-name", "general");
  await ada.context.setOffline(false);
  await ada.page.locator('#status[data-state="recovered"]').waitFor();
  await ada.join("rust");
  await ada.send("here again");
  await ada.shows(["here again"]);
  assert.deepEqual(await ada.page.evaluate(() => Object.keys(localStorage).filter((name) => /outbox\./.test(name))), []);
});

async function goOffline(visitor) {
  await visitor.context.setOffline(true);
  await visitor.page.locator('#status[data-state="offline"]').waitFor();
}

/** Closes the tab as its reader does, who is asked because something waits. */
async function closeAsked(visitor) {
  const { page } = visitor;
  const closed = page.waitForEvent("close");
  await visitor.isAskedAndLeaves(() => page.close({ runBeforeUnload: true }));
  await closed;
}

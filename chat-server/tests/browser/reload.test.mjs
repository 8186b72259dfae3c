// What a reload, and another tab, find: the place where the reader was, nothing missed and nothing twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { sendPipelined } from "../js/support/sender.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("a reload keeps the place", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["general", "rust"] } });
  await sendPipelined(writer, 120, (n) => `old ${n}`);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.sees("old 119");
  await ada.join("rust");
  await ada.send("mine");
  await send(writer, "elsewhere 1");
  await send(writer, "elsewhere 2");
  await ada.hasUnread("general", 2);

  await ada.page.goto("about:blank");
  await send(writer, "missed", null, { room: "rust" });
  await send(writer, "elsewhere 3");
  await ada.page.goto(server.url);

  await ada.sees("missed");
  await ada.has("#title-name", "rust");
  await ada.shows(["mine", "missed"]);
  assert.ok(await ada.message("mine").evaluate((row) => row.classList.contains("own")));
  await ada.hasUnread("general", 3);
  await ada.show("general");
  await ada.sees("elsewhere 3");
  await ada.sees("old 119");
  const texts = await ada.texts();
  assert.equal(new Set(texts).size, texts.length, "each message once");
  assert.deepEqual(texts.slice(-4), ["old 119", "elsewhere 1", "elsewhere 2", "elsewhere 3"]);
  assert.ok(await atEnd(ada), "the newest message is in view");
});

test("older messages come when one scrolls up, and the reader's place does not move", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  await sendPipelined(writer, 300, (n) => `old ${n}`);
  const ada = await Visitor.open(t, server.url);
  await ada.sees("old 299");
  const log = ada.page.locator("#log");
  await log.hover();
  for (let oldest = 250; oldest > 0; ) {
    await ada.page.mouse.wheel(0, -4000);
    await ada.page.waitForTimeout(50);
    oldest = Number((await ada.texts())[0].slice(4));
  }
  await ada.page.getByText("This is where general begins.").waitFor({ state: "attached" });
  await ada.shows(Array.from({ length: 300 }, (_, n) => `old ${n}`));

  await log.evaluate((element) => (element.scrollTop = 2000));
  await ada.page.waitForTimeout(100);
  const where = () => ada.message("old 100").evaluate((row) => Math.round(row.getBoundingClientRect().top));
  const before = await where();
  await send(writer, "something new");
  await ada.has("#jump-text", /^1 new since \d+:\d\d$/);
  assert.equal(await where(), before);
  await ada.page.locator("#jump").click();
  await ada.until("at the end", () => atEnd(ada));
  await ada.sees("something new");
});

test("what was written without a connection is sent after a reload, once", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("first");
  await ada.context.setOffline(true);
  await ada.page.locator('#status[data-state="offline"]').waitFor();
  await ada.write("second");
  await ada.write("third");
  await ada.message("third").and(ada.page.locator('[data-state="pending"]')).waitFor();
  await ada.screenshot("offline");
  const connect = await ada.cutOff();
  await ada.context.setOffline(false);
  await ada.isAskedAndLeaves(() => ada.page.reload());
  await connect();
  await ada.message("third").and(ada.page.locator('[data-state="sent"]')).waitFor();
  await ada.shows(["first", "second", "third"]);
});

test("a reader without a name knows its own messages after a reload, also one whose answer was lost", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = await Visitor.open(t, server.url);
  const own = reader.page.locator('.message.own[data-state="sent"]');
  await reader.send("first");
  await send(connect(t, server.url), "of another");
  await reader.sees("of another");
  // As it is when the server has stored a message and the page is closed before it knows.
  const key = "4f6f0b1e-6b9d-4a52-8d0e-3f2c5a7b9e11";
  const lost = { key, to: { kind: "room", name: "general" }, content: "second", as: null, at: Date.now(), state: "pending" };
  await reader.page.goto("about:blank");
  await send(connect(t, server.url), "second", key);
  await reader.page.goto(`${server.url}/favicon.svg`);
  await reader.page.evaluate((entry) => localStorage.setItem(`chat.outbox.${entry.key}`, JSON.stringify(entry)), lost);
  await reader.page.goto(server.url);
  await reader.message("second").and(own).waitFor();
  await reader.message("first").and(own).waitFor();
  await reader.shows(["first", "of another", "second"]);
  assert.equal(await own.count(), 2);
});

test("two tabs share what was read and the rooms", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["general", "rust"] } });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("hello");
  const first = ada.page;
  ada.page = await ada.tab(server.url);
  await ada.join("rust");
  const second = ada.page;
  ada.page = first;
  await ada.entry("rust").waitFor();
  await send(writer, "news", null, { room: "rust" });
  await ada.hasUnread("rust", 0);
  ada.page = second;
  await ada.send("from the other tab");
  await ada.show("general");
  await ada.show("rust");
  ada.page = first;
  await ada.show("rust");
  await ada.sees("from the other tab");
  assert.equal(await ada.page.locator(".message.own").count(), 1, "what one writes in another tab is one's own");
});

function atEnd(visitor) {
  return visitor.page.locator("#log").evaluate(
    ({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2,
  );
}

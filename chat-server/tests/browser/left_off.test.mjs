// Reading goes on where it was left: in a room that is opened, after a reload, and on another device.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { sendPipelined } from "../js/support/sender.mjs";
import { Server } from "../js/support/server.mjs";
import { ask } from "../js/support/users.mjs";
import { Visitor } from "./support/visitor.mjs";

// Of the message, or the line above it, in the part of the list that is in view.
async function topOf(visitor, text) {
  const [row, log] = await Promise.all([visitor.message(text).boundingBox(), visitor.page.locator("#log").boundingBox()]);
  return row === null ? Infinity : row.y - log.y;
}

const lines = (visitor) => visitor.page.locator(".message .new:visible").count();

async function reading(t, count) {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["general", "rust"] } });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await send(writer, "the first");
  await ada.sees("the first");
  await ada.join("rust");
  await sendPipelined(writer, count, (n) => `news ${n}`);
  await ada.hasUnread("general", count > 99 ? "99+" : count);
  return { server, writer, ada };
}

test("a room opens at the first unread message, and what is passed is read", { timeout: 60_000 }, async (t) => {
  const { ada } = await reading(t, 80);
  await ada.show("general");
  await ada.has("#jump-text", /^\d+ new since \d+:\d\d$/);
  const top = await topOf(ada, "news 0");
  assert.ok(top >= 0 && top < 60, `the first unread message is at ${top}`);
  assert.equal(await lines(ada), 1);
  assert.equal(await ada.message("news 0").locator(".new").isVisible(), true);
  const unread = async () => Number(await ada.entry("general").locator(".unread").textContent());
  await ada.until("what is in view is read", async () => (await unread()) < 80);
  const before = await unread();
  assert.ok(before > 50, `${before} are unread`);
  await ada.screenshot("left-off");
  await ada.page.locator("#log").hover();
  await ada.page.mouse.wheel(0, 400);
  await ada.until("what was passed is read", async () => (await unread()) < before);
  assert.ok((await unread()) > 0);
  await ada.page.locator("#jump").click();
  await ada.hasUnread("general", 0);
  await ada.page.locator("#jump").waitFor({ state: "hidden" });
});

test("a reader who is not at the page reads nothing until coming back", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("hello");
  await ada.page.evaluate(() => (document.hasFocus = () => false));
  await send(writer, "while away");
  await ada.sees("while away");
  await ada.hasUnread("general", 1);
  assert.equal(await lines(ada), 1);
  await ada.page.evaluate(() => {
    delete document.hasFocus;
    window.dispatchEvent(new Event("focus"));
  });
  await ada.hasUnread("general", 0);
});

test("after a reload reading goes on at the first unread message, however far back it is", { timeout: 60_000 }, async (t) => {
  const { server, writer, ada } = await reading(t, 1);
  await ada.show("general");
  await ada.hasUnread("general", 0);
  await ada.page.goto("about:blank");
  await sendPipelined(writer, 300, (n) => `missed ${n}`);
  await ada.page.goto(server.url);
  await ada.has("#jump-text", /^\d+ new since/);
  await ada.until("the first is at the top", async () => (await ada.message("missed 0").count()) === 1 && (await topOf(ada, "missed 0")) < 60);
  assert.ok((await topOf(ada, "missed 0")) >= 0);
  await ada.hasUnread("general", "99+");
});

test("what was read on one device is where another one begins", { timeout: 60_000 }, async (t) => {
  const { server, ada } = await reading(t, 80);
  const remembered = await names(ada);
  const asker = connect(t, server.url);
  await ask(asker, "nickname", "Ada", remembered["chat.token"]);
  const unread = async () => (await ask(asker, "unread")).rooms.find(({ room }) => room === "general").unread;
  await ada.show("general");
  await ada.has("#jump-text", /^\d+ new since/);
  // The page tells what is read after a moment.
  await ada.until("the server knows what was read", async () => (await unread()) < 80);
  const left = await unread();
  assert.ok(left > 0, `${left} are unread`);
  const device = await Visitor.open(t, server.url, { remembered });
  await device.has("#me-name", "Ada");
  await device.has("#jump-text", /^\d+ new since/);
  await device.until("it begins with the first unread message", async () => await device.message(`news ${80 - left}`).locator(".new").isVisible());
  const shown = Number(await device.entry("general").locator(".unread").textContent());
  assert.ok(shown > 0 && shown <= left, `${shown} of ${left} are unread`);
});

// What makes another browser one of the same user.
async function names(visitor) {
  return visitor.page.evaluate(() => Object.fromEntries(["name", "token"].map((key) => [`chat.${key}`, JSON.parse(localStorage.getItem(`chat.${key}`))])));
}

test("messages are made unread again, and stay so elsewhere and after a reload", { timeout: 60_000 }, async (t) => {
  const { ada } = await reading(t, 4);
  await ada.show("general");
  await ada.hasUnread("general", 0);
  await ada.message("news 2").hover();
  await ada.page.getByRole("button", { name: "Unread from here" }).click();
  await ada.hasUnread("general", 2);
  assert.equal(await ada.message("news 2").locator(".new").isVisible(), true);
  await ada.has("#jump-text", /^2 new since/);
  await ada.show("rust");
  await ada.hasUnread("general", 2);
  await ada.page.reload();
  await ada.has("#status", "Connected");
  await ada.hasUnread("general", 2);
  await ada.show("general");
  await ada.hasUnread("general", 0);
  assert.equal(await ada.message("news 2").locator(".new").isVisible(), true);
});

test("the day above messages leads to other days", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  await sendPipelined(writer, 300, (n) => `old ${n}`);
  const ada = await Visitor.open(t, server.url);
  await ada.sees("old 299");
  await ada.page.locator(".earlier").or(ada.page.locator(".to-day:visible")).first().waitFor();
  await ada.page.locator(".to-day:visible").first().click();
  const day = ada.page.getByLabel("Day", { exact: true });
  await day.fill("2020-02-29");
  await ada.page.getByRole("button", { name: "Go there" }).click();
  await ada.until("the first message is at the top", async () => (await ada.message("old 0").count()) === 1 && (await topOf(ada, "old 0")) < 300);
  await ada.shows(Array.from({ length: 300 }, (_, n) => `old ${n}`));
  await ada.page.locator("#jump").click();
  await ada.until("the newest is in view", async () => (await topOf(ada, "old 299")) < 800);
});

test("below one's last message stands who has read it, and what one reads on one device is read on the other", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("who reads this?");
  await bob.sees("who reads this?");
  await ada.has(".seen-by", "Seen by Bob");
  // Also for who comes later.
  await ada.page.reload();
  await ada.has(".seen-by", "Seen by Bob");
  const device = await Visitor.open(t, server.url, { remembered: await names(bob) });
  await device.has("#me-name", "Bob");
  await device.join("rust");
  await bob.page.evaluate(() => (document.hasFocus = () => false));
  await ada.send("news");
  await bob.hasUnread("general", 1);
  await device.hasUnread("general", 1);
  await ada.writeTo("Bob");
  await ada.send("psst");
  await bob.hasUnread("Ada", 1);
  await device.hasUnread("Ada", 1);
  await device.show("general");
  await bob.hasUnread("general", 0);
  await device.show("Ada");
  await bob.hasUnread("Ada", 0);
});

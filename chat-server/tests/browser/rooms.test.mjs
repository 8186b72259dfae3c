// Several rooms in the side bar, with what is unread in each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("what is written in another room is counted until it is read", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.join("rust");
  await bob.join("rust");
  await bob.send("in rust");
  await ada.sees("in rust");
  await ada.show("general");

  for (const number of [1, 2, 3]) await bob.send(`unseen ${number}`);
  await ada.hasUnread("rust", 3);
  await ada.until("the title counts", async () => (await ada.page.title()) === "(3) general – Chat");
  assert.equal(await ada.message("unseen 1").count(), 0, "a message of another room is shown");

  await ada.show("rust");
  await ada.sees("unseen 3");
  await ada.hasUnread("rust", 0);
  await ada.shows(["in rust", "unseen 1", "unseen 2", "unseen 3"]);
  assert.ok(await ada.message("unseen 1").locator(".new").isVisible(), "new messages are marked");
  assert.equal(await ada.page.locator(".new:visible").count(), 1);
  await ada.until("the title counts no more", async () => (await ada.page.title()) === "rust – Chat");
  await ada.screenshot("rooms");
});

test("a room that was left says nothing any more, and its history is there on return", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["rust"] } });
  await send(writer, "before", null, { room: "rust" });
  const ada = await Visitor.open(t, server.url);
  assert.ok(!(await ada.page.locator("#leave").isVisible()), "the only room cannot be left");
  await ada.join("rust");
  await ada.sees("before");

  await ada.page.getByRole("button", { name: "Leave rust" }).click();
  await ada.has("#title-name", "general");
  await send(writer, "meanwhile", null, { room: "rust" });
  await ada.send("here");
  assert.equal(await ada.entry("rust").count(), 0);

  await ada.join("rust");
  await ada.sees("meanwhile");
  await ada.shows(["before", "meanwhile"]);
});

test("a draft stays in its room", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  await ada.join("rust");
  await ada.page.locator("#text").fill("half a thought");
  await ada.show("general");
  assert.equal(await ada.page.locator("#text").inputValue(), "");
  await ada.show("rust");
  assert.equal(await ada.page.locator("#text").inputValue(), "half a thought");
});

test("a room that cannot be is refused beside the field", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  await ada.page.getByRole("button", { name: "Join or create a room" }).click();
  await ada.page.getByLabel("Name of the room").fill("ü".repeat(200));
  await ada.page.getByRole("button", { name: "Join", exact: true }).click();
  await ada.has("#room-error", /256/);
  await ada.page.keyboard.press("Escape");
  assert.deepEqual(await ada.page.locator("#rooms .name").allTextContents(), ["general"]);
});

// Private conversations.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("two people write privately, and nobody else sees it", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const eve = await Visitor.open(t, server.url, { name: "Eve" });

  // However the name is written.
  await ada.page.getByRole("button", { name: "Write to somebody privately" }).click();
  await ada.page.getByLabel("Their name").fill("  bOB ");
  await ada.page.getByLabel("Their name").press("Enter");
  await ada.has("#empty-text", /Only you and/);
  await ada.send("a secret");
  await bob.hasUnread("Ada", 1);
  await bob.show("Ada");
  await bob.sees("a secret");
  await bob.send("kept");
  await ada.sees("kept");
  assert.equal(await ada.page.locator("#people .entry").count(), 1, "one conversation");
  await bob.screenshot("private");

  await bob.show("general");
  await bob.send("to all");
  await eve.sees("to all");
  await eve.shows(["to all"]);
  assert.equal(await eve.page.locator("#people .entry").count(), 0);
});

test("a private message waits for somebody who is not there", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("hello all");
  await bob.sees("hello all");
  await bob.page.close();

  await ada.writeTo("Bob");
  await ada.send("when you are back");
  await ada.send("call me");

  bob.page = await bob.tab(server.url);
  await bob.hasUnread("Ada", 2);
  await bob.show("Ada");
  await bob.sees("call me");
  await bob.shows(["when you are back", "call me"]);
});

test("who has no name is asked for one first", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url);
  await ada.page.getByRole("button", { name: "Write to somebody privately" }).click();
  await ada.page.getByLabel("Name", { exact: true }).fill("Ada");
  await ada.page.getByRole("button", { name: "Use this name" }).click();
  await ada.page.getByLabel("Their name").fill("Nobody");
  await ada.page.getByLabel("Their name").press("Enter");
  await ada.has("#person-error", "Nobody has this name.");
  await ada.page.getByLabel("Their name").fill("ada");
  await ada.page.getByLabel("Their name").press("Enter");
  await ada.has("#person-error", "This is your own name.");
  await ada.page.getByLabel("Their name").fill("Bob");
  await ada.page.getByLabel("Their name").press("Enter");
  await ada.has("#title-name", "Bob");
});

// Who is here, and who is typing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("members come and go, and one writes to them from their list", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const eve = await Visitor.open(t, server.url);

  await ada.has("#members-title", "3 online");
  await ada.until("the named are listed", async () => (await names(ada)).join() === "Ada,Bob");
  await ada.has("#members-others", "1 person without a name");
  await eve.become("Eve");
  await ada.until("the new name is listed", async () => (await names(ada)).join() === "Ada,Bob,Eve");
  await ada.has("#members-others", "");
  await ada.screenshot("members");

  await ada.page.locator("#members").getByRole("button", { name: "Bob" }).click();
  await ada.has("#title-name", "Bob");
  await ada.send("psst");
  await bob.hasUnread("Ada", 1);
  const bobsAvatar = ada.entry("Bob").locator(".avatar");
  assert.ok(await bobsAvatar.evaluate((avatar) => avatar.classList.contains("here")), "Bob is here");

  await eve.join("rust");
  await eve.has("#members-title", "1 online");
  // Closed on purpose, as a tab is, or not: the server waits some seconds for who was cut off.
  await bob.page.close();
  await ada.until("Bob is gone", async () => !(await bobsAvatar.evaluate((avatar) => avatar.classList.contains("here"))));
  await ada.show("general");
  await ada.until("Bob is not listed", async () => (await names(ada)).join() === "Ada,Eve");
});

test("it is said who is typing, until it is sent or given up", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const eve = await Visitor.open(t, server.url);
  await ada.has("#members-title", "3 online");

  await bob.page.locator("#text").pressSequentially("Hel");
  await ada.has("#typing", /Bob.* is typing…/);
  await ada.screenshot("typing");
  await eve.page.locator("#text").pressSequentially("I");
  await ada.has("#typing", /Bob.* and Somebody are typing…/);
  await bob.page.locator("#text").press("Enter");
  await ada.sees("Hel");
  await ada.has("#typing", "Somebody is typing…");
  await eve.page.locator("#text").fill("");
  await ada.has("#typing", "");
  await bob.has("#typing", "");
});

const names = (visitor) => visitor.page.locator("#members-list .name").allTextContents();

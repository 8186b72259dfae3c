// Rooms that are kept: creating one, its rules, its members, invitations, and the log of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { Visitor } from "./support/visitor.mjs";

const ROOMS = { env: { CHAT_ROOMS: "true" } };

/** Opens what is kept of the open room, and waits for its members. */
async function about({ page }) {
  await page.locator("#about-room").click();
  await page.locator(".members-of-room li").first().waitFor();
}

const close = ({ page }) => page.locator(".panel-dialog .cancel").last().click();

/** Creates a room by the page. */
async function create(visitor, name, { topic = "", visibility = "public" } = {}) {
  const { page } = visitor;
  await page.getByRole("button", { name: "Join or create a room" }).click();
  await page.getByLabel("Name of the room").fill(name);
  await page.getByRole("button", { name: "Create a room with rules" }).click();
  assert.equal(await page.getByLabel("What it is called").inputValue(), name);
  await page.getByLabel("What it is about").fill(topic);
  await page.getByLabel("Who finds and reads it").selectOption(visibility);
  await page.getByRole("button", { name: "Create it" }).click();
  await visitor.has("#title-name", name);
}

test("a private room is created, others come by invitation, and only whom the owner lets write", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t, ROOMS);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await create(ada, "team", { topic: "Only for us", visibility: "private" });
  await ada.has("#topic", "Only for us");
  await ada.send("hello team");
  await bob.page.getByRole("button", { name: "Join or create a room" }).click();
  await bob.page.getByLabel("Name of the room").fill("team");
  await bob.page.getByRole("button", { name: "Join", exact: true }).click();
  await bob.has("#room-error", /may not do that/);
  await bob.page.keyboard.press("Escape");

  await about(ada);
  assert.equal(await ada.page.getByLabel("What it is about").inputValue(), "Only for us");
  await ada.page.getByLabel("For how many").fill("2");
  await ada.page.getByRole("button", { name: "Invite", exact: true }).click();
  const link = await ada.page.locator(".shared input").inputValue();
  await ada.page.getByText("for 2 more").waitFor();
  await ada.screenshot("room-owner");
  assert.deepEqual(await audit(ada), []);
  // In the page that is open, as when the link is followed there.
  await bob.page.evaluate((hash) => (location.hash = hash), new URL(link).hash);
  await bob.has("#title-name", "team");
  await bob.shows(["hello team"]);
  await bob.has("#topic", "Only for us");
  assert.equal(bob.page.url(), `${server.url}/#room=team`, "the invitation is not in the address");
  await bob.send("thanks");
  const eve = await Visitor.open(t, link);
  await eve.page.getByText("You are invited").waitFor();
  await eve.become("Eve");
  await eve.has("#title-name", "team");
  const late = await Visitor.open(t, link, { name: "Late" });
  await late.page.getByText("This invitation is wrong, was used up").waitFor();
  await close(late);

  await ada.page.getByLabel("What it is about").fill("For all of us");
  await ada.page.getByRole("button", { name: "Set" }).click();
  await bob.has("#topic", "For all of us");
  await ada.page.getByLabel("Who writes there").selectOption("moderators");
  await ada.page.locator(".members-of-room li").nth(2).waitFor();
  await ada.page.getByLabel("Role of Bob").selectOption("moderator");
  await ada.until("he is a moderator", async () => (await ada.page.getByLabel("Role of Bob").inputValue()) === "moderator");
  await bob.send("as a moderator");
  await eve.write("as a member");
  await eve.page.getByText("Not sent. You may not do that here.").waitFor();
  await eve.page.getByRole("button", { name: "Discard" }).click();

  // A member sees what there is, and nothing to change.
  await about(eve);
  await eve.page.locator(".panel-dialog .topic", { hasText: "For all of us" }).waitFor();
  await eve.page.getByText("Members only · Moderators and owners").waitFor();
  assert.equal(await eve.page.locator(".panel-dialog select").count(), 0);
  await eve.screenshot("room-member");
  assert.equal(await eve.page.getByRole("button", { name: "Invite", exact: true }).count(), 0);
  await close(eve);

  // A moderator invites and removes members, and changes no rules.
  await about(bob);
  assert.equal(await bob.page.locator(".members-of-room select").count(), 0);
  const row = bob.page.locator(".members-of-room li", { hasText: "Eve" });
  await row.getByRole("button", { name: "Remove" }).click();
  await row.getByRole("button", { name: "Remove it?" }).click();
  await row.waitFor({ state: "detached" });
  await eve.page.getByText("You may not be in team any more.").waitFor();
  await bob.page.getByRole("button", { name: "Moderation log" }).click();
  await bob.page.getByText("Bob: removed").waitFor();
  await bob.screenshot("moderation-log");
  assert.deepEqual(await audit(bob), []);
  await close(bob);
  await close(bob);

  await ada.page.getByRole("button", { name: "Delete this room" }).click();
  await ada.page.getByRole("button", { name: "Delete it for all?" }).click();
  await ada.page.locator(".panel-dialog").waitFor({ state: "detached" });
  await bob.page.getByText("You may not be in team any more.").waitFor();
  await close(bob);
  await bob.write("too late");
  await bob.page.getByText("Not sent.").waitFor();
});

test("the last owner stays until somebody else owns the room, which is said in words", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, ROOMS);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await Visitor.open(t, server.url, { name: "Bob" });
  await create(ada, "rust");
  await about(ada);
  await ada.page.getByRole("button", { name: "Be a member no more" }).click();
  await ada.page.getByRole("button", { name: "Really?" }).click();
  await ada.page.getByText("The room would have no owner.").waitFor();
  await ada.page.getByLabel("Add somebody by name").fill("nobody");
  await ada.page.getByRole("button", { name: "Add", exact: true }).click();
  await ada.page.getByText("Nobody has this name.").waitFor();
  await ada.page.getByLabel("Add somebody by name").fill("bob");
  await ada.page.getByRole("button", { name: "Add", exact: true }).click();
  await ada.page.getByLabel("Role of Bob").selectOption("owner");
  await ada.page.locator(".members-of-room li").nth(1).waitFor();
  await ada.page.getByRole("button", { name: "Be a member no more" }).click();
  await ada.page.getByRole("button", { name: "Really?" }).click();
  await ada.page.getByText("1 member", { exact: true }).waitFor();
  assert.equal(await ada.page.getByRole("button", { name: "Delete this room" }).count(), 0);
});

test("where the server keeps no rooms, there is nothing of this", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("hello");
  assert.equal(await ada.page.locator("#about-room").isVisible(), false);
  await ada.page.getByRole("button", { name: "Join or create a room" }).click();
  assert.equal(await ada.page.locator("#create-room").isVisible(), false);
});

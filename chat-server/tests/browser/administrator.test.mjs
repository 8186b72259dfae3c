// A chat for invited users, from its first start: the administrator opens the link that is printed, and invites.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

test("the administrator comes by the link, creates a room, and invites others, who need no more than a name", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true", CHAT_REGISTRATION: "invite" } });
  const [, link] = /^administrator: (\S+)/m.exec(server.process.stdout);
  const ada = await Visitor.open(t, link);
  await ada.page.getByRole("button", { name: "Use this device" }).click();
  await ada.has("#me-name", "Administrator");
  await ada.become("Ada");
  await ada.page.getByRole("button", { name: "Join or create a room" }).click();
  await ada.page.getByRole("button", { name: "Create a room with rules" }).click();
  await ada.page.getByLabel("What it is called").fill("team");
  await ada.page.getByLabel("Who finds and reads it").selectOption("private");
  await ada.page.getByRole("button", { name: "Create it" }).click();
  await ada.has("#title-name", "team");
  await ada.send("welcome");
  await ada.page.locator("#about-room").click();
  await ada.page.getByRole("button", { name: "Invite", exact: true }).click();
  const invitation = await ada.page.locator(".shared input").inputValue();
  await ada.page.locator(".panel-dialog .cancel").click();

  const bob = await Visitor.open(t, invitation, { device: PHONE });
  await bob.page.getByText("You are invited").waitFor();
  await bob.screenshot("invited");
  await bob.page.locator("#accept").tap();
  await bob.page.getByLabel("Name", { exact: true }).fill("Bob");
  await bob.page.getByRole("button", { name: "Use this name" }).tap();
  await bob.has("#title-name", "team");
  await bob.shows(["welcome"]);
  await bob.send("thanks");

  // In every room, and out of all of them.
  await ada.show("general");
  await bob.page.locator("#side-open").tap();
  await bob.entry("general").tap();
  await bob.has("#title-name", "general");
  await bob.send("hello");
  await ada.sees("hello");
  await ada.page.getByRole("button", { name: "Moderate Bob" }).click();
  await ada.page.getByLabel("Where").selectOption("everywhere");
  await ada.page.getByLabel("Reason").fill("enough");
  await ada.page.getByRole("button", { name: "Ban", exact: true }).click();
  await ada.page.locator(".panel-dialog").waitFor({ state: "detached" });
  await bob.page.locator('#status[data-state="refused"]').waitFor();
  await ada.page.locator("#about-room").click();
  await ada.page.getByRole("button", { name: "Moderation log of all rooms" }).click();
  await ada.page.locator(".log-entries li", { hasText: "Ada: banned" }).getByText("enough").waitFor();
  await ada.screenshot("log-of-all");
  assert.equal(await ada.page.locator(".log-entries li", { hasText: "#team" }).count() > 0, true);
});

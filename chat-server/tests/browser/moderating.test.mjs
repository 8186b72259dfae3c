// What moderators do to messages and people, by the mouse and on a phone; and nothing of it for others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { connect } from "../js/support/client.mjs";
import { ask, tokenOf } from "../js/support/users.mjs";
import { audit } from "./support/audit.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

/** A server with the room "rust", which Ada owns, and her browser in it. */
async function owned(t, options) {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
  const owner = connect(t, server.url, { auth: { nickname: "Ada", token: tokenOf("Ada") } });
  await ask(owner, "create room", "rust", { topic: "Crates" });
  const remembered = { "chat.name": "Ada", "chat.token": tokenOf("Ada") };
  const ada = await Visitor.open(t, server.url, { remembered, ...options });
  owner.disconnect();
  return { server, ada };
}

test("a moderator deletes what others said, mutes, bans and sends out, with a reason", { timeout: 120_000 }, async (t) => {
  const { server, ada } = await owned(t);
  const eve = await Visitor.open(t, server.url, { name: "Eve" });
  for (const visitor of [ada, eve]) await visitor.join("rust");
  await eve.send("buy this");
  await ada.sees("buy this");
  await ada.send("no, thanks");
  await eve.sees("no, thanks");

  await eve.message("no, thanks").hover();
  assert.equal(await eve.message("no, thanks").locator(".delete:visible, .moderate:visible").count(), 0);
  assert.equal(await eve.page.locator("#members-list .moderate:visible").count(), 0);

  await ada.message("buy this").hover();
  await ada.message("buy this").locator(".delete").click();
  await ada.message("buy this").locator(".delete.sure").click();
  await eve.sees("This message was deleted.");

  const moderate = async () => {
    await ada.page.getByRole("button", { name: "Moderate Eve" }).click();
    await ada.page.getByText("As a moderator of rust").waitFor();
  };
  const done = () => ada.page.locator(".panel-dialog").waitFor({ state: "detached" });
  await moderate();
  await ada.screenshot("moderate");
  assert.deepEqual(await audit(ada), []);
  await ada.page.getByLabel("Reason").fill("advertising");
  await ada.page.getByLabel("For how long").selectOption({ label: "10 minutes" });
  await ada.page.getByRole("button", { name: "Mute", exact: true }).click();
  await done();
  await eve.write("am I heard?");
  await eve.page.getByText("Not sent. You may not do that here.").waitFor();
  await eve.page.getByRole("button", { name: "Discard" }).click();

  await moderate();
  await ada.page.getByRole("button", { name: "Lift mute and ban" }).click();
  await done();
  await eve.send("heard again");
  await ada.sees("heard again");

  // By a message, too.
  await ada.message("heard again").hover();
  await ada.message("heard again").locator(".moderate").click();
  await ada.page.getByLabel("Reason").fill("for now");
  await ada.page.getByRole("button", { name: "Send out of the room" }).click();
  await done();
  await eve.page.getByText("You may not be in rust any more. for now").waitFor();
  await eve.screenshot("sent-out");
  await eve.page.locator(".panel-dialog .cancel").click();
  await eve.write("still there?");
  await eve.page.getByText("You are not in this room any more.").waitFor();

  await ada.page.locator("#about-room").click();
  await ada.page.getByRole("button", { name: "Moderation log" }).click();
  await ada.page.locator(".log-entries li", { hasText: "Ada: muted" }).getByText("advertising").waitFor();
  await ada.page.locator(".log-entries li", { hasText: "Ada: sent out" }).getByText("Eve").waitFor();
});

test("a ban of somebody who may not be banned is refused in words", { timeout: 60_000 }, async (t) => {
  const { server, ada } = await owned(t);
  await ada.join("rust");
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await bob.join("rust");
  await ada.page.locator("#about-room").click();
  await ada.page.getByLabel("Add somebody by name").fill("Bob");
  await ada.page.getByRole("button", { name: "Add", exact: true }).click();
  await ada.page.getByLabel("Role of Bob").selectOption("moderator");
  await ada.page.keyboard.press("Escape");
  await bob.show("general");
  await bob.show("rust");
  await bob.page.getByRole("button", { name: "Moderate Ada" }).click();
  await bob.page.getByRole("button", { name: "Ban", exact: true }).click();
  await bob.page.locator(".panel-dialog .error", { hasText: "You may not do that here." }).waitFor();
});

test("on a phone, a long press on a person leads there", { timeout: 60_000 }, async (t) => {
  const { server, ada } = await owned(t, { device: PHONE });
  const eve = await Visitor.open(t, server.url, { name: "Eve" });
  await eve.join("rust");
  await ada.page.locator("#side-open").tap();
  await ada.join("rust");
  await ada.page.locator("#members-open").tap();
  const member = ada.page.locator("#members-list li", { hasText: "Eve" });
  // As the browser tells of a long press.
  await member.locator(".entry").dispatchEvent("contextmenu");
  await ada.page.getByText("As a moderator of rust").waitFor();
  await ada.screenshot("moderate-phone");
  for (const button of await ada.page.locator(".panel-dialog button:visible").all()) {
    assert.ok((await button.boundingBox()).height >= 44, await button.textContent());
  }
});

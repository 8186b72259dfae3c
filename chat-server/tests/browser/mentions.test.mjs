// Mentions: the people of the room are offered after "@", and whoever is mentioned finds where.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { sendPipelined } from "../js/support/sender.mjs";
import { Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

test("the people of the room are offered after an at sign, by any part of their name", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await Visitor.open(t, server.url, { name: "Grace Hopper" });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.until("both are here", async () => (await ada.page.locator("#members-count").textContent()) === "2");
  const { keyboard } = ada.page;
  await ada.page.locator("#text").pressSequentially("hello @");
  const offered = ada.page.getByRole("listbox", { name: "Members" }).getByRole("option");
  await offered.first().waitFor();
  assert.equal(await offered.count(), 1, "oneself is not among them");
  await keyboard.type("hop");
  await offered.filter({ hasText: "Grace Hopper" }).waitFor();
  await ada.screenshot("mention");
  await keyboard.press("Enter");
  assert.equal(await ada.page.locator("#text").inputValue(), "hello @Grace Hopper ");
  await keyboard.type("write to me@example.org");
  assert.equal(await offered.count(), 0, "an address mentions nobody");
});

// Grace mentions Ada twice among many messages, while Ada is elsewhere.
async function mentioned(t, options = {}) {
  const server = await Server.start(t);
  const grace = connect(t, server.url, { auth: { rooms: ["general", "rust"], nickname: "Grace" } });
  await send(grace, "before");
  const ada = await Visitor.open(t, server.url, { remembered: { "chat.conversations": { rooms: [{ name: "general" }, { name: "rust" }] }, "chat.open": "#rust" }, ...options });
  const isNarrow = await ada.page.locator("#side-open").isVisible();
  const open = async () => isNarrow && ada.page.locator("#side-open").click();
  await open();
  await ada.become("Ada");
  await ada.page.keyboard.press("Escape");
  await sendPipelined(grace, 40, (n) => `news ${n}`);
  await send(grace, "What do you think, @ada?");
  await sendPipelined(grace, 40, (n) => `more ${n}`);
  await send(grace, "@Ada: still there?");
  await sendPipelined(grace, 40, (n) => `rest ${n}`);
  return { grace, ada, open };
}

const counted = (visitor, name) => visitor.entry(name).locator(".for-me").textContent();

test("messages that mention the reader have a badge of their own, are highlighted, and are gone to one after the other", { timeout: 60_000 }, async (t) => {
  const { grace, ada } = await mentioned(t);
  await ada.hasUnread("general", "99+");
  await ada.until("two mentions", async () => (await counted(ada, "general")) === "@2");
  assert.match(await ada.entry("general").ariaSnapshot(), /123 unread, 2 mention you/);
  await ada.screenshot("mentions-badge");
  await ada.page.reload();
  await ada.until("two mentions after a reload", async () => (await counted(ada, "general")) === "@2");
  await ada.show("general");
  const button = ada.page.locator("#to-mention");
  await ada.has("#to-mention", "2 mentions");
  await button.click();
  await ada.message("What do you think, @ada?").and(ada.page.locator(".mention")).waitFor();
  assert.match(await ada.message("What do you think, @ada?").ariaSnapshot(), /, mentions you/);
  await ada.has("#to-mention", "1 mention");
  await ada.screenshot("mentions");
  assert.equal(await counted(ada, "general"), "@1");
  await button.click();
  await ada.until("the second is in view", () => ada.page.evaluate(() => {
    const [, second] = document.querySelectorAll(".mention");
    const { top, bottom } = second?.getBoundingClientRect() ?? {};
    return top > 0 && bottom < innerHeight;
  }));
  await button.waitFor({ state: "hidden" });
  assert.equal(await counted(ada, "general"), "");
  assert.equal(await ada.page.locator(".mention").count(), 2);
  // Private messages are for nobody else, either.
  await grace.emitWithAck("private message", "Ada", "psst");
  await ada.hasUnread("Grace", 1);
  await ada.entry("Grace").locator(".unread.is-for-me").waitFor();
});

for (const [look, options] of Object.entries({ "on a phone in the dark": { device: PHONE, colorScheme: "dark" }, "in the light": {} })) {
  test(`a checker of accessibility finds nothing where somebody is mentioned, ${look}`, { timeout: 60_000 }, async (t) => {
    const { ada, open } = await mentioned(t, { reducedMotion: "reduce", ...options });
    await open();
    await ada.until("two mentions", async () => (await counted(ada, "general")) === "@2");
    await ada.screenshot(`mentions-badge-${look.replaceAll(" ", "-")}`);
    assert.deepEqual(await audit(ada), []);
    await ada.show("general");
    await ada.page.locator("#to-mention").click();
    await ada.has("#to-mention", /^1 /);
    await ada.screenshot(`mentions-${look.replaceAll(" ", "-")}`);
    assert.deepEqual(await audit(ada), []);
  });
}

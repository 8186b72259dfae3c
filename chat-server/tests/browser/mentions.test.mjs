// Mentions: the people of the room are offered after "@".

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

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

// The page on a phone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

test("rooms are in a drawer, and the conversation has the screen", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["general", "rust"], nickname: "Grace", token: "the secret token of Grace" } });
  const ada = await Visitor.open(t, server.url, { device: PHONE });
  const { page } = ada;
  await page.getByRole("button", { name: "Not now" }).tap();
  const side = page.locator("#side");
  const open = page.getByRole("button", { name: "Conversations" });
  assert.ok(!(await side.isVisible()), "the drawer is closed");

  await open.tap();
  await ada.become("Ada");
  await ada.join("rust");
  await side.waitFor({ state: "hidden" });
  await ada.send("from the train");
  await send(writer, "Have a good journey", null, { room: "rust" });
  await ada.sees("Have a good journey");
  await send(writer, "in general");
  await page.locator("#side-dot").waitFor();
  await ada.screenshot("phone-light");

  await open.tap();
  await ada.hasUnread("general", 1);
  assert.ok(await page.locator("#main").evaluate((element) => element.inert), "what is under it is out of reach");
  await page.waitForTimeout(250);
  await ada.screenshot("phone-drawer");
  await page.keyboard.press("Escape");
  await side.waitFor({ state: "hidden" });
  assert.equal(await open.evaluate((element) => element === document.activeElement), true, "the focus is back");
  await open.tap();
  await ada.show("general");
  await ada.sees("in general");
  await side.waitFor({ state: "hidden" });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
  const sizes = await page.locator("button:visible").evaluateAll((all) =>
    all.map((button) => button.getBoundingClientRect()).filter(({ width, height }) => Math.min(width, height) < 40));
  assert.deepEqual(sizes, [], "buttons that a finger misses");
});

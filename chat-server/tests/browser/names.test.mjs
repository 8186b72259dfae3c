// Names: nobody needs one, and the first who takes it has it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("a first visit needs nothing, and is invited to choose a name", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  assert.ok(await ada.page.locator("#invitation").isVisible());
  await ada.page.getByText("Nothing here yet").waitFor();
  await ada.screenshot("first-visit");
  await ada.send("without a name");
  await ada.page.getByRole("button", { name: "Not now" }).click();
  await ada.page.locator("#invitation").waitFor({ state: "hidden" });
  await ada.page.reload();
  await ada.sees("without a name");
  assert.ok(!(await ada.page.locator("#invitation").isVisible()), "asked again");
  assert.ok(await ada.page.locator(".message.own").isVisible(), "its own message is still its own");
});

test("a name that is taken is refused beside the field", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await Visitor.open(t, server.url, { name: "Ada" });
  const other = await Visitor.open(t, server.url);
  await other.page.getByRole("button", { name: "Choose a name" }).first().click();
  const field = other.page.getByLabel("Name", { exact: true });
  await field.fill("ADA");
  await field.press("Enter");
  await other.has("#name-error", /Somebody else has this name/);
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  await other.screenshot("name-taken");
  await field.fill("a".repeat(60));
  await field.press("Enter");
  await other.has("#name-error", /40/);
  await field.fill("Grace");
  await field.press("Enter");
  await other.has("#me-name", "Grace");
});

test("a name stays in its browser, in all tabs, and can be given up", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.page.reload();
  await ada.has("#me-name", "Ada");
  const first = ada.page;
  ada.page = await ada.tab(server.url);
  await ada.has("#me-name", "Ada");
  await ada.become("Countess");
  ada.page = first;
  await ada.has("#me-name", "Countess");

  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Write anonymously" }).click();
  await ada.has("#me-name", "Choose a name");
  await ada.send("nobody says this");
  const reader = connect(t, server.url);
  const [, , { from }] = await new Promise((resolve) => reader.on("chat message", (...args) => resolve(args)));
  assert.equal(from, null);
});

test("who comes back and finds the name taken is told, and can write on", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  await Visitor.open(t, server.url, { name: "Grace" });
  // As after a long time, when the name went to somebody else.
  await ada.page.evaluate(() => localStorage.setItem("chat.name", JSON.stringify("Grace")));
  await ada.page.reload();
  await ada.has("#name-error", /Somebody else has this name/);
  await ada.page.keyboard.press("Escape");
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.send("anonymous then");
});

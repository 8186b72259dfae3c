// Finding rooms, people and messages, and the addresses that lead to them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { require } from "./support/browser.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Opens the switcher and types; resolves with its options. */
async function find(visitor, query) {
  await visitor.page.keyboard.press("Control+k");
  await visitor.page.locator("#switcher input").fill(query);
  return visitor.page.locator("#switcher [role=option]");
}

/** A chat with a message far back, among many others. */
async function withPast(t) {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  for (let number = 1; number <= 300; number += 1) {
    await send(writer, number === 40 ? "the lighthouse keeper" : `message ${number}`);
  }
  return { server, writer };
}

const isInView = (locator) => locator.evaluate((element) => {
  const { top, bottom } = element.getBoundingClientRect();
  const log = document.getElementById("log").getBoundingClientRect();
  return top >= log.top && bottom <= log.bottom;
});

async function violations(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}

test("a message is found by the keyboard, and read around both ways", { timeout: 90_000 }, async (t) => {
  const { server, writer } = await withPast(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.sees("message 300");
  const options = await find(ada, "lighthou");
  await options.filter({ hasText: "the lighthouse keeper" }).waitFor();
  assert.equal(await options.locator("mark").textContent(), "lighthouse");
  await ada.screenshot("find");
  const field = ada.page.locator("#switcher input");
  assert.equal(await field.getAttribute("aria-activedescendant"), await options.first().getAttribute("id"));
  assert.deepEqual(await violations(ada.page), []);

  await ada.page.keyboard.press("Enter");
  const found = ada.message("the lighthouse keeper");
  await found.waitFor();
  assert.ok(await isInView(found), "the message is in view");
  assert.match(await found.getAttribute("class"), /\bfound\b/);
  assert.ok(await found.locator(".bubble").evaluate((bubble) => bubble === document.activeElement), "it has the focus");
  assert.equal(await ada.message("message 300").count(), 0, "the newest are elsewhere");
  assert.equal(new URL(ada.page.url()).hash, "#room=general&message=40");
  await ada.screenshot("find-message");
  assert.deepEqual(await violations(ada.page), []);

  // What comes meanwhile stays unread, and the reader where they are.
  await send(writer, "news");
  await ada.has("#jump-text", /^1 new since \d+:\d\d$/);
  assert.ok(await isInView(found), "the place is kept");
  const scrollTo = (end) => ada.page.locator("#log").evaluate((log, end) => {
    log.scrollTop = end ? log.scrollHeight : 0;
  }, end);
  await ada.until("the beginning is there", async () => (await scrollTo(false), await ada.message("message 1").count()) === 1);
  await ada.until("the end is there", async () => (await scrollTo(true), await ada.message("news").count()) === 1);
  await ada.hasUnread("general", 0);
});

test("a button leads back to the newest messages", { timeout: 90_000 }, async (t) => {
  const { server } = await withPast(t);
  const ada = await Visitor.open(t, `${server.url}/#room=general&message=40`);
  await ada.sees("the lighthouse keeper");
  await ada.page.getByRole("button", { name: "Jump to newest" }).click();
  await ada.sees("message 300");
  assert.equal(await ada.message("the lighthouse keeper").count(), 0);
  assert.equal(new URL(ada.page.url()).hash, "#room=general");
});

test("links lead to rooms and messages, and Back leads back", { timeout: 90_000 }, async (t) => {
  const { server } = await withPast(t);
  const ada = await Visitor.open(t, `${server.url}/#room=rust`, { name: "Ada", permissions: ["clipboard-read", "clipboard-write"] });
  await ada.has("#title-name", "rust");
  await ada.show("general");
  assert.equal(new URL(ada.page.url()).hash, "#room=general");
  const options = await find(ada, "lighthouse");
  await options.filter({ hasText: "keeper" }).click();
  const found = ada.message("the lighthouse keeper");
  await found.hover();
  await found.getByRole("button", { name: "Copy link" }).click();
  await found.getByRole("button", { name: "Link copied" }).waitFor();
  assert.equal(await ada.page.evaluate(() => navigator.clipboard.readText()), `${server.url}/#room=general&message=40`);
  await ada.page.reload();
  await found.waitFor();
  assert.ok(await isInView(found));

  await ada.show("rust");
  await ada.page.goBack();
  await found.waitFor();
  await ada.page.goBack();
  await ada.page.goBack();
  await ada.has("#title-name", "rust");
});

test("rooms and people are found by a part of their name, and a query says what is wrong with it", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url, { device: PHONE });
  await ada.page.locator("#accept").click();
  await ada.page.getByLabel("Name", { exact: true }).fill("Ada");
  await ada.page.getByRole("button", { name: "Use this name" }).click();
  await ada.page.locator("#name-dialog").waitFor({ state: "hidden" });
  await bob.send("hello");
  await ada.sees("hello");
  await ada.page.getByRole("button", { name: "Conversations", exact: true }).click();
  await ada.page.getByRole("button", { name: "Find" }).click();
  const field = ada.page.getByRole("combobox", { name: "Rooms, people, messages" });
  await field.fill("gen");
  await ada.page.getByRole("option", { name: "general" }).waitFor();
  await field.fill("before:never");
  await ada.has("#switcher [role=status]", "There is a mistake at character 8 of what you search for.");
  await field.fill("nothing like it");
  await ada.has("#switcher [role=status]", "Nothing was found.");
  await field.fill("bo");
  await ada.page.getByRole("option", { name: "Bob" }).waitFor();
  await ada.screenshot("find-phone");
  assert.deepEqual(await violations(ada.page), []);
  await field.press("Enter");
  await ada.has("#title-name", "Bob");
  assert.equal(new URL(ada.page.url()).hash, "#with=Bob");
});

test("more is found on demand", { timeout: 90_000 }, async (t) => {
  const { server } = await withPast(t);
  const ada = await Visitor.open(t, server.url, { colorScheme: "dark" });
  const options = await find(ada, "message");
  const more = options.filter({ hasText: "Find earlier messages" });
  await more.waitFor();
  await ada.screenshot("find-dark");
  const count = await options.count();
  await more.click();
  await ada.until("more is there", async () => (await options.count()) === count + 20);
});

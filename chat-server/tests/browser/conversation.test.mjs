// Two people in a room: what one writes, the other reads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("two people chat", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob", locale: "en-GB", timezoneId: "UTC" });

  await ada.send("Hello, is anybody here?");
  await bob.sees("Hello, is anybody here?");
  await bob.send("Yes. See https://example.org/a_(b), it is fine.");
  await bob.send("And a second line\nof mine");
  await ada.sees("And a second line of mine");
  await ada.send("Thanks! 👋🏽");
  await bob.sees("Thanks! 👋🏽");

  const message = bob.message("Hello, is anybody here?");
  assert.equal(await message.locator(".author").textContent(), "Ada");
  const time = message.locator(".meta time");
  const [, hour, minute] = /T(\d\d):(\d\d):/.exec(await time.getAttribute("datetime"));
  assert.equal(await time.textContent(), `${Number(hour)}:${minute}`, "as one in London writes it in winter");
  const link = ada.page.getByRole("link", { name: "https://example.org/a_(b)" });
  assert.equal(await link.getAttribute("href"), "https://example.org/a_(b)");
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
  assert.deepEqual(await ada.texts(), await bob.texts());
  await ada.screenshot("chat-desktop-light");
});

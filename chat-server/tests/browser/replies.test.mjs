// Replies with what they answer, and copies of texts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { tokenOf } from "../js/support/users.mjs";
import { audit } from "./support/audit.mjs";
import { Visitor } from "./support/visitor.mjs";

const act = async (visitor, text, name) => {
  const message = visitor.message(text).last();
  await message.hover();
  await message.locator(".actions").getByText(name, { exact: true }).click();
};

const quote = (visitor, text) => visitor.message(text).last().locator(".quote");

test("a reply shows whom and what it answers, as that is now, and leads there", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("Lunch at <b>twelve</b>?");
  await bob.sees("Lunch at <b>twelve</b>?");
  await act(bob, "Lunch at <b>twelve</b>?", "Reply");
  await bob.page.locator("#answered").getByText("Lunch at <b>twelve</b>?").waitFor();
  await bob.page.keyboard.type("Gladly");
  // It is part of the draft.
  await bob.page.reload();
  await bob.page.locator("#answered").getByText("Ada").waitFor();
  await bob.screenshot("reply");
  assert.deepEqual(await audit(bob), []);
  await bob.page.locator("#text").press("Enter");
  for (const [visitor, author] of [[ada, "You"], [bob, "Ada"]]) {
    await quote(visitor, "Gladly").waitFor();
    assert.equal(await quote(visitor, "Gladly").textContent(), `${author} Lunch at <b>twelve</b>?`);
  }
  assert.equal(await bob.page.locator("#answered").isVisible(), false);
  await act(ada, "Lunch at <b>twelve</b>?", "Edit");
  await ada.page.locator("#text").fill("Lunch at one?");
  await ada.page.locator("#text").press("Enter");
  await bob.until("the quote has changed", async () => (await quote(bob, "Gladly").textContent()) === "Ada Lunch at one?");

  await act(ada, "Gladly", "Reply");
  await ada.page.keyboard.press("Escape");
  assert.equal(await ada.page.locator("#answered").isVisible(), false);
  await ada.send("no reply");
  assert.equal(await quote(ada, "no reply").isVisible(), false);
});

test("what is answered is asked for if it is not there, and loaded to be gone to", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = connect(t, server.url, { auth: { nickname: "Bob", token: tokenOf("Bob") } });
  const { offset } = await send(bob, "long ago");
  for (let n = 0; n < 130; n += 1) await send(bob, `message ${n}`);
  await send(bob, "about that", null, { room: "general", replyTo: offset });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.until("it is quoted", async () => (await quote(ada, "about that").textContent()) === "Bob long ago");
  assert.equal(await ada.message("long ago").count(), 0);
  await quote(ada, "about that").click();
  await ada.message("long ago").locator(".bubble:focus").waitFor();
  assert.ok(await ada.message("long ago").isVisible());
  const box = await ada.message("long ago").boundingBox();
  const { height } = ada.page.viewportSize();
  assert.ok(box.y > 0 && box.y + box.height < height, "it is seen");
  await ada.page.getByRole("button", { name: /newest/ }).click();
  await ada.sees("about that");
  // A message that is gone is said to be.
  await bob.timeout(5_000).emitWithAck("delete message", offset);
  await ada.until("it is gone", async () => (await quote(ada, "about that").textContent()).includes("This message was deleted."));
});

test("a text is copied as it was written", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { permissions: ["clipboard-read", "clipboard-write"] });
  await ada.write("a *copy* of `this`\nand that");
  const message = ada.page.locator('.message[data-state="sent"]');
  await message.hover();
  await message.locator(".copy-text").click();
  await message.getByText("Copied").waitFor();
  assert.equal(await ada.page.evaluate(() => navigator.clipboard.readText()), "a *copy* of `this`\nand that");
});

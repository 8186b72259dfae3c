// Who is here, and who is typing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("members come and go, and one writes to them from their list", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const eve = await Visitor.open(t, server.url);

  await ada.has("#members-title", "3 online");
  await ada.until("the named are listed", async () => (await names(ada)).join() === "Ada,Bob");
  await ada.has("#members-others", "1 person without a name");
  await eve.become("Eve");
  await ada.until("the new name is listed", async () => (await names(ada)).join() === "Ada,Bob,Eve");
  await ada.has("#members-others", "");
  await ada.screenshot("members");

  await ada.page.locator("#members").getByRole("button", { name: "Bob" }).click();
  await ada.has("#title-name", "Bob");
  await ada.send("psst");
  await bob.hasUnread("Ada", 1);
  const bobsAvatar = ada.entry("Bob").locator(".avatar");
  assert.ok(await bobsAvatar.evaluate((avatar) => avatar.classList.contains("here")), "Bob is here");

  await eve.join("rust");
  await eve.has("#members-title", "1 online");
  // Closed on purpose, as a tab is, or not: the server waits some seconds for who was cut off.
  await bob.page.close();
  await ada.until("Bob is gone", async () => !(await bobsAvatar.evaluate((avatar) => avatar.classList.contains("here"))));
  await ada.show("general");
  await ada.until("Bob is not listed", async () => (await names(ada)).join() === "Ada,Eve");
});

test("it is said who is typing, until it is sent or given up", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const eve = await Visitor.open(t, server.url);
  await ada.has("#members-title", "3 online");

  await bob.page.locator("#text").pressSequentially("Hel");
  await ada.has("#typing", /Bob.* is typing…/);
  await ada.screenshot("typing");
  await eve.page.locator("#text").pressSequentially("I");
  await ada.has("#typing", /Bob.* and Somebody are typing…/);
  await bob.page.locator("#text").press("Enter");
  await ada.sees("Hel");
  await ada.has("#typing", "Somebody is typing…");
  await eve.page.locator("#text").fill("");
  await ada.has("#typing", "");
  await bob.has("#typing", "");
});

test("in private conversations it is said who is typing, and who is there in no room of the reader's", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob", remembered: { "chat.conversations": { rooms: [{ name: "elsewhere" }] } } });
  const isHere = (visitor, name) => visitor.entry(name).locator(".avatar").evaluate((avatar) => avatar.classList.contains("here"));
  await ada.writeTo("Bob");
  await ada.until("Bob is there", () => isHere(ada, "Bob"));
  await ada.has("#members-title", "2 online");
  await ada.send("hello");
  await bob.show("Ada");
  await bob.until("Ada is there", () => isHere(bob, "Ada"));
  await bob.page.locator("#text").pressSequentially("Hi");
  await ada.has("#typing", /Bob.* is typing…/);
  await ada.screenshot("typing-privately");
  await bob.page.locator("#text").press("Enter");
  await ada.sees("Hi");
  await ada.has("#typing", "");
  await bob.page.locator("#text").pressSequentially("no,");
  await ada.has("#typing", /Bob.* is typing…/);
  await bob.page.locator("#text").fill("");
  await ada.has("#typing", "");
  // On another device, in a room of Ada's: here if anywhere.
  await bob.join("general");
  await bob.page.getByRole("button", { name: "Leave general" }).click();
  await ada.until("Bob is still there", () => isHere(ada, "Bob"));
  await bob.page.close();
  await ada.show("general");
  await ada.until("Bob is gone", async () => {
    await ada.show("Bob");
    await ada.show("general");
    return !(await isHere(ada, "Bob"));
  });
});

test("without a connection it is not known who is here", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.writeTo("Bob");
  const colour = (place) => ada.page.locator(place).first().evaluate((avatar) => getComputedStyle(avatar, "::after").backgroundColor);
  await ada.entry("Bob").locator(".avatar.here").waitFor();
  await ada.show("general");
  await ada.has("#members-title", "2 online");
  const here = await colour("#members .avatar.here");
  await server.kill();
  await ada.page.locator("#status:not([data-state='connected'])").waitFor();
  await ada.has("#members-title", "2 were online");
  assert.equal(await ada.entry("Bob").locator(".avatar.here").count(), 0);
  assert.notEqual(await colour("#members .avatar.here"), here);
  await ada.screenshot("presence-cut-off");
  await server.restart();
  await ada.has("#members-title", "2 online");
});

// No test waits so long: nobody counts as there only because the server waits for them to come back.
const LONG_GRACE = { args: ["--presence-grace", "1h"] };

for (const transport of ["a websocket", "polling"]) {
  test(`a page without a name that is loaded again and again over ${transport} is one visitor`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t, LONG_GRACE);
    const ada = await Visitor.open(t, server.url, { name: "Ada" });
    const eve = await Visitor.open(t, server.url, { withoutWebsocket: transport === "polling" });
    await ada.has("#members-title", "2 online");
    const seen = await watchTitle(ada);
    for (let times = 0; times < 10; times++) {
      await eve.page.reload();
      await eve.page.locator('#status[data-state="connected"]').waitFor();
      await eve.has("#members-title", "2 online");
      // As fast as one presses F5. One that is left in the middle of connecting may count until the grace is over.
      await eve.page.waitForTimeout(250);
    }
    await ada.has("#members-title", "2 online");
    const most = Math.max(...(await seen()).map(Number.parseFloat));
    assert.ok(most <= 2, `${most} were shown`);
    await eve.page.close({ runBeforeUnload: true });
    await ada.has("#members-title", "1 online");
  });
}

test("a page with a name that is loaded again and again stays one person, who never leaves", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, LONG_GRACE);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.has("#members-title", "2 online");
  const seen = await watchTitle(ada);
  for (let times = 0; times < 10; times++) {
    await bob.page.reload();
    await bob.page.locator('#status[data-state="connected"]').waitFor();
  }
  await bob.send("still here");
  await ada.sees("still here");
  assert.deepEqual([...new Set(await seen())], ["2 online"]);
});

test("a page without a name that the browser keeps for the way back is there again when it is shown", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, LONG_GRACE);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const eve = await Visitor.open(t, server.url);
  await ada.has("#members-title", "2 online");
  // The driver turns the browser's own cache of pages off.
  const tell = (type) =>
    eve.page.evaluate((type) => dispatchEvent(new PageTransitionEvent(type, { persisted: true })), type);
  await tell("pagehide");
  await ada.has("#members-title", "1 online");
  await ada.send("meanwhile");
  await tell("pageshow");
  await ada.has("#members-title", "2 online");
  await eve.sees("meanwhile");
  await eve.send("back");
});

/** Notes what the list of members says, until what it resolves with is called, which resolves with all of it. */
async function watchTitle({ page }) {
  await page.evaluate(() => {
    const title = document.getElementById("members-title");
    window.titles = [title.textContent];
    const observer = new MutationObserver(() => window.titles.push(title.textContent));
    observer.observe(title, { childList: true, characterData: true, subtree: true });
  });
  return () => page.evaluate(() => window.titles);
}

const names = (visitor) => visitor.page.locator("#members-list .name").allTextContents();

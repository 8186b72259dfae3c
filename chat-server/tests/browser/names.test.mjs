// Names: nobody needs one, and the first who takes it has it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { once } from "../js/support/bounds.mjs";
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

test("who goes on without a name is nobody, also when the end of the connection before is lost", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("Ada says this");
  await ada.page.evaluate(() => {
    for (const { prototype } of [WebSocket, XMLHttpRequest]) {
      const { send } = prototype;
      prototype.send = function (data) {
        if (data !== "41") send.call(this, data);
      };
    }
    WebSocket.prototype.close = () => {};
  });
  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Write anonymously" }).click();
  await ada.has("#me-name", "Choose a name");
  await ada.send("nobody says this");
  const reader = connect(t, server.url, { auth: { serverOffset: 1 } });
  const [content, , { from }] = await new Promise((resolve) => reader.on("chat message", (...args) => resolve(args)));
  assert.deepEqual([content, from], ["nobody says this", null]);
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

test("who has to wait for a name is told for how long, and asks once when that is over", { timeout: 60_000 }, async (t) => {
  // One more every ten seconds.
  const server = await Server.start(t, { env: { CHAT_MAX_WRONG_TOKENS_PER_MINUTE: "6" } });
  await Visitor.open(t, server.url, { name: "Grace" });
  const ada = await Visitor.open(t, server.url);
  for (let tried = 0; tried < 6; tried += 1) {
    const guess = connect(t, server.url, { auth: { nickname: "Grace", token: `not the token of Grace ${tried}` } });
    const [{ message }] = await once(guess, "connect_error");
    assert.match(message, /^nickname_taken: /);
    guess.disconnect();
  }
  let asked = 0;
  const connects = (packet) => (asked += Number(String(packet ?? "").startsWith("40")));
  ada.page.on("request", (request) => connects(request.postData()));
  ada.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => connects(payload)));
  await ada.page.evaluate(() => localStorage.setItem("chat.name", JSON.stringify("Ada")));
  await ada.page.reload();
  await ada.page.locator('#status[data-state="waiting"]').waitFor();
  assert.match(await ada.page.locator("#hint").textContent(), /for now: .*try again in \d+ seconds?\. The page does so by itself/);
  await ada.page.locator('#status[data-state="connected"]').waitFor({ timeout: 30_000 });
  assert.equal(asked, 2, "asked before the time was over");
  await ada.has("#me-name", "Ada");
  await ada.send("at last");
});

test("a token that is none is given up, and the name can be chosen again", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  const keep = (name) => ada.page.evaluate((name) => {
    localStorage.setItem("chat.name", JSON.stringify(name));
    localStorage.setItem("chat.token", JSON.stringify("short"));
  }, name);
  await keep("Ada");
  await ada.page.reload();
  await ada.has("#name-error", /does not work any more/);
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.page.getByLabel("Name", { exact: true }).fill("Ada");
  await ada.page.getByRole("button", { name: "Use this name" }).click();
  await ada.has("#me-name", "Ada");
  await ada.page.reload();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.has("#me-name", "Ada");
  // Found out when the name is chosen.
  await keep(null);
  await ada.page.reload();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.become("Countess");
  await ada.send("with a new token");
});

test("the link of an invitation makes a reader a user", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true", CHAT_REGISTRATION: "invite" } });
  const command = (...args) => promisify(execFile)(process.env.CHAT_SERVER_BIN, [...args, "--store", server.store]);
  await command("room", "team", "--visibility", "private");
  const { stdout } = await command("invite", "team");
  const eve = await Visitor.open(t, server.url);
  await eve.page.locator("#me").click();
  const field = eve.page.getByLabel("Name", { exact: true });
  await field.fill("Eve");
  await field.press("Enter");
  await eve.has("#name-error", /by invitation only/);
  const ada = await Visitor.open(t, `${server.url}/#invitation=${stdout.trim()}`, { name: "Ada" });
  // Who has a name joins the room of the invitation.
  await ada.has("#title-name", "team");
  await ada.send("for its members");
  await ada.show("general");
  await ada.send("for its users");
  const late = await Visitor.open(t, `${server.url}/#invitation=${stdout.trim()}`);
  await late.page.locator("#me").click();
  await late.page.getByLabel("Name", { exact: true }).fill("Flo");
  await late.page.getByRole("button", { name: "Use this name" }).click();
  await late.has("#name-error", /was used up/);
});

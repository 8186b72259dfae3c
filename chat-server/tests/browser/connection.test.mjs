// A connection that is lost, and comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { sendPipelined } from "../js/support/sender.mjs";
import { freePort, Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("offline and online again: what was missed is there, and it is said how much", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await send(writer, "before");
  await ada.sees("before");

  await ada.context.setOffline(true);
  await ada.page.locator('#status[data-state="offline"]').waitFor();
  await ada.write("written offline");
  await sendPipelined(writer, 12, (n) => `missed ${n}`);
  assert.equal(await ada.message("missed 0").count(), 0, "it is offline");
  await ada.context.setOffline(false);

  await ada.has("#status", "Recovered, 12 messages caught up");
  await ada.message("written offline").and(ada.page.locator('[data-state="sent"]')).waitFor();
  const missed = Array.from({ length: 12 }, (_, n) => `missed ${n}`);
  await ada.shows(["before", ...missed, "written offline"]);
  await ada.screenshot("recovered");
});

test("a server that is killed and starts again loses nothing", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { listen: `127.0.0.1:${await freePort()}` });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  await ada.send("before");
  await bob.sees("before");

  await server.kill();
  await ada.page.locator('#status[data-state="reconnecting"]').waitFor();
  await ada.write("while it was away");
  assert.match(await ada.page.locator("#hint").textContent(), /as soon as the connection is back/);
  await server.restart();

  await bob.sees("while it was away");
  await bob.send("welcome back");
  await ada.sees("welcome back");
  await ada.shows(["before", "while it was away", "welcome back"]);
  await bob.shows(["before", "while it was away", "welcome back"]);
  await bob.has("#me-name", "Bob");
});

test("a server with another log is shown from its beginning", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { listen: `127.0.0.1:${await freePort()}`, store: "memory:" });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  for (const number of [1, 2, 3]) await bob.send(`forgotten ${number}`);
  await ada.sees("forgotten 3");

  await server.kill();
  await server.restart();
  await ada.page.locator('#status[data-state="reconnecting"]').waitFor({ state: "hidden" });
  await ada.send("in the new log");
  await bob.sees("in the new log");
  await bob.send("indeed");
  await ada.sees("indeed");
  await ada.shows(["in the new log", "indeed"]);
  await bob.shows(["in the new log", "indeed"]);
});

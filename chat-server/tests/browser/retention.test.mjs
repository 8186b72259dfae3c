// The page says that the server has deleted the beginning of a conversation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../js/support/bounds.mjs";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("what is deleted is no longer shown, and a line says so", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--retain-messages", "5"] });
  const writer = connect(t, server.url);
  await send(writer, "the first");
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.sees("the first");
  await ada.has("#beginning", "This is where general begins.");
  await ada.page.context().setOffline(true);
  for (let number = 1; number <= 20; number++) await send(writer, `news ${number}`);
  const ask = () => writer.timeout(20_000).emitWithAck("history", { room: "general" });
  while ((await ask()).goneBefore !== 17) await sleep(100);
  await ada.page.context().setOffline(false);
  await ada.sees("news 20");
  await ada.has("#beginning", "Earlier messages have been deleted.");
  assert.equal(await ada.message("the first").count(), 0);
  const grace = await Visitor.open(t, server.url, { name: "Grace" });
  await grace.sees("news 20");
  await grace.has("#beginning", "Earlier messages have been deleted.");
});

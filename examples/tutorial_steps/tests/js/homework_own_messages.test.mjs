import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

test("the others get a message, and its sender an ack", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [sender, other] = [await program.join(), await program.join()];
  const [own, others] = [new Inbox(sender, "chat message"), new Inbox(other, "chat message")];
  await sender.timeout(10_000).emitWithAck("chat message", "mine");
  assert.deepEqual(await others.has(1), [["mine"]]);
  await other.timeout(10_000).emitWithAck("chat message", "theirs");
  assert.deepEqual(await own.has(1), [["theirs"]]);
});

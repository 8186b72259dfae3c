import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

test("messages say who they are from", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [ada, other] = [await program.join(), await program.join()];
  const inbox = new Inbox(other, "chat message");
  ada.emit("chat message", "before");
  await inbox.has(1);
  assert.deepEqual(await ada.timeout(10_000).emitWithAck("nickname", " Ada "), { nickname: "Ada" });
  // A name that the client adds itself counts for nothing.
  ada.emit("chat message", "after", "Eve");
  assert.deepEqual(await inbox.has(2), [["before", "somebody"], ["after", "Ada"]]);
});

test("a name that is none is refused with the reason", { timeout: 30_000 }, async (t) => {
  const socket = await (await Program.start(t)).join();
  for (const name of ["", "   ", "x".repeat(31)]) {
    const { error } = await socket.timeout(10_000).emitWithAck("nickname", name);
    assert.equal(error, "a nickname has 1 to 30 characters");
  }
});

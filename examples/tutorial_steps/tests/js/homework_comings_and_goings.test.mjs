import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

test("the others are told who comes and who goes", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const first = await program.join();
  const [joined, left] = [new Inbox(first, "user joined"), new Inbox(first, "user left")];
  const second = await program.join();
  const [[visitor]] = await joined.has(1);
  assert.equal(visitor, "visitor 2");
  // Cut off, not said goodbye.
  second.io.engine.close();
  assert.deepEqual(await left.has(1), [[visitor]]);
});

test("messages still go to everybody", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [sender, other] = [await program.join(), await program.join()];
  const heard = [once(sender, "chat message"), once(other, "chat message")];
  sender.emit("chat message", "hello");
  assert.deepEqual(await Promise.all(heard), [["hello"], ["hello"]]);
});

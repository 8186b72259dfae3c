import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

test("a message goes to everybody, or to everybody else", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const sockets = [await program.join(), await program.join(), await program.join()];
  const inboxes = sockets.map((socket) => new Inbox(socket, "chat message"));
  const [sender] = sockets;

  sender.emit("chat message", "to all");
  await Promise.all(inboxes.map((inbox) => inbox.has(1)));
  sender.emit("message to the others", "to the others");
  await Promise.all(inboxes.slice(1).map((inbox) => inbox.has(2)));
  sender.emit("chat message", "to all again");
  await Promise.all([inboxes[0].has(2), inboxes[1].has(3), inboxes[2].has(3)]);

  assert.deepEqual(inboxes[0].all, [["to all"], ["to all again"]]);
  for (const { all } of inboxes.slice(1)) {
    assert.deepEqual(all, [["to all"], ["to the others"], ["to all again"]]);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

test("everybody has the list of who is here", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const enter = async (nickname) => {
    const socket = program.client({ auth: { nickname } });
    const inbox = new Inbox(socket, "online");
    await program.joined(socket);
    return { socket, inbox };
  };
  const bob = await enter("Bob");
  await bob.inbox.has(1);
  const ada = await enter("Ada");
  await bob.inbox.has(2);
  const eve = await enter("Eve");
  await ada.inbox.has(2);
  await bob.inbox.has(3);
  ada.socket.disconnect();
  await bob.inbox.has(4);
  // Cut off, not said goodbye.
  eve.socket.io.engine.close();
  await bob.inbox.has(5);

  // Another tab of the same user is nobody else.
  await enter("Bob");
  await bob.inbox.has(6);

  const lists = [["Bob"], ["Ada", "Bob"], ["Ada", "Bob", "Eve"], ["Bob", "Eve"], ["Bob"], ["Bob"]];
  assert.deepEqual(bob.inbox.all, lists.map((list) => [list]));
  assert.deepEqual(ada.inbox.all, lists.slice(1, 3).map((list) => [list]));
});

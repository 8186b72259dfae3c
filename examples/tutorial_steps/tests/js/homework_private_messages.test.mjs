import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

const EVENT = "private message";

test("a message reaches all tabs of the two, and nobody else", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const join = (nickname) => program.join({ auth: { nickname } });
  const [ada, bob, bobsPhone, eve] = [await join("Ada"), await join("Bob"), await join("Bob"), await join("Eve")];
  const [eves, ...others] = [eve, ada, bob, bobsPhone].map((socket) => new Inbox(socket, EVENT));

  assert.equal(await ada.timeout(10_000).emitWithAck(EVENT, "Bob", "hello"), true);
  for (const inbox of others) assert.deepEqual(await inbox.has(1), [["hello", "Ada", "Bob"]]);
  // What comes first to Eve is what was sent to her, later.
  assert.equal(await ada.timeout(10_000).emitWithAck(EVENT, "Eve", "not you"), true);
  assert.deepEqual(await eves.has(1), [["not you", "Ada", "Eve"]]);
});

test("the sender is told when nobody of that name is here", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const ada = await program.join({ auth: { nickname: "Ada" } });
  const inbox = new Inbox(ada, EVENT);
  assert.equal(await ada.timeout(10_000).emitWithAck(EVENT, "Nobody", "hello?"), false);
  assert.equal(await ada.timeout(10_000).emitWithAck(EVENT, "Ada", "note to myself"), true);
  assert.deepEqual(await inbox.has(2), [["hello?", "Ada", "Nobody"], ["note to myself", "Ada", "Ada"]]);
});

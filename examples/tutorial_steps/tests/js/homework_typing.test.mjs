import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, Program } from "./support/program.mjs";

test("the others see who types, and no more when it goes away", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const ada = await program.join({ auth: { nickname: "Ada" } });
  const bob = await program.join({ auth: { nickname: "Bob" } });
  const [own, seen] = [new Inbox(ada, "typing"), new Inbox(bob, "typing")];
  ada.emit("typing", true);
  await seen.has(1);
  ada.emit("typing", false);
  await seen.has(2);
  ada.emit("typing", true);
  await seen.has(3);
  assert.deepEqual(own.all, []);
  ada.io.engine.close();
  assert.deepEqual(await seen.has(4), [["Ada", true], ["Ada", false], ["Ada", true], ["Ada", false]]);
});

test("a message says who it is from", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [ada, bob] = [await program.join({ auth: { nickname: "Ada" } }), await program.join()];
  const inbox = new Inbox(ada, "chat message");
  bob.emit("chat message", "hello");
  assert.deepEqual(await inbox.has(1), [["hello", "somebody"]]);
});

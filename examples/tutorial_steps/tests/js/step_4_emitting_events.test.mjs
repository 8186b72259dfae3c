import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./support/program.mjs";

test("the server prints what a client says, and tells nobody", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [sender, other] = [await program.join(), await program.join()];
  const heard = [];
  for (const socket of [sender, other]) socket.onAny((...args) => heard.push(args));
  sender.emit("chat message", "hello");
  await program.says(/^message: hello$/m);
  assert.deepEqual(heard, []);
});

test("what is no text does not get to the handler, and harms nobody", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const socket = await program.join();
  socket.emit("chat message", { not: "a text" });
  socket.emit("chat message");
  socket.emit("chat message", "a text");
  await program.says(/^message: a text$/m);
  assert.equal(program.stdout.match(/^message:/gm).length, 1);
});

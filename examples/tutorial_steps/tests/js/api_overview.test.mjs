import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

test("events and acks carry several arguments and bytes", { timeout: 30_000 }, async (t) => {
  const socket = await (await Program.start(t)).join();
  const repeated = once(socket, "repeated");
  assert.equal(await socket.timeout(10_000).emitWithAck("repeat", "ha", 3), "hahaha");
  assert.deepEqual(await repeated, ["ha", 3, "hahaha"]);

  const reversed = await socket.timeout(10_000).emitWithAck("reverse", Buffer.from([1, 2, 3]));
  assert.deepEqual([...reversed], [3, 2, 1]);
});

test("the server asks, and gives up a client that does not answer", { timeout: 30_000 }, async (t) => {
  const socket = await (await Program.start(t)).join();
  socket.once("question", (question, answer) => answer(`"${question}" Fine.`));
  assert.equal(await socket.timeout(10_000).emitWithAck("ask me"), 'you said: "How are you?" Fine.');
  // Nothing answers the second question.
  assert.match(await socket.timeout(10_000).emitWithAck("ask me"), /^you said nothing: .*timeout/i);
});

test("one question to all has an answer from each", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const sockets = [await program.join(), await program.join(), await program.join()];
  sockets[0].on("question", (question, answer) => answer(`${question} yes`));
  sockets[1].on("question", (question, answer) => answer(`${question} no`));
  const answers = await sockets[2].timeout(10_000).emitWithAck("ask everybody", "Tea?");
  assert.deepEqual(answers.sort(), ["Tea? no", "Tea? yes"]);
});

test("rooms divide who gets an event", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [inside, outside] = [await program.join(), await program.join()];
  const inboxes = [new Inbox(inside, "notice"), new Inbox(outside, "notice")];
  // Handled after what was sent before it.
  const handled = (socket) => socket.timeout(10_000).emitWithAck("repeat", "", 0);

  inside.emit("join", "tea");
  await handled(inside);
  outside.emit("to room", "tea", "inside");
  outside.emit("to all but room", "tea", "outside");
  await Promise.all(inboxes.map((inbox) => inbox.has(1)));
  inside.emit("leave", "tea");
  await handled(inside);
  outside.emit("to room", "tea", "nobody");
  outside.emit("to all but room", "tea", "both");
  await Promise.all(inboxes.map((inbox) => inbox.has(2)));

  assert.deepEqual(inboxes[0].all, [["inside"], ["both"]]);
  assert.deepEqual(inboxes[1].all, [["outside"], ["both"]]);
});

test("what has no handler is caught", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const socket = await program.join();
  socket.emit("surprise", { of: "any kind" });
  await program.says(/^nobody handles "surprise", which came with \{"of":"any kind"\}$/m);
});

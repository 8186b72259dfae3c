import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

/** Somebody with the list: the events, in the order of the log. */
async function reader(program) {
  const socket = program.client({ auth: { serverOffset: 0 } });
  const [added, ticked] = ["task added", "task ticked"].map((event) => new Inbox(socket, event));
  for (const event of ["task added", "task ticked"]) {
    socket.on(event, (_, serverOffset) => (socket.auth.serverOffset = serverOffset));
  }
  await once(socket, "connect");
  return { socket, added, ticked };
}

test("tasks are stored once, in one order, for those who come later too", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const { socket } = await reader(program);
  assert.deepEqual(await socket.emitWithAck("task added", { text: "milk" }, "k1"), { offset: 1, duplicate: false });
  assert.deepEqual(await socket.emitWithAck("task added", { text: "milk" }, "k1"), { offset: 1, duplicate: true });
  assert.deepEqual(await socket.emitWithAck("task ticked", { task: 1, done: true }, "k2"), { offset: 2, duplicate: false });
  const later = await reader(program);
  const [[task, offset]] = await later.added.has(1);
  assert.deepEqual([task, offset], [{ text: "milk" }, 1]);
  assert.deepEqual((await later.ticked.has(1))[0].slice(0, 2), [{ task: 1, done: true }, 2]);
});

test("what is no task is refused", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const { socket } = await reader(program);
  for (const payload of [{ text: " " }, { text: 7 }, {}, "milk"]) {
    const { error } = await socket.emitWithAck("task added", payload);
    assert.equal(error?.code, "invalid_arguments", JSON.stringify(payload));
  }
  const { error } = await socket.emitWithAck("task added", { text: " " });
  assert.match(error.message, /a task needs a text/);
  const { error: other } = await socket.emitWithAck("task removed", { task: 1 });
  assert.equal(other?.code, "unknown_event");
});

test("after kill -9 of the server, the same key in a new session is the same task", { timeout: 60_000 }, async (t) => {
  const program = await Program.start(t);
  const writer = await reader(program);
  assert.equal((await writer.socket.emitWithAck("task added", { text: "milk" }, "k1")).offset, 1);
  await program.stop("SIGKILL");
  writer.socket.disconnect();
  await program.restart();
  const next = await reader(program);
  assert.deepEqual(await next.socket.emitWithAck("task added", { text: "milk" }, "k1"), { offset: 1, duplicate: true });
  assert.equal((await next.added.has(1)).length, 1);
});

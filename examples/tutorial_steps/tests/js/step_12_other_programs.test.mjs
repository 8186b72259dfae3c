import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, post, Program } from "./support/program.mjs";

// With what it hears from the beginning.
async function named(program, nickname, auth = {}) {
  const socket = program.client({ auth: { nickname, serverOffset: 0, token: `the token of ${nickname}, x9Qk2Lm7`, ...auth } });
  const [tasks, texts, reminders] = ["task added", "chat message", "reminder"].map((event) => new Inbox(socket, event));
  await once(socket, "connect");
  return { socket, tasks, texts, reminders };
}

test("what the program says and hears lasts, once, for everybody", { timeout: 60_000 }, async (t) => {
  const program = await Program.start(t);
  const { socket: ada, tasks } = await named(program, "Ada");
  const added = await ada.emitWithAck("task added", { text: "milk", extra: true }, "k1");
  assert.deepEqual(added, { offset: 1, duplicate: false });
  assert.deepEqual((await tasks.has(1))[0][0], { text: "milk" });
  await program.says(/^a new task: milk$/m);

  ada.disconnect();
  assert.deepEqual(await post(program, "/builds/123", "has failed"), [200, "2"]);
  assert.deepEqual(await post(program, "/builds/123", "has failed"), [200, "2"], "the same report again");
  assert.equal((await post(program, "/builds/123", "has passed"))[0], 409);
  assert.deepEqual(await post(program, "/reminders/Ada", "lunch"), [200, "3"]);
  assert.equal((await post(program, "/reminders/Nobody", "lunch"))[0], 404);

  const again = await named(program, "Ada", { serverOffset: 1 });
  const bob = await named(program, "Bob");
  assert.equal((await again.texts.has(1))[0][0], "Build 123 has failed");
  assert.equal((await again.reminders.has(1))[0][0], "lunch");
  assert.equal((await bob.texts.has(1))[0][0], "Build 123 has failed");
  const after = await post(program, "/builds/124", "has passed");
  assert.deepEqual([after, (await bob.texts.has(2))[1][0]], [[200, "4"], "Build 124 has passed"]);
  assert.deepEqual([(await bob.tasks.has(1)).length, (await bob.reminders.has(0)).length], [1, 0], "the reminder is Ada's");
});

test("the diary goes on where it was after a restart", { timeout: 60_000 }, async (t) => {
  const program = await Program.start(t);
  const { socket } = await named(program, "Ada");
  await socket.emitWithAck("task added", { text: "milk" }, "k1");
  await program.says(/^a new task: milk$/m);
  await program.stop("SIGINT");
  await program.restart();
  const { socket: again } = await named(program, "Ada");
  await again.emitWithAck("task added", { text: "bread" }, "k2");
  await program.says(/^a new task: bread$/m);
  assert.doesNotMatch(program.stdout, /milk/);
});

test("the page shows all three", async (t) => {
  const program = await Program.start(t);
  const page = await (await fetch(program.url)).text();
  for (const part of ['"task added"', '"reminder"', "/socket.io/socket.io.js"]) assert.ok(page.includes(part), part);
});

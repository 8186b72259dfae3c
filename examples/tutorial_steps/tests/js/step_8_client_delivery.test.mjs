import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

const KEEP = { retries: 10, ackTimeout: 5_000 };

/** As the checkbox of the page: what was written leaves, and the answer meets nobody. */
async function loseAnswer(socket) {
  const gone = once(socket, "disconnect");
  socket.io.engine.close();
  await gone;
}

/** Everything that the server has, once it is this much. */
async function stored(program, count) {
  const socket = program.client({ auth: { serverOffset: 0 } });
  const messages = await new Inbox(socket, "chat message").has(count);
  return messages.map(([content]) => content);
}

/** Sends "hello" in one of the three ways, loses the first answer, and resolves with the next one. */
async function send(program, options, emit) {
  const socket = await program.join(options);
  const answered = new Promise((resolve) => emit(socket, resolve));
  await loseAnswer(socket);
  const answer = await answered;
  // Whatever else was on its way has been handled before this.
  await socket.timeout(10_000).emitWithAck("chat message", "end", "end");
  return answer;
}

test("by hand, a lost answer makes two messages of one", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  function again(socket, resolve) {
    socket.timeout(5_000).emit("chat message", "hello", (error, answer) => {
      if (error) again(socket, resolve);
      else resolve(answer);
    });
  }
  const { offset, duplicate } = await send(program, {}, again);
  assert.deepEqual({ offset, duplicate }, { offset: 2, duplicate: false });
  assert.deepEqual(await stored(program, 3), ["hello", "hello", "end"]);
});

test("with retries too", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const { offset, duplicate } = await send(program, KEEP, (socket, resolve) => {
    socket.emit("chat message", "hello", (_, answer) => resolve(answer));
  });
  assert.deepEqual({ offset, duplicate }, { offset: 2, duplicate: false });
  assert.deepEqual(await stored(program, 3), ["hello", "hello", "end"]);
});

test("with retries and a key it is stored once, and the answer says so", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const { offset, duplicate } = await send(program, KEEP, (socket, resolve) => {
    socket.emit("chat message", "hello", "a key", (_, answer) => resolve(answer));
  });
  assert.deepEqual({ offset, duplicate }, { offset: 1, duplicate: true });
  assert.deepEqual(await stored(program, 2), ["hello", "end"]);
});

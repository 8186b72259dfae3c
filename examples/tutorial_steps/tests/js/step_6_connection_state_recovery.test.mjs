import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

/** What the page's button does. */
async function disconnect(socket) {
  const gone = once(socket, "disconnect");
  socket.io.reconnection(false);
  socket.io.engine.close();
  await gone;
}

async function connect(socket) {
  const back = once(socket, "connect");
  socket.io.reconnection(true);
  socket.connect();
  await back;
}

for (const transports of [["websocket"], ["polling"]]) {
  test(`${transports}: a client gets its session back, and what it missed`, { timeout: 60_000 }, async (t) => {
    const program = await Program.start(t);
    const talker = await program.join();
    const socket = await program.join({ transports });
    const inbox = new Inbox(socket, "chat message");
    const { id } = socket;
    assert.equal(socket.recovered, false);

    talker.emit("chat message", "live");
    await inbox.has(1);
    await disconnect(socket);
    await program.says(new RegExp(`^a user disconnected: ${id}`, "m"));
    const heard = new Inbox(talker, "chat message");
    talker.emit("chat message", "missed 1");
    await heard.has(1);
    talker.emit("chat message", "missed 2");
    await heard.has(2);
    await connect(socket);
    assert.deepEqual([socket.recovered, socket.id], [true, id]);
    talker.emit("chat message", "live again");

    const got = await inbox.has(4);
    assert.deepEqual(got.map(([content]) => content), ["live", "missed 1", "missed 2", "live again"]);
    assert.deepEqual(got.map(([, offset]) => offset), ["1", "2", "3", "4"]);
  });
}

test("a client that has got nothing yet misses nothing either", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const talker = await program.join();
  const heard = new Inbox(talker, "chat message");
  talker.emit("chat message", "before");
  await heard.has(1);
  const socket = await program.join();
  const inbox = new Inbox(socket, "chat message");
  await disconnect(socket);
  talker.emit("chat message", "missed");
  await heard.has(2);
  await connect(socket);
  assert.deepEqual(await inbox.has(1), [["missed", "2"]]);
  assert.equal(socket.recovered, true);
});

test("a client that has left gets a new session, without what it missed", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const talker = await program.join();
  const socket = await program.join();
  const inbox = new Inbox(socket, "chat message");
  const { id } = socket;
  socket.disconnect();
  await program.says(new RegExp(`^a user disconnected: ${id}, client has manually`, "m"));
  const heard = new Inbox(talker, "chat message");
  talker.emit("chat message", "missed");
  await heard.has(1);
  await connect(socket);
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
  talker.emit("chat message", "live");
  assert.deepEqual(await inbox.has(1), [["live", "2"]]);
});

for (const offset of ["Ada", "", "1.5", "-1", "7"]) {
  test(`a client that names "${offset}" as its offset begins anew`, { timeout: 30_000 }, async (t) => {
    const program = await Program.start(t);
    const socket = await program.join();
    const inbox = new Inbox(socket, "chat message");
    socket.emit("chat message", "live");
    await inbox.has(1);
    await disconnect(socket);
    socket._lastOffset = offset;
    await connect(socket);
    assert.equal(socket.recovered, false);
    socket.emit("chat message", "later");
    assert.deepEqual(await inbox.has(2), [["live", "1"], ["later", "2"]]);
  });
}

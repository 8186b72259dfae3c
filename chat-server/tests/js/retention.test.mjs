// The beginning of the log is deleted: whoever may have missed something is told once, and gets what is left.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const KEPT = 5;
const args = ["--retain-messages", String(KEPT)];

async function say(t, server, count, said = (number) => `said ${number}`) {
  const talker = connect(t, server.url, { auth: { history: 0 } });
  for (let number = 1; number <= count; number++) await send(talker, said(number));
  talker.close();
}

/** Resolves when everything before an offset is gone. */
async function goneBefore(t, server, offset) {
  const asking = connect(t, server.url, { auth: { history: 0 } });
  const ask = () => asking.timeout(20_000).emitWithAck("history", { room: "general" });
  const isGone = async () => {
    while ((await ask()).goneBefore !== offset) await sleep(100);
  };
  await within(30, `everything before ${offset} is gone`, isGone());
  asking.close();
}

/** A client that notes what it is told to be gone, and how much it had got by then. */
function client(t, server, options) {
  const client = new Recoverable(t, server.url, options);
  client.gone = [];
  client.socket.on("history gone", ({ before }) => client.gone.push({ before, after: client.contents.length }));
  return client;
}

/** Away until `back`. */
async function leave({ socket }) {
  const gone = once(socket, "disconnect");
  socket.io.reconnection(false);
  socket.io.engine.close();
  await gone;
}

async function back(client) {
  client.socket.connect();
  await client.connected();
}

for (const transport of ["websocket", "polling"]) {
  const options = { transports: [transport] };
  test(`a client that was away for too long is told once, and gets the rest (${transport})`, async (t) => {
    const server = await Server.start(t, { args });
    const away = client(t, server, options);
    await say(t, server, 3);
    await away.has(3);
    assert.deepEqual(away.gone, []);
    await leave(away);
    await say(t, server, 20);
    await goneBefore(t, server, 23 - KEPT + 1);
    away.contents.length = 0;
    await back(away);
    await away.has(KEPT);
    assert.deepEqual(away.gone, [{ before: 19, after: 0 }]);
    assert.deepEqual(away.contents, [16, 17, 18, 19, 20].map((number) => `said ${number}`));

    // It is not told again: its position is after what is gone, also if nothing came since.
    await leave(away);
    await back(away);
    assert.equal(away.socket.recovered, true);
    await say(t, server, 1);
    await away.has(KEPT + 1);
    assert.equal(away.gone.length, 1);
  });
}

test("its position is after what is gone, also when nothing is left for it", async (t) => {
  const server = await Server.start(t, { args });
  const away = client(t, server);
  await say(t, server, 1);
  await away.has(1);
  await leave(away);
  const talker = connect(t, server.url, { auth: { rooms: ["elsewhere"] } });
  for (let number = 0; number < 20; number++) await send(talker, "hello", undefined, { room: "elsewhere" });
  await goneBefore(t, server, 21 - KEPT + 1);
  const told = once(away.socket, "history gone");
  await back(away);
  await told;
  assert.deepEqual(away.gone, [{ before: 17, after: 1 }]);
  await leave(away);
  await back(away);
  await say(t, server, 1);
  await away.has(2);
  assert.equal(away.gone.length, 1);
});

test("a client that names an offset is told, and one with a later offset is not", async (t) => {
  const server = await Server.start(t, { args });
  await say(t, server, 20);
  await goneBefore(t, server, 16);
  const [early, late] = [10, 17].map((serverOffset) => client(t, server, { auth: { serverOffset } }));
  await early.has(5);
  await late.has(3);
  assert.deepEqual(early.gone, [{ before: 16, after: 0 }]);
  assert.deepEqual(late.gone, []);
});

test("past messages end where they are gone, and the answer says so", async (t) => {
  const server = await Server.start(t, { args });
  await say(t, server, 20);
  await goneBefore(t, server, 16);
  const { socket } = client(t, server);
  const ask = (request) => socket.timeout(20_000).emitWithAck("history", { room: "general", ...request });
  const offsets = async (request) => {
    const { messages, more, goneBefore } = await ask(request);
    return { offsets: messages.map(({ offset }) => offset), more, goneBefore };
  };
  assert.deepEqual(await offsets({}), { offsets: [16, 17, 18, 19, 20], more: false, goneBefore: 16 });
  assert.deepEqual(await offsets({ limit: 2 }), { offsets: [19, 20], more: true, goneBefore: undefined });
  assert.deepEqual(await offsets({ before: 17 }), { offsets: [16], more: false, goneBefore: 16 });
  assert.deepEqual(await offsets({ before: 10 }), { offsets: [], more: false, goneBefore: 16 });
  assert.deepEqual(await offsets({ after: 10, limit: 2 }), { offsets: [16, 17], more: false, goneBefore: 16 });
});

test("a retry of a message that is gone is acked with its offset", async (t) => {
  const server = await Server.start(t, { args });
  const talker = connect(t, server.url, { auth: { nickname: "Ada" } });
  assert.equal((await send(talker, "the first", "the key")).offset, 1);
  await say(t, server, 20);
  await goneBefore(t, server, 17);
  const again = await send(talker, "the first", "the key");
  assert.deepEqual([again.offset, again.duplicate], [1, true]);
});

test("what is gone is in no file, and the words of it neither", async (t) => {
  const folder = temporaryDirectory(t);
  const server = await Server.start(t, { store: `sqlite:${join(folder, "chat.db")}`, args });
  await say(t, server, 20, (number) => `secret${number}xyz`);
  const files = (text) =>
    readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));
  const isGone = async () => {
    while (files("secret15xyz").length > 0) await sleep(100);
  };
  await within(60, "it is gone", isGone());
  assert.deepEqual(files("secret1xyz"), []);
  assert.notDeepEqual(files("secret16xyz"), []);
});

// A client that sends without waiting: the order is kept, and every message is answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { assertAllWhole, connect, pause, Reader, resume, TRANSPORTS } from "./support/client.mjs";
import { assertAscending, sendPipelined, writeHistory } from "./support/sender.mjs";
import { Server } from "./support/server.mjs";

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: 5,000 messages at once are stored in the order they were sent`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const reader = new Reader(t, server.url, { transports });
    // From the first on, also those that the client has kept until it was connected.
    const acked = await sendPipelined(reader.socket, 5000, (n) => `message ${n}`);
    await assertAllWhole([reader], 5000, acked);
    assertAscending(acked);
  });
}

test("eight clients that send at once have each their own order", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const readers = Array.from({ length: 8 }, () => new Reader(t, server.url));
  const acked = await Promise.all(
    readers.map(({ socket }, client) => sendPipelined(socket, 500, (n) => `client ${client}, ${n}`)),
  );
  await assertAllWhole(readers, 4000, acked.flat());
  for (const own of acked) assertAscending(own);
});

test("messages with and without a key, with and without an ack, keep their order", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = new Reader(t, server.url);
  const { socket } = reader;
  for (let n = 0; n < 2000; n++) {
    const args = [`message ${n}`];
    if (n % 3 === 0) args.push(`key-${n}`);
    if (n % 5 === 0) args.push(() => {});
    socket.emit("chat message", ...args);
  }
  await reader.reached(2000);
  reader.assertWhole();
  assert.deepEqual(reader.contents, Array.from({ length: 2000 }, (_, n) => `message ${n}`));
});

test("every message is answered while a long replay is on its way to the sender", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await writeHistory(t, server.url, 30_000);
  const reader = new Reader(t, server.url);
  await reader.reached(1);
  const acked = await sendPipelined(reader.socket, 3000, (n) => `message ${n}`);
  await assertAllWhole([reader], 33_000, acked);
  assertAscending(acked);
});

test("every message is answered when a sender that does not read goes on reading", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = new Reader(t, server.url);
  await once(reader.socket, "connect");
  pause(reader.socket);

  // More than the buffers of both systems hold, so that the server cannot write to it any more.
  const flood = connect(t, server.url);
  const long = "x".repeat(4096);
  await sendPipelined(flood, 5000, (n) => `${n} ${long}`, { ahead: 200 });
  const answers = sendPipelined(reader.socket, 2000, (n) => `message ${n}`);
  await sleep(1000);
  assert.equal(reader.last, 0, "it has read nothing");
  resume(reader.socket);

  const acked = await answers;
  await assertAllWhole([reader], 7000, acked);
  assertAscending(acked);
  assert.deepEqual(reader.disconnects, []);
});

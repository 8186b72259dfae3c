// The server is asked to end: what it has taken is stored and acked, and clients come back by themselves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { assertAllWhole, connect, pause, Reader, resume } from "./support/client.mjs";
import { assertAscending, sendPipelined } from "./support/sender.mjs";
import { freePort, Server } from "./support/server.mjs";

// After any other reason the client does not reconnect.
const LOST = ["transport close", "transport error"];

const start = async (t) => Server.start(t, { listen: `127.0.0.1:${await freePort()}` });

function assertClean({ code, seconds }) {
  assert.equal(code, 0, "the exit code");
  assert.ok(seconds < 10, `it ended within ${seconds.toFixed(1)} s`);
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal}: an idle server ends at once, with code 0`, { timeout: 30_000 }, async (t) => {
    const server = await start(t);
    const end = await server.terminate(signal);
    assertClean(end);
    assert.ok(end.seconds < 3, `it took ${end.seconds.toFixed(1)} s with nothing to do`);
  });

  test(`${signal}: a websocket is told why it ends`, { timeout: 30_000 }, async (t) => {
    const server = await start(t);
    const socket = connect(t, server.url);
    await once(socket, "connect");
    const { ws } = socket.io.engine.transport;
    const closed = new Promise((resolve) => ws.addEventListener("close", resolve));
    await server.terminate(signal);
    const { code, reason } = await within(10, "the end", closed);
    assert.deepEqual([code, reason], [1001, "the server is stopping; connect again"]);
  });

  test(`${signal}: what is stored is acked, what is acked is stored, and the client comes back`, { timeout: 60_000 }, async (t) => {
    const server = await start(t);
    const { socket } = new Reader(t, server.url);
    await once(socket, "connect");
    const acked = [];
    let sent = 0;
    // Some hundred are on their way at any time, also when the signal comes.
    const enough = new Promise((resolve) => {
      const sendNext = () => {
        if (!socket.connected) return;
        const number = sent++;
        const content = `message ${number}`;
        socket.emit("chat message", content, ({ offset }) => {
          acked[number] = { content, offset };
          if (number === 2000) resolve();
          sendNext();
        });
      };
      for (let n = 0; n < 500; n++) sendNext();
    });
    await within(20, "the first acks", enough);
    const lost = once(socket, "disconnect");
    assertClean(await server.terminate(signal));
    const [reason] = await lost;
    assert.ok(LOST.includes(reason), reason);

    const returned = once(socket, "connect", 20);
    await server.restart();
    await returned;
    const later = new Reader(t, server.url);
    const { offset: tail } = await socket.timeout(10_000).emitWithAck("chat message", "the end");
    await later.reached(tail);
    later.assertWhole(acked);
    assert.ok(acked.length < sent, "the signal came in the middle");
    // Without a retry, an ack that is lost is a message that the sender does not know of.
    assert.equal(tail - 1, acked.length, "as many are stored as are acked");
    assertAscending(acked);
  });
}

test("one message after the other with retries goes on after a restart as if nothing had been", { timeout: 60_000 }, async (t) => {
  const server = await start(t);
  const sender = new Reader(t, server.url, { ackTimeout: 10_000, retries: 3 });
  const acked = [];
  let reached;
  const halfway = new Promise((resolve) => (reached = resolve));
  const sends = Array.from({ length: 500 }, async (_, n) => {
    const content = `message ${n}`;
    const { offset } = await sender.socket.emitWithAck("chat message", content, `key-${n}`);
    acked.push({ content, offset });
    if (n === 200) reached();
  });
  await halfway;
  assertClean(await server.terminate("SIGTERM"));
  await server.restart();
  await within(20, () => `${acked.length} are acked`, Promise.all(sends));
  await assertAllWhole([sender, new Reader(t, server.url)], 500, acked);
  assertAscending(acked);
});

test("clients that poll, that are upgrading, or that do not read do not hold it up", { timeout: 60_000 }, async (t) => {
  const server = await start(t);
  const stalled = new Reader(t, server.url);
  await once(stalled.socket, "connect");
  pause(stalled.socket);
  const writer = connect(t, server.url);
  const long = "x".repeat(4096);
  const acked = await sendPipelined(writer, 5000, (n) => `${n} ${long}`, { ahead: 200 });

  const polling = new Reader(t, server.url, { transports: ["polling"], from: 4990 });
  const upgrading = new Reader(t, server.url, { transports: undefined, from: 4990 });
  await Promise.all([polling.reached(5000), once(upgrading.socket, "connect")]);
  const lost = [polling, upgrading].map(({ socket }) => once(socket, "disconnect"));
  assertClean(await server.terminate("SIGTERM"));
  for (const [reason] of await Promise.all(lost)) assert.ok(LOST.includes(reason), reason);

  await server.restart();
  resume(stalled.socket);
  await assertAllWhole([stalled, polling, upgrading], 5000, acked);
  for (const reason of stalled.disconnects) assert.ok(LOST.includes(reason), reason);
  // All three are connected to the new one.
  await sendPipelined(writer, 1, () => "after the restart");
  await assertAllWhole([stalled, polling, upgrading], 5001, acked);
});

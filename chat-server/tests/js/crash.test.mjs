// The server is killed with SIGKILL while clients send, and starts again on the same port and store.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, within } from "./support/bounds.mjs";
import { assertAllWhole, Reader } from "./support/client.mjs";
import { seeded } from "./support/random.mjs";
import { assertAscending, PersistentSender } from "./support/sender.mjs";
import { freePort, Server } from "./support/server.mjs";

const start = async (t) => Server.start(t, { listen: `127.0.0.1:${await freePort()}` });

/** Kills and restarts the server `times` times, each after some more of the messages are acked. */
async function crash(server, random, times, acked, [fewest, most]) {
  for (let crashes = 0; crashes < times; crashes++) {
    const target = acked() + random.between(fewest, most);
    await within(30, () => `${acked()} of ${target} are acked`, reached(() => acked() >= target));
    await server.kill();
    await server.restart();
  }
}

async function reached(condition) {
  while (!condition()) await sleep(1);
}

async function assertStored(t, server, count, readers, acked) {
  const later = new Reader(t, server.url);
  await assertAllWhole([later, ...readers], count, acked);
  assertAscending(acked);
}

test("the client's retries finish what a crash has interrupted", { timeout: 60_000 }, async (t) => {
  const random = seeded(t);
  const server = await start(t);
  const sender = new Reader(t, server.url, { ackTimeout: 10_000, retries: 3 });
  const acked = [];
  const sends = Array.from({ length: 600 }, async (_, n) => {
    const content = `message ${n}`;
    const { offset } = await sender.socket.emitWithAck("chat message", content, `key-${n}`);
    acked.push({ content, offset });
  });
  await Promise.all([crash(server, random, 3, () => acked.length, [40, 150]), ...sends]);
  await assertStored(t, server, 600, [sender], acked);
});

test("messages sent without waiting are there once, in order, after crashes", { timeout: 60_000 }, async (t) => {
  const random = seeded(t);
  const server = await start(t);
  const reader = new Reader(t, server.url);
  const sender = new PersistentSender(t, server.url, "sender");
  let answered = 0;
  const sends = [];
  // Up to 300 at once, so that each crash hits some of them.
  const send = async (content) => {
    await sender.send(content);
    answered++;
  };
  const sendAll = async () => {
    for (let n = 0; n < 20_000; n++) {
      await reached(() => n - answered < 300);
      sends.push(send(`message ${n}`));
    }
  };
  await Promise.all([crash(server, random, 4, () => answered, [500, 4000]), sendAll()]);
  await within(20, () => `${answered} are acked`, Promise.all(sends));
  await assertStored(t, server, 20_000, [reader, sender.reader], sender.acked);
});

test("messages sent with no key are never there twice, and the acked ones are there", { timeout: 60_000 }, async (t) => {
  const random = seeded(t);
  const server = await start(t);
  const { socket } = new Reader(t, server.url);
  const acked = [];
  let sent = 0;
  const sendNext = () => {
    const content = `message ${sent++}`;
    socket.emit("chat message", content, ({ offset }) => {
      acked.push({ content, offset });
      sendNext();
    });
  };
  // A crash takes the acks with it: those that were on their way are sent anew as other messages.
  socket.on("connect", () => Array.from({ length: 50 }, sendNext));
  await crash(server, random, 3, () => acked.length, [200, 1000]);
  socket.close();

  const later = new Reader(t, server.url);
  await later.reached(acked.at(-1).offset);
  later.assertWhole(acked);
  assert.equal(new Set(later.contents).size, later.contents.length, "none is there twice");
});

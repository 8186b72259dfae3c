// A long history, read while others write and by readers that stop, costs neither messages nor memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "./support/bounds.mjs";
import { assertAllWhole, connect, pause, Reader, resume } from "./support/client.mjs";
import { Server } from "./support/server.mjs";
import { sendPipelined, Writer, writeHistory } from "./support/sender.mjs";

const HISTORY = 100_000;
const STALLED = 20;

// By how much the server's memory grows at most, in MiB; what it has when it starts is mostly the program itself. Had it kept
// for each stalled reader what that has not read, about 25 MB a reader, it would hold 500 more.
const MOST_GROWTH = 90;

const history = (number) => `history ${number}: ${"words ".repeat(12)}`;

test("a history of 100,000 messages", { timeout: 150_000 }, async (t) => {
  const server = await Server.start(t);
  const atStart = server.peakMemory();
  await t.test("is written", () => writeHistory(t, server.url, HISTORY, history));

  await t.test("reaches a new client whole and in order while two others keep writing", async (t) => {
    const writers = ["first", "second"].map((name) => new Writer(t, server.url, name, { from: HISTORY }));
    const reader = new Reader(t, server.url);
    // All clients share this process: the writers get their turns while the reader rests.
    reader.socket.on("chat message", (_, offset) => {
      if (offset % 1000 !== 0) return;
      pause(reader.socket);
      setTimeout(() => resume(reader.socket), 5);
    });
    await reader.reached(HISTORY + 1, 60);
    const acked = (await Promise.all(writers.map((writer) => writer.stop()))).flat();
    const tail = HISTORY + acked.length;

    await assertAllWhole([reader], tail, acked);
    for (let n = 0; n < HISTORY; n++) assert.equal(reader.at(n + 1), history(n));
    assert.ok(acked.length >= 100, `they did write: ${acked.length}`);
    t.diagnostic(`${acked.length} messages were written meanwhile`);
  });

  await t.test("waits for readers that stop for 10 s, within bounded memory", async (t) => {
    const stalled = Array.from({ length: STALLED }, () => new Reader(t, server.url));
    await Promise.all(stalled.map((reader) => reader.reached(1).then(() => pause(reader.socket))));
    const behind = stalled.map(({ last }) => last);
    assert.ok(Math.max(...behind) < HISTORY / 2, "they stopped in the middle");

    const writer = connect(t, server.url, { auth: { serverOffset: HISTORY } });
    const acked = await sendPipelined(writer, 5000, (n) => `while they stall ${n}`, { ahead: 100 });
    await sleep(10_000);
    assert.deepEqual(stalled.map(({ last }) => last), behind, "they read nothing");
    const tail = acked.at(-1).offset;
    const grown = server.peakMemory() - atStart;

    // The others stay as they are: what they would read is the same.
    const goingOn = stalled.slice(0, 3);
    for (const reader of goingOn) resume(reader.socket);
    await assertAllWhole(goingOn, tail, acked);
    for (const { disconnects } of stalled) assert.deepEqual(disconnects, [], "the same connection");
    assert.ok(grown < MOST_GROWTH, `the server holds ${grown.toFixed()} MiB more`);
    t.diagnostic(`the server held ${grown.toFixed()} MiB more at most`);
  });
});

// A client that joins while others write: its replay is complete before the first live message comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAllWhole, connect, Reader, TRANSPORTS } from "./support/client.mjs";
import { seeded } from "./support/random.mjs";
import { sendPipelined, Writer, writeHistory } from "./support/sender.mjs";
import { Server } from "./support/server.mjs";

const HISTORY = 1500;

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: clients that join while others write see every message in order`, { timeout: 60_000 }, async (t) => {
    const random = seeded(t);
    const server = await Server.start(t);
    const history = await writeHistory(t, server.url, HISTORY);
    const writers = [1, 2, 3].map((number) => new Writer(t, server.url, `writer ${number}`, { from: HISTORY }));

    const readers = [];
    for (let wave = 0; wave < 6; wave++) {
      const joining = Array.from({ length: 10 }, () => {
        const from = random.oneIn(2) ? 0 : random.between(1, HISTORY);
        return new Reader(t, server.url, { transports, from });
      });
      // The next wave joins when this one has its replay.
      await Promise.all(joining.map((reader) => reader.reached(HISTORY + 1)));
      readers.push(...joining);
    }
    const acked = (await Promise.all(writers.map((writer) => writer.stop()))).flat();

    await assertAllWhole(readers, HISTORY + acked.length, [...history, ...acked]);
    assert.ok(acked.length >= 30, `they did write: ${acked.length}`);
    t.diagnostic(`${acked.length} messages were written meanwhile`);
  });
}

test("clients that join at the very end of the log miss nothing of a burst", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const burst = connect(t, server.url);
  const readers = [];
  let acked = [];
  for (let round = 0; round < 30; round++) {
    const tail = acked.length;
    // Joining and writing start together: the subscription begins somewhere within the burst.
    readers.push(...[1, 2, 3].map(() => new Reader(t, server.url, { from: tail })));
    acked = acked.concat(await sendPipelined(burst, 100, (n) => `burst ${round}, ${n}`));
  }
  await assertAllWhole(readers, acked.length, acked);
});

// Clients that send more than they may wait, and lose nothing: neither messages nor the connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

// It reads 100 events a second and 20 at once, and ends connections that do not answer a heartbeat within 0.3 s.
const impatient = process.env.CHAT_IMPATIENT_URL;

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client that sends 300 events at once keeps its connection`, { timeout: 60_000 }, async (t) => {
    const socket = connect(t, impatient, { transports });
    const reasons = [];
    socket.on("disconnect", (reason) => reasons.push(reason));
    await new Promise((resolve) => socket.once("connect", resolve));
    const since = performance.now();
    const answers = await within(30, "all answers", Promise.all(
      Array.from({ length: 300 }, (_, n) => socket.emitWithAck("echo", n)),
    ));
    const seconds = (performance.now() - since) / 1000;
    assert.deepEqual(answers, Array.from({ length: 300 }, (_, n) => n));
    assert.deepEqual(reasons, []);
    assert.ok(seconds > 2.5, `it took ${seconds} s`);
  });
}

test("a flood waits, all of it is stored, and others wait for nothing", { timeout: 60_000 }, async (t) => {
  const env = { CHAT_MAX_EVENTS_PER_SECOND: "1000", CHAT_EVENT_BURST: "500" };
  const { url } = await Server.start(t, { env });
  const [flooder, other] = [connect(t, url), connect(t, url)];
  const flood = Promise.all(Array.from({ length: 4000 }, (_, n) => send(flooder, `${n}`, `key ${n}`)));
  const since = performance.now();
  let flooding = true;
  flood.finally(() => (flooding = false));
  let [sent, slowest] = [0, 0];
  while (flooding) {
    const before = performance.now();
    assert.ok((await send(other, "hi")).offset > 0);
    slowest = Math.max(slowest, performance.now() - before);
    sent += 1;
  }
  const seconds = (performance.now() - since) / 1000;
  const offsets = (await flood).map(({ offset }) => offset);
  assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b), "in the order they were sent");
  assert.ok(seconds >= 3.3, `it took ${seconds} s`);
  t.diagnostic(`the other one sent ${sent}, each answered within ${slowest.toFixed()} ms`);
});

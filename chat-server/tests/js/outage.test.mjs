// Several nodes while what connects them fails and comes back: tests/it/nodes.rs sees to that meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { Reader } from "./support/client.mjs";
import { assertAscending } from "./support/sender.mjs";

const urls = process.env.CHAT_NODE_URLS.split(",");
const seconds = Number(process.env.CHAT_OUTAGE_SECONDS);

async function readiness(url) {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, text: await response.text() };
}

test("messages flow on or are retried, once and in one order, and readiness tells", { timeout: 120_000 }, async (t) => {
  assert.deepEqual(await readiness(urls[0]), { status: 200, text: "ready\n" });
  const readers = urls.map((url) => new Reader(t, url));
  const senders = urls.map((url) => new Reader(t, url, { retries: Infinity, ackTimeout: 2000 }));
  await Promise.all([...readers, ...senders].map(({ socket }) => once(socket, "connect")));

  const acked = senders.map(() => []);
  const unready = new Set();
  const until = Date.now() + seconds * 1000;
  const sending = senders.map(async ({ socket }, node) => {
    for (let n = 0; Date.now() < until; n++) {
      const content = `${node}: ${n}`;
      const answer = await socket.emitWithAck("chat message", content, `${node}-${n}`);
      acked[node].push({ content, offset: answer.offset });
      await sleep(20);
    }
  });
  const watching = (async () => {
    while (Date.now() < until) {
      const { status, text } = await readiness(urls[0]);
      if (status === 503) unready.add(text.trim());
      await sleep(200);
    }
  })();
  await Promise.all([...sending, watching]);

  acked.forEach(assertAscending);
  const all = acked.flat();
  const last = Math.max(...all.map(({ offset }) => offset));
  await Promise.all([...readers, ...senders].map((reader) => reader.reached(last)));
  for (const reader of readers) {
    reader.assertWhole(all);
    assert.deepEqual(reader.contents, readers[0].contents);
  }
  assert.equal(all.length, last, "as many as there are, each once");
  assert.match([...unready].join(), new RegExp(process.env.CHAT_OUTAGE_OF), "/readyz told of it");
  for (let n = 0; (await readiness(urls[0])).status !== 200; n++) {
    assert.ok(n < 100, "ready again");
    await sleep(100);
  }
});

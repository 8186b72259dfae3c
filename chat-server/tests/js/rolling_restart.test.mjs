// Two nodes behind a proxy that is configured as docs/OPERATIONS.md says are restarted, one after the other.
//
// The proxy is that of tests/it/nginx.rs.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { defer, once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, Reader } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const proxy = process.env.CHAT_PROXY_URL;
const addresses = process.env.CHAT_NODE_ADDRESSES.split(",");
const CLIENTS = 200;
const NETWORKS = 20;

// Those of the client's own, not the tests': they are what a restart takes.
const AS_USUAL = { reconnectionDelay: 1000, reconnectionDelayMax: 5000 };
const BACK_WITHIN_SECONDS = 15;

async function isReady(url) {
  const { status } = await fetch(`${url}/readyz`);
  return status === 200;
}

test("clients are back within seconds, and nothing is missed or repeated", { timeout: 120_000 }, async (t) => {
  const store = `sqlite:${join(temporaryDirectory(t), "chat.db")}`;
  const nodes = [];
  for (const listen of addresses) nodes.push(await Server.start(t, { store, listen }));
  const readers = Array.from({ length: CLIENTS }, (_, n) => {
    // The proxy tells networks apart, not addresses.
    const agent = new Agent({ localAddress: `127.0.${(n % NETWORKS) + 1}.1` });
    defer(t, () => agent.destroy());
    return new Reader(t, proxy, { ...AS_USUAL, agent });
  });
  const isThere = ({ socket }) => socket.connected;
  await Promise.all(readers.map((reader) => isThere(reader) || once(reader.socket, "connect", 30)));

  const writer = connect(t, proxy, { ...AS_USUAL, retries: Infinity, ackTimeout: 1000 });
  const acked = [];
  let writing = true;
  const written = (async () => {
    for (let n = 0; writing; n++) {
      const content = `message ${n}`;
      const { offset } = await writer.emitWithAck("chat message", content, `key-${n}`);
      acked.push({ content, offset });
      await sleep(50);
    }
  })();

  for (const node of nodes) {
    const cutOff = readers.reduce((count, { disconnects }) => count + disconnects.length, 0);
    const since = performance.now();
    await node.terminate("SIGTERM");
    await sleep(500);
    await node.restart();
    const seconds = () => (performance.now() - since) / 1000;
    while (!(readers.every(isThere) && (await isReady(node.url)))) {
      const back = readers.filter(isThere).length;
      assert.ok(seconds() < BACK_WITHIN_SECONDS, `${back} of ${CLIENTS} clients are back after ${seconds()} s`);
      await sleep(20);
    }
    t.diagnostic(`all back after ${seconds().toFixed(1)} s`);
    const all = readers.reduce((count, { disconnects }) => count + disconnects.length, 0);
    assert.ok(all - cutOff > 0, "the node had clients");
  }

  writing = false;
  await within(20, "the last message is acked", written);
  const last = Math.max(...acked.map(({ offset }) => offset));
  assert.equal(acked.length, last, "as many as there are, each once");
  await Promise.all(readers.map((reader) => reader.reached(last)));
  for (const reader of readers) reader.assertWhole(acked);
});

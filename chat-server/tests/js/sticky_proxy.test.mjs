// Clients of several addresses behind a proxy that is configured as docs/OPERATIONS.md says.
//
// The nodes and the proxy are those of tests/it/nginx.rs.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { defer, once } from "./support/bounds.mjs";
import { connect, Reader, send, TRANSPORTS } from "./support/client.mjs";

const proxy = process.env.CHAT_PROXY_URL;
const CLIENTS = 8;

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`over ${name}, clients reach the nodes and stay with them`, { timeout: 30_000 }, async (t) => {
    const first = connect(t, proxy);
    const { offset: from } = await send(first, "the end so far");
    const readers = Array.from({ length: CLIENTS }, (_, n) => {
      // The proxy tells networks apart, not addresses.
      const agent = new Agent({ localAddress: `127.0.${n + 1}.1` });
      defer(t, () => agent.destroy());
      return new Reader(t, proxy, { from, transports, agent });
    });
    await Promise.all(readers.map(({ socket }) => once(socket, "connect")));
    const contents = readers.map((_, n) => `from ${n} `.padEnd(50_000, "x"));
    const acks = await Promise.all(readers.map(({ socket }, n) => send(socket, contents[n])));
    await Promise.all(readers.map((reader) => reader.reached(from + CLIENTS)));
    const acked = acks.map(({ offset }, n) => ({ offset, content: contents[n] }));
    for (const reader of readers) {
      reader.assertWhole(acked);
      assert.deepEqual(reader.disconnects, []);
    }
  });
}

// Clients in Python behind a proxy that is configured as docs/OPERATIONS.md says.
//
// The nodes and the proxy are those of tests/it/nginx.rs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { python } from "./support/page.mjs";

const url = process.env.CHAT_PROXY_URL;
const said = [];
const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], default: null };

for (const section of ["Python with asyncio", "Python with threads"]) {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`${section}, ${name}: clients reach the nodes and each other`, { timeout: 30_000 }, async (t) => {
      const [one, other] = [1, 2].map(() => python(t, section, url, { transports }));
      for (const client of [one, other, one, other]) {
        said.push(`${section}, ${name}, ${said.length}`);
        assert.equal((await client.say(said.at(-1))).offset, said.length);
      }
      for (const client of [one, other]) {
        await client.has(said.length);
        assert.deepEqual(client.shown, said);
      }
    });
  }
}

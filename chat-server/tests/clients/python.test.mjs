// python-socketio over each transport: a long replay, messages both ways, and cuts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../js/support/bounds.mjs";
import { Proxy } from "../js/support/proxy.mjs";
import { writeHistory } from "../js/support/sender.mjs";
import { Server } from "../js/support/server.mjs";
import { python } from "./support/page.mjs";

const HISTORY = 2000;
// The default begins with polling and upgrades.
const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], default: null };

for (const section of ["Python with asyncio", "Python with threads"]) {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`${section}, ${name}: a long history and what is said meanwhile`, { timeout: 90_000 }, async (t) => {
      const server = await Server.start(t);
      const expected = Array.from({ length: HISTORY }, (_, n) => `history ${n}`);
      await writeHistory(t, server.url, HISTORY, (n) => expected[n]);
      const [one, other] = [1, 2].map(() => python(t, section, server.url, { transports }));
      // While the history is on its way.
      for (let number = 0; number < 20; number++) {
        expected.push(`live ${number}`);
        const { offset, duplicate } = await one.say(expected.at(-1));
        assert.deepEqual({ offset, duplicate }, { offset: expected.length, duplicate: false });
      }
      for (const client of [one, other]) {
        await client.has(expected.length);
        assert.deepEqual(client.shown, expected);
      }
    });

    // A poll of python-engineio with asyncio that is cut in the middle of an answer ends unnoticed, and it polls no more.
    if (section === "Python with asyncio" && name === "polling") continue;

    test(`${section}, ${name}: cuts in the middle of a history`, { timeout: 90_000 }, async (t) => {
      const server = await Server.start(t);
      const proxy = await Proxy.start(t, server);
      const expected = Array.from({ length: HISTORY }, (_, n) => `history ${n} ${"x".repeat(100)}`);
      await writeHistory(t, server.url, HISTORY, (n) => expected[n]);
      // Somewhere in the second hundred KB, of which each history has several.
      let cuts = 0;
      const cut = () => proxy.cutAfter(150_000 + 7 * cuts, { afterwards: () => ++cuts < 3 && cut() });
      cut();
      const client = python(t, section, proxy.url, { transports });
      await client.has(HISTORY);
      await client.say("live");
      await client.has(HISTORY + 1);
      await sleep(200); // What comes twice comes now.
      assert.deepEqual(client.shown, [...expected, "live"]);
      assert.ok(cuts >= 2, `it was cut ${cuts} times`);
    });
  }
}

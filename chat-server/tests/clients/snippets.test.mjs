// The clients of docs/CLIENTS.md, as they stand there: connections are cut, and every message arrives once, in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "../js/support/bounds.mjs";
import { connect, send } from "../js/support/client.mjs";
import { Proxy } from "../js/support/proxy.mjs";
import { Server } from "../js/support/server.mjs";
import { CLIENTS } from "./support/page.mjs";

const MESSAGES = 60;
const CUTS = 3;

for (const [section, start] of Object.entries(CLIENTS)) {
  test(`${section}: messages arrive once and in order, whatever is cut`, { timeout: 120_000 }, async (t) => {
    const server = await Server.start(t);
    const expected = ["written before they came"];
    await send(connect(t, server.url), expected[0]);
    const proxies = await Promise.all([Proxy.start(t, server), Proxy.start(t, server)]);
    const [sender, receiver] = proxies.map(({ url }) => start(t, section, url));
    await Promise.all([sender.has(1), receiver.has(1)]);
    for (let number = 0; number < MESSAGES; number++) {
      const content = `message ${number}, "quoted"\n${"x".repeat(number)} ☃`;
      expected.push(content);
      if (number % (MESSAGES / CUTS) === 5) {
        proxies[1].cut();
        // Somewhere in this message, or in the answer to it.
        proxies[0].cutAfter(20 + 2 * number, {});
      }
      await sender.say(content);
      if (number % 10 === 9) await sleep(300);
    }
    for (const client of [sender, receiver]) {
      await client.has(expected.length);
      await sleep(200); // What comes twice comes now.
      assert.deepEqual(client.shown, expected);
    }
  });
}

// Connections are cut at any moment: in the middle of a packet, of a handshake, of an upgrade.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./support/bounds.mjs";
import { assertAllWhole, Reader, TRANSPORTS } from "./support/client.mjs";
import { Proxy } from "./support/proxy.mjs";
import { seeded } from "./support/random.mjs";
import { assertAscending, PersistentSender } from "./support/sender.mjs";
import { Server } from "./support/server.mjs";

const MESSAGES = 200;

/** A slow link that is cut again and again, each time after some bytes, until `stop` is called. */
async function cutLink(t, server, random, most) {
  const proxy = await Proxy.start(t, server);
  proxy.delay = 2;
  const link = { url: proxy.url, cuts: 0, stop: () => (link.stopped = true) };
  const again = () => {
    if (link.stopped) return;
    proxy.cutAfter(random.between(300, most), {
      abruptly: random.oneIn(2),
      // To the server, all that it sends into the silence seems delivered.
      silence: random.oneIn(3) ? random.between(5, 50) : 0,
      afterwards: () => {
        link.cuts++;
        again();
      },
    });
  };
  again();
  return link;
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  // When a connection ends between the upgrade and the first packet, the client notices by this alone.
  const timeout = 1000;
  // To begin with polling takes many more bytes.
  const most = name === "websocket" ? 2500 : 8000;

  test(`${name}: messages sent with the client's retries arrive once, in order, whatever is cut`, { timeout: 90_000 }, async (t) => {
    const random = seeded(t);
    const server = await Server.start(t);
    const links = await Promise.all([1, 2, 3].map(() => cutLink(t, server, random, most)));
    const [sending, ...receiving] = links;
    const readers = receiving.map(({ url }) => new Reader(t, url, { transports, timeout }));

    // More than the tutorial's 3 retries: what the client gives up on is not what this is about.
    const options = { transports, timeout, ackTimeout: 10_000, retries: 1000 };
    const sender = new Reader(t, sending.url, options);
    readers.push(sender);
    const acked = [];
    const sends = Array.from({ length: MESSAGES }, async (_, n) => {
      const content = `message ${n}`;
      const { offset } = await sender.socket.emitWithAck("chat message", content, `key-${n}`);
      acked[n] = { content, offset };
    });
    await within(70, () => `${Object.keys(acked).length} messages are acked`, Promise.all(sends));
    for (const link of links) link.stop();

    await assertAllWhole(readers, MESSAGES, acked);
    assertAscending(acked);
    for (const { cuts } of links) assert.ok(cuts >= 5, `cut often enough: ${cuts}`);
    t.diagnostic(`cut ${links.map(({ cuts }) => cuts).join(", ")} times`);
  });

  test(`${name}: messages sent without waiting arrive once, in order, whatever is cut`, { timeout: 90_000 }, async (t) => {
    const random = seeded(t);
    const server = await Server.start(t);
    const links = await Promise.all([1, 2, 3].map(() => cutLink(t, server, random, most)));
    const [sending, ...receiving] = links;
    const readers = receiving.map(({ url }) => new Reader(t, url, { transports, timeout }));

    const sender = new PersistentSender(t, sending.url, "sender", { transports, timeout });
    readers.push(sender.reader);
    // A burst is longer than many a cut lets pass: it takes several tries.
    for (let sent = 0; sent < MESSAGES; sent += 20) {
      const burst = Array.from({ length: 20 }, (_, n) => sender.send(`message ${sent + n}`));
      await within(30, () => `${sender.acked.length} messages are acked`, Promise.all(burst));
    }
    for (const link of links) link.stop();

    await assertAllWhole(readers, MESSAGES, sender.acked);
    assertAscending(sender.acked);
    for (const { cuts } of links) assert.ok(cuts >= 5, `cut often enough: ${cuts}`);
    t.diagnostic(`cut ${links.map(({ cuts }) => cuts).join(", ")} times`);
  });
}

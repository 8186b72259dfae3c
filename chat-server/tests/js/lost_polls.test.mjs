// Answers to polls that the network loses: the connection ends, rather than go on with a gap.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Polling } from "./support/raw.mjs";
import { Server } from "./support/server.mjs";

/** A poll on a TCP connection of its own. */
async function poll(t, url, polling) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(port, hostname);
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(`GET ${polling.query()} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
  return socket;
}

test("a client that gives up a poll has given up the connection", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  await once(writer, "connect");
  const polling = await Polling.open(url);
  // Until there is nothing to tell of who has come.
  await sleep(300);
  const socket = await poll(t, url, polling);
  await sleep(200);
  socket.destroy();
  await sleep(200);
  await send(writer, "missed");
  const { status, text } = await polling.get();
  assert.deepEqual([status, JSON.parse(text).code], [400, 1]);
});

test("an answer on a connection that is reset before it is read counts as lost", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  await once(writer, "connect");
  for (let round = 0; round < 20; round++) {
    const polling = await Polling.open(url);
    const socket = await poll(t, url, polling);
    socket.pause();
    await send(writer, `missed ${round}`);
    await sleep(20);
    socket.resetAndDestroy();
    await sleep(50);
    const { status } = await polling.get();
    assert.equal(status, 400, `round ${round}`);
  }
});

test("connections that are reset when the client has gone on by another change nothing", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  await once(writer, "connect");
  const polling = await Polling.open(url, { auth: { serverOffset: 0 } });
  const offsets = [];
  for (let round = 0; round < 10; round++) {
    const socket = await poll(t, url, polling);
    const answered = once(socket, "data");
    const { offset } = await send(writer, `message ${round}`);
    const [text] = await answered;
    const pattern = /,(\d+),\{"room"/g;
    const got = [...text.toString().matchAll(pattern)].map(([, offset]) => Number(offset));
    // Who comes and goes may be told of first.
    while (got.at(-1) !== offset) {
      const { status, text } = await polling.get();
      assert.equal(status, 200, `round ${round}`);
      got.push(...[...text.matchAll(pattern)].map(([, offset]) => Number(offset)));
    }
    const waiting = polling.get();
    await sleep(50);
    socket.resetAndDestroy();
    await sleep(50);
    await send(writer, `wakes ${round}`);
    const woken = await waiting;
    assert.equal(woken.status, 200, `round ${round}`);
    got.push(...[...woken.text.matchAll(pattern)].map(([, offset]) => Number(offset)));
    offsets.push(...got);
  }
  const last = offsets.at(-1);
  assert.deepEqual(offsets, Array.from({ length: last }, (_, n) => n + 1));
});

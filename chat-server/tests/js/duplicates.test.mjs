// The same clientOffset is the same message, however often, from wherever and after whatever it comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, Reader, send } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

test("a message sent again gets the first offset, also on another connection and after a crash", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const first = connect(t, server.url);
  const second = connect(t, server.url);
  assert.deepEqual(await send(first, "hello", "key"), { offset: 1, duplicate: false });
  assert.deepEqual(await send(first, "hello", "key"), { offset: 1, duplicate: true });
  assert.deepEqual(await send(first, "other", "other key"), { offset: 2, duplicate: false });
  assert.deepEqual(await send(second, "hello", "key"), { offset: 1, duplicate: true });
  await server.kill();
  await server.restart();
  assert.deepEqual(await send(connect(t, server.url), "hello", "key"), { offset: 1, duplicate: true });

  const reader = new Reader(t, server.url);
  assert.deepEqual(await send(reader.socket, "last"), { offset: 3, duplicate: false });
  await reader.reached(3);
  assert.deepEqual(reader.contents, ["hello", "other", "last"]);
});

test("the same key with another message is refused and the first stays", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = new Reader(t, server.url);
  const { socket } = reader;
  await send(socket, "first", "key");
  const refused = await send(socket, "second", "key");
  assert.equal(refused.error?.code, "client_offset_conflict", JSON.stringify(refused));
  assert.deepEqual(await send(socket, "first", "key"), { offset: 1, duplicate: true });
  // Keys are exact, and messages without a key are all different.
  assert.deepEqual(await send(socket, "second", "Key"), { offset: 2, duplicate: false });
  assert.deepEqual(await send(socket, "first"), { offset: 3, duplicate: false });
  assert.deepEqual(await send(socket, "first"), { offset: 4, duplicate: false });
  await reader.reached(4);
  assert.deepEqual(reader.contents, ["first", "second", "first", "first"]);
});

test("a message sent by many at once is stored once, and each gets its offset", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const reader = new Reader(t, server.url);
  const sockets = Array.from({ length: 10 }, () => connect(t, server.url));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const keys = Array.from({ length: 50 }, (_, n) => `key-${n}`);
  const answers = await Promise.all(
    // Twice on each connection, so that some retries are in the same batch.
    [...sockets, ...sockets].map((socket) => Promise.all(keys.map((key) => send(socket, `message ${key}`, key)))),
  );
  await reader.reached(keys.length);
  for (let n = 0; n < keys.length; n++) {
    const offsets = new Set(answers.map((answer) => answer[n].offset));
    assert.equal(offsets.size, 1, `the offsets of ${keys[n]}: ${[...offsets]}`);
    assert.equal(answers.filter((answer) => !answer[n].duplicate).length, 1, "one of them was new");
    assert.equal(reader.at([...offsets][0]), `message ${keys[n]}`);
  }
  const { offset } = await send(reader.socket, "last");
  assert.equal(offset, keys.length + 1);
});

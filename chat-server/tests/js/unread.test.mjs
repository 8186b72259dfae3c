// Clients that ask for much and read nothing cost what one answer takes, each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, within } from "./support/bounds.mjs";
import { connect, pause, resume, send } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

/** Clients that are connected, have no message to wait for, and read nothing any more. */
async function deaf(t, url, count, tail) {
  const sockets = Array.from({ length: count }, () => connect(t, url, { auth: { serverOffset: tail } }));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  for (const socket of sockets) pause(socket);
  return sockets;
}

/** Asks often; resolves with what arrives, later. */
function ask(socket, times, ...event) {
  const answers = Promise.all(Array.from({ length: times }, () => socket.emitWithAck(...event)));
  // Most are never answered: the test is over before.
  answers.catch(() => {});
  return answers;
}

/** Asserts that the server holds little, with `sockets` that do not read, and that all is answered once they do. */
async function costLittle(t, server, answers, sockets, most) {
  await sleep(5000);
  const memory = server.peakMemory();
  t.diagnostic(`the server held ${memory.toFixed()} MiB at most`);
  assert.ok(memory < most, `the server held ${memory.toFixed()} MiB`);
  for (const socket of sockets.slice(0, 2)) resume(socket);
  return Promise.all(answers.slice(0, 2).map((answer) => within(60, "the answers", answer)));
}

test("pages of history that nobody reads", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  // Each byte of these takes six in JSON.
  for (let n = 0; n < 20; n++) await send(writer, "\u0001".repeat(65_000));
  const before = server.peakMemory();
  const sockets = await deaf(t, server.url, 50, 20);
  const answers = sockets.map((socket) => ask(socket, 12, "history", { room: "general", limit: 200 }));
  // A page has one message then, of 390,000 bytes. One is on its way to each client: as JSON, as a packet, and in what
  // is being written, which is 56 MiB. All that was asked for is 220 MiB in one copy.
  for (const pages of await costLittle(t, server, answers, sockets, before + 110)) {
    for (const { messages, more } of pages) {
      assert.deepEqual(messages.map(({ offset }) => offset), [20]);
      assert.equal(more, true);
    }
  }
});

test("lists of names that nobody reads", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const names = Array.from({ length: 300 }, (_, n) => `${"ア".repeat(36)}${n}`);
  const crowd = names.map((nickname) => connect(t, server.url, { auth: { nickname } }));
  await Promise.all(crowd.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  const before = server.peakMemory();
  const sockets = await deaf(t, server.url, 50, 0);
  const answers = sockets.map((socket) => ask(socket, 1000, "users", "general"));
  for (const lists of await costLittle(t, server, answers, sockets, before + 40)) {
    for (const { users, nicknames } of lists) assert.deepEqual([users, nicknames.length], [350, 300]);
  }
});

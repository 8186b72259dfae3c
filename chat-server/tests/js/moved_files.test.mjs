// The database is deleted, moved away or replaced under running servers: nothing more is acked, and they say so.

import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, Reader } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const FILES = ["chat.db", "chat.db-wal", "chat.db-shm"];

async function status(url) {
  const response = await fetch(`${url}/readyz`);
  return `${response.status} ${await response.text()}`;
}

async function becomes(url, expected) {
  for (let n = 0; !expected.test(await status(url)); n++) {
    assert.ok(n < 200, `/readyz says ${await status(url)}`);
    await sleep(50);
  }
}

/** Two servers with one store, and a client of each that sends again until it is answered. */
async function servers(t) {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const servers = [await Server.start(t, { store }), await Server.start(t, { store })];
  const writers = servers.map(({ url }) => connect(t, url, { retries: Infinity, ackTimeout: 500 }));
  await Promise.all(writers.map((writer) => once(writer, "connect")));
  for (const [n, writer] of writers.entries()) {
    await writer.emitWithAck("chat message", `before ${n}`, `before-${n}`);
  }
  return { folder, servers, writers };
}

/** Both are not ready, and acks nothing for a while. Resolves with what will be acked. */
async function assertStopped(servers, writers) {
  const acks = [];
  const sent = writers.map(async (writer, n) => {
    acks.push((await writer.emitWithAck("chat message", `after ${n}`, `after-${n}`)).offset);
  });
  for (const { url } of servers) await becomes(url, /^503 .*the store fails/);
  await sleep(1500);
  assert.deepEqual(acks, []);
  for (const { process } of servers) assert.match(process.stderr, /chat\.db\S* was deleted, moved or replaced/);
  return { acks, done: Promise.all(sent) };
}

for (const file of FILES) {
  test(`${file} is moved away and back: messages wait, and nothing is lost`, { timeout: 60_000 }, async (t) => {
    const { folder, servers: both, writers } = await servers(t);
    renameSync(join(folder, file), join(folder, "away"));
    const { acks, done } = await assertStopped(both, writers);
    renameSync(join(folder, "away"), join(folder, file));
    await within(20, "the messages are acked", done);
    assert.deepEqual(acks.sort(), [3, 4]);
    for (const { url } of both) await becomes(url, /^200 ready/);
    const reader = new Reader(t, both[0].url);
    await reader.reached(4);
    for (const { process } of both) {
      for (const direction of ["writing to", "reading from"]) {
        assert.equal(process.stderr.split(`${direction} the store has failed`).length, 2, process.stderr);
        assert.equal(process.stderr.split(`${direction} the store works again`).length, 2, process.stderr);
      }
    }
  });
}

test("another file takes the place of the database: it is neither read nor written", { timeout: 60_000 }, async (t) => {
  const { folder, servers: both, writers } = await servers(t);
  writeFileSync(join(folder, "other"), "");
  renameSync(join(folder, "other"), join(folder, "chat.db"));
  const { done } = await assertStopped(both, writers);
  assert.equal(statSync(join(folder, "chat.db")).size, 0);
  done.catch(() => {});
});

// As docs/OPERATIONS.md says.
test("a database that was deleted is saved from the running server", { timeout: 60_000 }, async (t) => {
  const { folder, servers: both, writers } = await servers(t);
  for (const file of FILES) rmSync(join(folder, file));
  const { acks, done } = await assertStopped(both, writers);
  const descriptors = `/proc/${both[0].process.child.pid}/fd`;
  for (const name of ["chat.db", "chat.db-wal"]) {
    const deleted = `${join(folder, name)} (deleted)`;
    const found = readdirSync(descriptors).find((fd) => {
      try {
        return readlinkSync(join(descriptors, fd)) === deleted;
      } catch {
        return false;
      }
    });
    copyFileSync(join(descriptors, found), join(folder, `saved-${name}`));
  }
  for (const server of both) await server.terminate("SIGTERM");
  for (const name of ["chat.db", "chat.db-wal"]) renameSync(join(folder, `saved-${name}`), join(folder, name));
  for (const server of both) await server.restart();
  await within(20, "the messages are acked", done);
  assert.deepEqual(acks.sort(), [3, 4]);
  const reader = new Reader(t, both[1].url);
  await reader.reached(4);
  assert.deepEqual(reader.contents.slice(0, 2), ["before 0", "before 1"]);
});

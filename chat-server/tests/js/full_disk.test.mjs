// A disk that is full for a while, under clients that read: /readyz and the log tell the truth about it.
//
// The disk is that of tests/it/disks.rs.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, Reader } from "./support/client.mjs";
import { tokenOf } from "./support/users.mjs";
import { Server } from "./support/server.mjs";

const disk = process.env.CHAT_DISK;
const ballast = join(disk, "ballast");

function fill() {
  for (let size = 8 * 1024 * 1024; size >= 4096; size /= 2) {
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      assert.equal(error.code, "ENOSPC");
    }
  }
}

const free = () => rmSync(ballast);

/** Looks at /readyz until told to stop, and notes what it says, without what it repeats. */
function watchReadiness(url) {
  const seen = [];
  let watching = true;
  const done = (async () => {
    while (watching) {
      const status = (await fetch(`${url}/readyz`)).status;
      if (seen.at(-1) !== status) seen.push(status);
      await sleep(20);
    }
  })();
  return {
    seen,
    until: (status, seconds) => {
      const reached = async () => {
        while (watching && seen.at(-1) !== status) await sleep(20);
      };
      return within(seconds, `/readyz says ${status}: ${seen}`, reached());
    },
    stop: async () => {
      watching = false;
      await done;
    },
  };
}

const count = (text, part) => text.split(part).length - 1;

function assertTold({ stderr }, what, times) {
  assert.equal(count(stderr, `${what} has failed`), times, stderr);
  assert.equal(count(stderr, `${what} works again`), times, stderr);
}

test("a full disk is one outage of writes and none of reads", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t, { store: `sqlite:${join(disk, "chat.db")}` });
  const readers = Array.from({ length: 5 }, () => new Reader(t, server.url));
  await Promise.all(readers.map(({ socket }) => once(socket, "connect")));
  const auth = { nickname: "Ada", token: tokenOf("Ada") };
  const writer = connect(t, server.url, { auth, retries: Infinity, ackTimeout: 700 });
  const write = (text, key) => writer.emitWithAck("chat message", text, key);
  const { offset: first } = await write("before", "before");
  const readiness = watchReadiness(server.url);
  await readiness.until(200, 5);

  // Small ones fit longer than large ones.
  fill();
  const acked = [];
  const written = (async () => {
    for (let n = 0; n < 40; n++) {
      const content = `${n} `.padEnd(n % 2 === 0 ? 20_000 : 1, "x");
      acked.push({ content, offset: (await write(content, `key-${n}`)).offset });
    }
  })();
  await readiness.until(503, 30);
  const reading = connect(t, server.url);
  for (let n = 0; n < 80; n++) {
    await reading.timeout(5000).emitWithAck("history", {});
    await sleep(100);
  }
  assert.deepEqual(readiness.seen, [200, 503], "not ready all the time");
  free();
  await within(30, "everything is stored", written);
  await readiness.until(200, 15);
  assert.deepEqual(readiness.seen, [200, 503, 200]);

  // Nobody writes when there is space again.
  fill();
  for (let n = 0; readiness.seen.at(-1) === 200; n++) {
    writer.volatile.emit("chat message", "y".repeat(60_000), `more-${n}`);
    await sleep(50);
  }
  // What takes several statements, which SQLite may undo by itself now, is undone and works later.
  for (let n = 0; n < 5; n++) {
    writer.volatile.emit("edit message", first, "z".repeat(60_000), `edit-${n}`);
    await sleep(50);
  }
  writer.disconnect();
  await sleep(8_000);
  assert.deepEqual(readiness.seen, [200, 503, 200, 503]);
  free();
  await readiness.until(200, 15);
  await sleep(3_000);
  assert.deepEqual(readiness.seen, [200, 503, 200, 503, 200]);
  await readiness.stop();

  const last = Math.max(...acked.map(({ offset }) => offset));
  await Promise.all(readers.map((reader) => reader.reached(last)));
  for (const reader of readers) reader.assertWhole(acked);
  writer.connect();
  const edited = await within(10, "an edit", writer.emitWithAck("edit message", first, "edited", "last edit"));
  assert.equal(edited.duplicate, false);
  await server.terminate("SIGTERM");
  assertTold(server.process, "writing to the store", 2);
  assertTold(server.process, "reading from the store", 0);
  assertTold(server.process, "reading the search index", 0);
  const indexing = count(server.process.stderr, "writing to the search index has failed");
  assert.ok(indexing <= 2, server.process.stderr);
  assertTold(server.process, "writing to the search index", indexing);
  assert.ok(count(server.process.stderr, "ERROR") <= 6, server.process.stderr);
});

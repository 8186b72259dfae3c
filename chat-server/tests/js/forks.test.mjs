// The log loses its end, as when an old state of the database is put in place: whoever is ahead is told, and misses nothing
// of what is there from then on.

import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, temporaryDirectory } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const KEPT = ["one", "two", "three"];
const LOST = ["four", "five"];

async function say(t, server, contents) {
  const talker = connect(t, server.url);
  for (const content of contents) await send(talker, content);
  talker.close();
}

/** A client that notes what it is told of another log, and how much it had got by then. */
function client(t, server, options) {
  const client = new Recoverable(t, server.url, options);
  client.told = [];
  client.socket.on("other log", ({ tail }) => client.told.push({ tail, after: client.contents.length }));
  return client;
}

/**
 * A server whose database has gone back to an earlier state. Its sessions are there; the client has got everything that was
 * said before, or only what is kept, and was away meanwhile.
 */
async function wentBack(t, { isAhead = true, since = [] } = {}) {
  const folder = temporaryDirectory(t);
  const [file, earlier] = ["chat.db", "earlier.db"].map((name) => join(folder, name));
  const server = await Server.start(t, { store: `sqlite:${file}` });
  const one = client(t, server);
  await say(t, server, KEPT);
  await one.has(KEPT.length);
  if (!isAhead) leave(one);
  await server.terminate("SIGTERM");
  copyFileSync(file, earlier);
  await server.restart();
  await say(t, server, LOST);
  if (isAhead) await one.has(KEPT.length + LOST.length);
  leave(one);
  await server.terminate("SIGTERM");
  copyFileSync(earlier, file);
  await server.restart();
  await say(t, server, since);
  return { server, client: one };
}

/** Stays away until it is told to connect. */
function leave({ socket }) {
  socket.io.reconnection(false);
  socket.io.engine.close();
}

for (const [when, since] of Object.entries({ "is shorter": [], "has grown past it": ["4th", "5th", "6th", "7th"] })) {
  test(`a client that is ahead is told, and gets all there is, when the log ${when}`, async (t) => {
    const { server, client: ahead } = await wentBack(t, { since });
    ahead.contents.length = 0;
    ahead.socket.connect();
    await ahead.connected();
    assert.equal(ahead.socket.recovered, false);
    await say(t, server, ["live"]);
    const all = [...KEPT, ...since, "live"];
    await ahead.has(all.length);
    assert.deepEqual(ahead.contents, all);
    assert.deepEqual(ahead.told, [{ tail: KEPT.length + since.length, after: 0 }]);
  });
}

test("a client that is not ahead recovers, and goes on with what was said instead", async (t) => {
  const { client } = await wentBack(t, { isAhead: false, since: ["4th", "5th"] });
  client.socket.connect();
  await client.connected();
  assert.equal(client.socket.recovered, true);
  await client.has(5);
  assert.deepEqual(client.contents, [...KEPT, "4th", "5th"]);
  assert.deepEqual(client.told, []);
});

test("a serverOffset alone that is beyond the end is of another log at once", async (t) => {
  const { server } = await wentBack(t);
  const page = client(t, server, { auth: { serverOffset: 5 } });
  await page.has(3);
  assert.deepEqual([page.contents, page.told], [KEPT, [{ tail: 3, after: 0 }]]);
});

test("a page that is loaded anew and says its position is told, though the log has grown past it", async (t) => {
  const { server, client: earlier } = await wentBack(t, { since: ["4th", "5th", "6th"] });
  const offset = earlier.socket._lastOffset;
  const page = client(t, server, { auth: { serverOffset: 5, offset, history: 2 } });
  await page.has(2);
  assert.deepEqual([page.contents, page.told], [["5th", "6th"], [{ tail: 6, after: 0 }]]);
});

test("a position of an earlier version, without a tag, goes on where it is", async (t) => {
  const server = await Server.start(t);
  await say(t, server, KEPT);
  const first = client(t, server);
  await first.has(3);
  const [epoch] = first.socket._lastOffset.split("-");
  first.socket._lastOffset = `${epoch}-3`;
  first.socket.io.engine.close();
  await once(first.socket, "connect", 20);
  assert.equal(first.socket.recovered, true);
  await say(t, server, ["next"]);
  await first.has(4);
  assert.deepEqual([first.contents, first.told], [[...KEPT, "next"], []]);
});

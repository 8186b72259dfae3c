// Two nodes with one store that do not hear each other: the append notifications between them are all lost.
//
// The nodes are those of tests/it/nodes.rs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Recoverable, sameSecret } from "./support/recoverable.mjs";

const urls = process.env.CHAT_NODE_URLS.split(",");

test("a session that was taken over is let go of and not overwritten where nobody heard of it", async (t) => {
  const client = new Recoverable(t, urls[0], {});
  await client.connected();
  const { id } = client.socket;
  const closed = once(client.socket, "disconnect");
  const newer = sameSecret(t, urls[1], client.socket);
  await newer.connected();
  assert.deepEqual([newer.socket.recovered, newer.socket.id], [true, id]);
  await newer.socket.emitWithAck("join", "joined there");
  assert.deepEqual((await closed).slice(0, 1), ["io server disconnect"]);

  const newest = sameSecret(t, urls[0], newer.socket);
  await newest.connected();
  assert.deepEqual([newest.socket.recovered, newest.socket.id], [true, id]);
  const talker = connect(t, urls[1], { auth: { rooms: ["joined there"] } });
  await send(talker, "still in it", null, { room: "joined there" });
  await newest.has(1);
  assert.deepEqual(newest.contents, ["still in it"]);
});

// A node that is killed: those who were on it leave, and those who come back elsewhere have never left.
//
// The nodes are those of tests/it/nodes.rs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "./support/bounds.mjs";
import { ask, User } from "./support/users.mjs";
import { Witness } from "./support/witness.mjs";

const [first, second] = process.env.CHAT_NODE_URLS.split(",");
const pid = Number(process.env.CHAT_NODE_PID);

test("a node that dies takes its people with it within seconds", async (t) => {
  const watcher = await User.connected(t, first, "Watcher");
  const lost = await User.connected(t, second, "Lost");
  const moving = await User.connected(t, second, "Moving");
  const users = async () => (await ask(watcher.socket, "users", "general")).users;
  while ((await users()) < 3) await sleep(20);
  const witness = new Witness(watcher.socket);
  lost.socket.io.reconnection(false);
  moving.socket.io.uri = first;
  const since = performance.now();
  process.kill(pid, "SIGKILL");
  assert.deepEqual(await witness.hears(1, 15), ["Lost left general: 2"]);
  const seconds = (performance.now() - since) / 1000;
  assert.ok(seconds < 10, `${seconds.toFixed(1)} s`);
  assert.equal(moving.socket.recovered, true);
  assert.deepEqual((await ask(watcher.socket, "users", "general")).nicknames, ["Moving", "Watcher"]);
  assert.deepEqual(witness.heard, ["Lost left general: 2"]);
});

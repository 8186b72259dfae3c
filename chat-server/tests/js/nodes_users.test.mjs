// People on several nodes: who is there, private messages, typing.
//
// The nodes are those of tests/it/nodes.rs, which runs this for every way they can be connected.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { sleep } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, User } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Witness } from "./support/witness.mjs";

const urls = process.env.CHAT_NODE_URLS.split(",");
assert.ok(urls.length >= 2, "there must be several nodes");

/** Names and a room of a test's own, at the end of the log. */
async function scene(t) {
  const id = randomUUID().slice(0, 8);
  const socket = connect(t, urls[0]);
  const { offset } = await send(socket, "the end so far");
  socket.close();
  const room = `room ${id}`;
  const user = (name, url, auth = {}) =>
    User.connected(t, url, `${name} ${id}`, { auth: { rooms: [room], serverOffset: offset, ...auth } });
  return { id, room, user };
}

/** Resolves when a client is told that so many are in the room. */
async function counts(user, room, expected) {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { users } = await ask(user.socket, "users", room);
    if (users === expected) return;
    assert.ok(performance.now() < deadline, `${users} are there, not ${expected}`);
    await sleep(50);
  }
}

test("who is there is the same on all nodes", async (t) => {
  const { id, room, user } = await scene(t);
  const ada = await user("Ada", urls[0]);
  const witness = new Witness(ada.socket);
  // Ada's node has to know of every Grace: otherwise one of them joins, for Ada, when the others have left.
  const own = urls.map((_, n) => `${room}, ${n}`);
  const lookout = await user("Lookout", urls[0], { rooms: own });
  const graces = [];
  for (const [n, url] of urls.entries()) {
    graces.push(await user("Grace", url, { rooms: [room, own[n]] }));
    await counts(lookout, own[n], 2);
  }
  for (const someone of [ada, ...graces]) await counts(someone, room, 2);
  const { nicknames } = await ask(graces.at(-1).socket, "users", room);
  assert.deepEqual(nicknames, [`Ada ${id}`, `Grace ${id}`]);
  for (const grace of graces) grace.socket.disconnect();
  await witness.hears(2);
  assert.deepEqual(witness.heard, [`Grace ${id} joined ${room}: 2`, `Grace ${id} left ${room}: 1`]);
});

test("moving to another node is neither leaving nor joining", async (t) => {
  const { id, room, user } = await scene(t);
  const watchers = await Promise.all(urls.map((url, n) => user(`Watcher ${n}`, url)));
  for (const watcher of watchers) await counts(watcher, room, urls.length);
  const grace = await user("Grace", urls[0]);
  for (const watcher of watchers) await counts(watcher, room, urls.length + 1);
  const witnesses = watchers.map(({ socket }) => new Witness(socket));
  for (let move = 1; move <= 4; move++) {
    grace.socket.io.uri = urls[move % urls.length];
    await cutOff(grace.socket, () => sleep(100));
    await sleep(300);
  }
  for (const watcher of watchers) await counts(watcher, room, urls.length + 1);
  for (const witness of witnesses) assert.deepEqual(witness.heard, []);
  grace.socket.disconnect();
  for (const witness of witnesses) {
    assert.deepEqual(await witness.hears(1), [`Grace ${id} left ${room}: ${urls.length}`]);
  }
});

test("a private message reaches the two on whichever nodes they are, and nobody else", async (t) => {
  const { id, user } = await scene(t);
  const [ada, eve] = [await user("Ada", urls[0]), await user("Eve", urls[1])];
  const graces = await Promise.all(urls.map((url) => user("Grace", url)));
  for (let n = 0; n < 10; n++) await ada.whisper(`Grace ${id}`, `private ${n}`);
  const expected = Array.from({ length: 10 }, (_, n) => `private ${n}`);
  for (const someone of [ada, ...graces]) assert.deepEqual(await someone.hears(10), expected);
  assert.deepEqual(eve.privates, []);
  const { messages } = await ask(graces[1].socket, "history", { with: `Ada ${id}` });
  assert.deepEqual(messages.map(({ content }) => content), expected);
});

test("a name is claimed once over all nodes", async (t) => {
  const { id } = await scene(t);
  const sockets = urls.flatMap((url) => [connect(t, url), connect(t, url)]);
  const answers = await Promise.all(sockets.map((socket) => ask(socket, "nickname", `One ${id}`)));
  assert.equal(answers.filter(({ nickname }) => nickname).length, 1);
  assert.equal(answers.filter(({ error }) => error?.code === "nickname_taken").length, sockets.length - 1);
});

test("typing is told on all nodes, and ends everywhere", async (t) => {
  const { id, room, user } = await scene(t);
  const ada = await user("Ada", urls[0]);
  const others = await Promise.all(urls.map((url, n) => user(`Other ${n}`, url)));
  for (const other of others) await counts(other, room, urls.length + 1);
  const witnesses = others.map(({ socket }) => new Witness(socket));
  ada.socket.emit("typing", room, true);
  for (const witness of witnesses) await witness.hears(2);
  for (const { heard } of witnesses) {
    assert.deepEqual(heard, [`Ada ${id} types in ${room}`, `Ada ${id} rests in ${room}`]);
  }
});

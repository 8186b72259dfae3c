// How far users have read, on all devices, and what they have not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, tokenOf, User } from "./support/users.mjs";
import { Server } from "./support/server.mjs";

const NOTHING = { room: "general", read: 0, unread: 0 };

test("what is read on one device is read on all, also after a restart", async (t) => {
  const server = await Server.start(t);
  const { url } = server;
  const ada = await User.connected(t, url, "Ada");
  const bob = await User.connected(t, url, "Bob");
  assert.deepEqual(await ask(ada.socket, "unread"), { rooms: [NOTHING], conversations: [] });
  for (const text of ["one", "two", "three"]) await send(bob.socket, text);
  assert.deepEqual((await ask(ada.socket, "unread")).rooms, [{ room: "general", read: 0, unread: 3 }]);
  assert.deepEqual(await ask(ada.socket, "read", { room: "general", offset: 2 }), { offset: 2 });
  // It never goes back, and not beyond the end.
  await ask(ada.socket, "read", { room: "general", offset: 1 });
  const tab = await User.connected(t, url, "Ada");
  assert.deepEqual((await ask(tab.socket, "unread")).rooms, [{ room: "general", read: 2, unread: 1 }]);
  assert.deepEqual(await ask(bob.socket, "read", { room: "general", offset: 1000 }), { offset: 3 });

  await bob.whisper("Ada", "psst");
  await bob.whisper("Ada", "psst again");
  await ask(ada.socket, "read", { with: "Bob", offset: 4 });
  const { conversations } = await ask(tab.socket, "unread");
  const [{ user }] = (await tab.hears(1), tab.privates);
  assert.deepEqual(conversations, [{ user, read: 4, unread: 1 }]);

  await server.kill();
  await server.restart();
  const later = await User.connected(t, url, "Ada");
  const unread = await ask(later.socket, "unread");
  assert.deepEqual(unread, { rooms: [{ room: "general", read: 2, unread: 1 }], conversations });
});

test("a room is told who has read it, and can be asked", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  const tab = await User.connected(t, url, "Ada");
  const bob = await User.connected(t, url, "Bob", { auth: { rooms: ["general", "rust"] } });
  const stranger = await User.connected(t, url, "Eve", { auth: { rooms: ["rust"] } });
  const seen = [];
  stranger.socket.on("read", (event) => seen.push(event));
  await send(ada.socket, "hello");
  await bob.reads(1);
  const told = once(ada.socket, "read");
  await ask(bob.socket, "read", { room: "general", offset: 1 });
  const { user } = await ask(bob.socket, "nickname", "Bob", tokenOf("Bob"));
  assert.deepEqual(await told, [{ room: "general", user, nickname: "Bob", offset: 1 }]);
  const { readers } = await ask(tab.socket, "readers", "general");
  assert.deepEqual(readers, [{ user, nickname: "Bob", offset: 1 }]);
  assert.equal((await ask(stranger.socket, "readers", "general")).error.code, "not_in_room");
  assert.deepEqual(seen, []);
});

test("the user's other devices are told at once, of private messages and in rooms", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  const tab = await User.connected(t, url, "Ada");
  const bob = await User.connected(t, url, "Bob");
  const heard = { ada: [], bob: [] };
  ada.socket.on("read", (event) => heard.ada.push(event));
  bob.socket.on("read", (event) => heard.bob.push(event));
  await bob.whisper("Ada", "psst");
  const privately = once(tab.socket, "read");
  await ask(ada.socket, "read", { with: "Bob", offset: 1 });
  const [{ user: with_ }] = (await ada.hears(1), ada.privates);
  const { user } = await ask(ada.socket, "nickname", "Ada", tokenOf("Ada"));
  assert.deepEqual(await privately, [{ with: with_, user, nickname: "Ada", offset: 1 }]);
  await send(bob.socket, "hello");
  const inRoom = once(tab.socket, "read");
  await ask(ada.socket, "read", { room: "general", offset: 2 });
  assert.deepEqual(await inRoom, [{ room: "general", user, nickname: "Ada", offset: 2 }]);
  // What was private is nobody else's business, and who says it knows it.
  await ask(bob.socket, "users", "general");
  assert.deepEqual(heard.bob.map(({ room, offset }) => [room, offset]), [["general", 2]]);
  assert.deepEqual(heard.ada, []);
});

test("what was read is of users, and of what somebody has written to", async (t) => {
  const { url } = await Server.start(t);
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  for (const request of [["read", { room: "general", offset: 1 }], ["unread"], ["readers", "general"]]) {
    assert.equal((await ask(anonymous, ...request)).error.code, "nickname_required", request[0]);
  }
  const ada = await User.connected(t, url, "Ada");
  await User.connected(t, url, "Bob");
  const refusals = [
    [undefined, "invalid_arguments"],
    [{ room: "general" }, "invalid_arguments"],
    [{ room: "rust", offset: 1 }, "not_in_room"],
    [{ with: "Nobody", offset: 1 }, "unknown_nickname"],
  ];
  for (const [what, code] of refusals) {
    assert.equal((await ask(ada.socket, "read", what)).error.code, code, JSON.stringify(what));
  }
  assert.deepEqual(await ask(ada.socket, "read", { with: "Bob", offset: 9 }), { offset: 0 });
  assert.deepEqual(await ask(ada.socket, "read", { room: "general", offset: 9 }), { offset: 0 });
  assert.deepEqual(await ask(ada.socket, "unread"), { rooms: [NOTHING], conversations: [] });
});

test("counting ends at a hundred", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  await Promise.all(Array.from({ length: 120 }, (_, n) => send(ada.socket, `message ${n}`)));
  assert.deepEqual((await ask(ada.socket, "unread")).rooms, [{ room: "general", read: 0, unread: 100 }]);
  await ask(ada.socket, "read", { room: "general", offset: 115 });
  assert.deepEqual((await ask(ada.socket, "unread")).rooms, [{ room: "general", read: 115, unread: 5 }]);
});

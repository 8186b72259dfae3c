// Rooms that are kept, bans and mutes: set from a shell while the server runs, and in effect on live connections.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { ask, refused, tokenOf, User } from "./support/users.mjs";
import { Server } from "./support/server.mjs";
import { command, failing } from "./support/commands.mjs";

const ROOMS = { CHAT_ROOMS: "true" };

for (const transports of [["websocket"], ["polling"]]) {
  const eve = (t, url) => User.connected(t, url, "Eve", { transports, reconnection: false });

  test(`${transports}: a banned user is out at once, and cannot come back, until the ban is lifted`, async (t) => {
    const server = await Server.start(t, { env: ROOMS });
    const { socket } = await eve(t, server.url);
    const ada = await User.connected(t, server.url, "Ada");
    const gone = once(socket, "disconnect");
    assert.match(await command(server, "ban", "--user", "eve", "--reason", "spam"), /^done, change 1$/m);
    await gone;
    const auth = { nickname: "Eve", token: tokenOf("Eve") };
    const expected = "forbidden: you are banned from this chat: spam";
    assert.equal(await refused(t, server.url, auth), expected);
    await server.kill();
    await server.restart();
    assert.equal(await refused(t, server.url, auth), expected);
    // Nor in the session that it had.
    socket.connect();
    await once(socket, "connect_error");
    await send(ada.socket, "still here");
    await command(server, "lift", "--user", "Eve");
    const back = await eve(t, server.url);
    assert.deepEqual(await back.reads(1), ["still here"]);
  });

  test(`${transports}: who is no member of a private room gets nothing of it, also in recovery`, async (t) => {
    const server = await Server.start(t, { env: ROOMS });
    await command(server, "room", "Staff", "--visibility", "private");
    const [ada, { socket, ...rest }] = [await User.connected(t, server.url, "Ada"), await User.connected(t, server.url, "Eve", { transports })];
    for (const name of ["Staff", "staff"]) {
      assert.equal((await ask(socket, "join", name)).error?.code, "forbidden", name);
    }
    for (const name of ["Ada", "Eve"]) await command(server, "member", "staff", name);
    for (const user of [ada.socket, socket]) {
      await within(10, "membership takes effect", (async () => {
        while ((await ask(user, "join", "Staff")).error) await new Promise((resolve) => setTimeout(resolve, 50));
      })());
    }
    const say = (content) => ask(ada.socket, "chat message", content, { room: "Staff" });
    await say("for the staff");
    await within(10, "a message", (async () => {
      while (rest.messages.length < 1) await new Promise((resolve) => setTimeout(resolve, 20));
    })());
    const out = once(socket, "not joined");
    await command(server, "member", "staff", "Eve", "--role", "none");
    const [{ rooms: [{ room, error }] }] = await out;
    assert.deepEqual([room, error.code], ["Staff", "forbidden"]);
    await cutOff(socket, () => say("not for Eve"));
    await send(ada.socket, "for all");
    await within(10, "the message for all", (async () => {
      while (rest.messages.at(-1).content !== "for all") await new Promise((resolve) => setTimeout(resolve, 20));
    })());
    assert.deepEqual(rest.messages.map(({ content }) => content), ["for the staff", "for all"]);
    assert.equal((await ask(socket, "history", { room: "Staff" })).error?.code, "not_in_room");
  });
}

test("moderators write announcements, and who is muted reads", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const auth = { rooms: ["news", "general"] };
  const [ada, bob] = [await User.connected(t, server.url, "Ada", { auth }), await User.connected(t, server.url, "Bob", { auth })];
  await command(server, "room", "news", "--posting", "moderators", "--topic", "What is new");
  await command(server, "member", "news", "Ada", "--role", "moderator");
  await command(server, "mute", "--user", "Bob", "--for", "2h", "--room", "general");
  const write = (user, room) => ask(user.socket, "chat message", `${room}`, { room });
  await within(10, "the rules take effect", (async () => {
    while (!(await write(bob, "general")).error || !(await write(bob, "news")).error) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })());
  const { error } = await write(bob, "general");
  assert.deepEqual([error.code, error.message], ["forbidden", "you are muted for another 120 min"]);
  assert.equal((await write(bob, "news")).error.message, "only moderators write here");
  assert.equal((await write(ada, "news")).error, undefined);
  assert.equal((await write(ada, "general")).error, undefined);
  const log = await command(server, "audit");
  assert.match(log, /^\S+ server mute user [0-9a-f]{16} in "general"$/m);
  assert.equal(log.trim().split("\n").length, 3);
  assert.equal((await command(server, "audit", "--room", "news", "--limit", "1")).trim().split("\n").length, 1);
});

test("two nodes follow the same changes", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const other = await Server.start(t, { env: ROOMS, store: server.store });
  const eve = await User.connected(t, other.url, "Eve", { reconnection: false });
  const gone = once(eve.socket, "disconnect");
  await command(server, "ban", "--user", "Eve", "--for", "1h");
  await gone;
  for (const { url } of [server, other]) {
    const message = await refused(t, url, { nickname: "Eve", token: tokenOf("Eve") });
    assert.equal(message, "forbidden: you are banned from this chat for another 60 min");
  }
});

test("an address is banned with its range", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const socket = connect(t, server.url, { reconnection: false });
  await once(socket, "connect");
  const gone = once(socket, "disconnect");
  await command(server, "ban", "--address", "127.0.0.9/24");
  await gone;
  assert.match(await refused(t, server.url, {}), /^forbidden: you are banned/);
  assert.match(await failing(server, "ban", "--address", "example.org"), /give an address/);
  assert.match(await failing(server, "ban", "--user", "Nobody"), /nobody is called Nobody/);
  assert.match(await failing(server, "member", "nowhere", "Nobody"), /nobody is called/);
  for (const [store, expected] of [["memory:", /belongs to one server/], ["sqlite:/nowhere/chat.db", /there is no file/]]) {
    assert.match(await failing({ store }, "audit"), expected);
  }
});

test("who has lost all devices gets a code from who runs the chat", async (t) => {
  const server = await Server.start(t);
  const ada = await User.connected(t, server.url, "Ada");
  const { user } = await ask(ada.socket, "nickname", "Ada", tokenOf("Ada"));
  const code = (await command(server, "code", "ada")).trim();
  const phone = connect(t, server.url);
  await once(phone, "connect");
  const linked = await ask(phone, "link device", code);
  assert.deepEqual([linked.nickname, linked.user], ["Ada", user]);
});

test("a name that is taken away is nobody's, and its user goes on under another one", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const eve = await User.connected(t, server.url, "Admim", { reconnection: false });
  const bob = await User.connected(t, server.url, "Bob");
  const { user } = await ask(eve.socket, "nickname", "Eve");
  await ask(eve.socket, "nickname", "Admim");
  const told = new Promise((resolve) => eve.socket.on("nickname", resolve));
  await command(server, "name", "Admim", "--take", "--reason", "misleading");
  assert.deepEqual(await told, { nickname: "Eve", token: tokenOf("Admim"), user });
  await ask(eve.socket, "chat message", "under another name");
  await bob.reads(1);
  assert.deepEqual([bob.messages[0].from, bob.messages[0].user], ["Eve", user]);
  assert.equal((await ask(bob.socket, "private message", "Admim", "hello")).error.code, "unknown_nickname");
  for (const socket of [bob.socket, eve.socket]) {
    assert.equal((await ask(socket, "nickname", "ADMIM")).error.code, "nickname_taken");
  }
  // The old token with the old name is a name that is taken, and nothing else.
  assert.match(await refused(t, server.url, { nickname: "Admim", token: tokenOf("Admim") }), /^nickname_taken/);
  // Who has no other one is told to choose one.
  const mallory = await User.connected(t, server.url, "Mallory", { reconnection: false });
  const gone = once(mallory.socket, "disconnect");
  await command(server, "name", "mallory", "--take", "--for", "1h");
  await gone;
  assert.match(await refused(t, server.url, { nickname: "Mallory", token: tokenOf("Mallory") }), /^nickname_taken/);
  assert.match(await command(server, "name", "mallory", "--free"), /^done/);
  const back = await User.connected(t, server.url, "Mallory");
  assert.equal((await ask(back.socket, "nickname", "Mallory")).nickname, "Mallory");
  assert.match(await command(server, "name", "Nobody", "--take"), /nobody had it/);

  const renamed = new Promise((resolve) => eve.socket.on("nickname", ({ nickname }) => resolve(nickname)));
  await command(server, "name", "Eve", "--change", "Evelyn");
  assert.equal(await renamed, "Evelyn");
  assert.match(await failing(server, "name", "Evelyn", "--change", "Bob"), /somebody else has Bob/);
  const log = await command(server, "audit");
  assert.match(log, /rename user [0-9a-f]{16}$/m);
  assert.match(log, /takeNickname user [0-9a-f]{16}: misleading$/m);
});

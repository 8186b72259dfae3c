// Who is there, who comes and goes, and who is typing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, User, tokenOf } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";
import { open } from "./support/wire.mjs";
import { Witness } from "./support/witness.mjs";

async function watched(t, args = []) {
  const server = await Server.start(t, { args });
  const watcher = await User.connected(t, server.url, "Watcher");
  return { server, watcher, witness: new Witness(watcher.socket) };
}

/** Waits until nobody else is in the room, which has to be soon. */
async function alone(watcher) {
  const deadline = performance.now() + 10_000;
  while ((await ask(watcher.socket, "users", "general")).users > 1) {
    assert.ok(performance.now() < deadline, "the others are gone soon");
    await sleep(20);
  }
}

test("people with several tabs are there once, from the first to the last of them", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  const first = await User.connected(t, url, "Ada");
  const second = await User.connected(t, url, "ADA", { auth: { token: tokenOf("Ada") } });
  assert.deepEqual(await ask(watcher.socket, "users", "general"), {
    room: "general",
    users: 2,
    nicknames: ["ADA", "Watcher"],
  });
  first.socket.disconnect();
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  assert.equal((await ask(watcher.socket, "users", "general")).users, 3);
  second.socket.disconnect();
  anonymous.disconnect();
  await witness.hears(4);
  assert.deepEqual(witness.heard.slice(0, 2), ["Ada joined general: 2", "null joined general: 3"]);
  assert.match(witness.heard[2], /^(null|ADA) left general: 2$/);
  assert.match(witness.heard[3], /^(null|ADA) left general: 1$/);
});

for (const transport of ["websocket", "polling", "upgrade"]) {
  test(`${transport}: who says goodbye before it was told that it is connected is gone at once`, async (t) => {
    const { server: { url }, watcher } = await watched(t, ["--presence-grace", "1h"]);
    for (const pause of [0, 0, 0, 1, 1, 1, 2, 2, 2]) {
      const link = await open(t, url, transport);
      const connects = link.send("40{}");
      if (pause > 0) await sleep(pause);
      // As the page does when it is left.
      await link.send("41", "1");
      await connects;
      await link.ends();
    }
    await alone(watcher);
  });
}

test("joining and leaving a room is told to those who are in it, with exact counts", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  const ada = await User.connected(t, url, "Ada", { auth: { rooms: ["quiet"] } });
  assert.deepEqual(await ask(ada.socket, "join", "general"), { room: "general", users: 2, tail: 0 });
  await ask(watcher.socket, "join", "rust");
  assert.equal((await ask(ada.socket, "join", "rust")).users, 2);
  await ask(ada.socket, "leave", "rust");
  await ask(ada.socket, "leave", "general");
  await witness.hears(4);
  assert.deepEqual(witness.heard, [
    "Ada joined general: 2",
    "Ada joined rust: 2",
    "Ada left rust: 1",
    "Ada left general: 1",
  ]);
  assert.equal((await ask(watcher.socket, "users", "quiet")).error.code, "not_in_room");
});

test("a connection that drops and comes back has neither left nor joined", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  const ada = await User.connected(t, url, "Ada");
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  for (const socket of [ada.socket, anonymous]) await cutOff(socket, () => sleep(200));
  assert.equal((await ask(watcher.socket, "users", "general")).users, 3);
  assert.deepEqual(witness.heard, ["Ada joined general: 2", "null joined general: 3"]);
});

test("a connection that drops and stays away has left when its grace is over", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t, ["--presence-grace", "1s"]);
  const ada = await User.connected(t, url, "Ada");
  await witness.hears(1);
  ada.socket.io.reconnection(false);
  ada.socket.io.engine.close();
  const since = performance.now();
  assert.equal((await ask(watcher.socket, "users", "general")).users, 2);
  assert.deepEqual((await witness.hears(2)).slice(1), ["Ada left general: 1"]);
  assert.ok(performance.now() - since > 800, "not before");
});

test("taking another name is leaving and joining", async (t) => {
  const { server: { url }, witness } = await watched(t);
  const ada = await User.connected(t, url, "Ada");
  await ask(ada.socket, "nickname", "Grace");
  assert.deepEqual(await witness.hears(3), [
    "Ada joined general: 2",
    "Ada left general: 1",
    "Grace joined general: 2",
  ]);
});

test("typing is told to the others in the room, not too often, and ends by itself", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  const ada = await User.connected(t, url, "Ada");
  const own = new Witness(ada.socket);
  for (let n = 0; n < 50; n++) ada.socket.emit("typing", "general", true);
  ada.socket.emit("typing", "a room she is not in", true);
  await witness.hears(2);
  const since = performance.now();
  await witness.hears(3);
  assert.ok(performance.now() - since > 2000, "it lasts some seconds");
  ada.socket.emit("typing", "general", true);
  await witness.hears(4);
  ada.socket.emit("typing", "general", false);
  await witness.hears(5);
  assert.deepEqual(witness.heard, [
    "Ada joined general: 2",
    "Ada types in general",
    "Ada rests in general",
    "Ada types in general",
    "Ada rests in general",
  ]);
  assert.deepEqual(own.heard, []);
  await send(watcher.socket, "still there");
});

test("odd requests are refused or ignored", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  for (const event of ["users", "typing"]) {
    for (const args of [[], [5], [null], [{}], [""], ["r".repeat(10_000)]]) {
      const { error } = await ask(watcher.socket, event, ...args);
      assert.equal(error?.code, "invalid_arguments", `${event} ${JSON.stringify(args).slice(0, 40)}`);
    }
  }
  for (const typing of ["true", 1, null, {}]) {
    assert.equal((await ask(watcher.socket, "typing", "general", typing)).error?.code, "invalid_arguments");
  }
  assert.equal((await ask(watcher.socket, "typing", "rust", true)).error.code, "not_in_room");
  const other = await User.connected(t, url, "Ada");
  other.socket.emit("typing");
  other.socket.emit("users", "general");
  await send(other.socket, "still there");
  assert.deepEqual(witness.heard, ["Ada joined general: 2"]);
});

test("in a room of very many, people come and go untold, and are counted", async (t) => {
  const { server: { url }, watcher, witness } = await watched(t);
  const crowd = Array.from({ length: 150 }, () => connect(t, url));
  await Promise.all(crowd.map((socket) => once(socket, "connect", 30)));
  assert.equal((await ask(watcher.socket, "users", "general")).users, 151);
  const heard = witness.heard.length;
  assert.ok(heard <= 101, `${heard}`);
  for (const socket of crowd.slice(0, 20)) socket.disconnect();
  const deadline = performance.now() + 10_000;
  while ((await ask(watcher.socket, "users", "general")).users !== 131) {
    assert.ok(performance.now() < deadline, "they are gone soon");
    await sleep(20);
  }
  assert.equal(witness.heard.length, heard);
});

test("a room is told at a rate of those who come and go all the time, and how it is in the end", { timeout: 60_000 }, async (t) => {
  const { url } = await Server.start(t, { env: { CHAT_MAX_EPHEMERAL_EVENTS_PER_SECOND: "20" } });
  const bystander = connect(t, url);
  let updates = 0;
  const believed = new Map();
  for (const event of ["user joined", "user left"]) {
    bystander.on(event, ({ nickname }) => {
      updates++;
      believed.set(nickname, event);
    });
  }
  await once(bystander, "connect");
  const names = ["Bob", "Cleo", "Dora", "Eve", "Fay"];
  // Before they come: that is told, too.
  const since = performance.now();
  const flooders = await Promise.all(names.map((name) => User.connected(t, url, name)));
  for (let round = 0; round < 200; round++) {
    await Promise.all(flooders.map(({ socket }) => ask(socket, "leave", "general")));
    await Promise.all(flooders.map(({ socket }) => ask(socket, "join", "general")));
  }
  await ask(flooders[0].socket, "leave", "general");
  const seconds = (performance.now() - since) / 1000;
  // Of 2,000 changes: 40 at once, and 20 a second.
  assert.ok(updates <= 41 + 20 * seconds, `${updates} in ${seconds} s`);
  await sleep(1500);
  assert.deepEqual(names.map((name) => believed.get(name)), ["user left", ...Array(4).fill("user joined")]);
  assert.equal((await ask(bystander, "users", "general")).users, 5);
});

test("who types privately is told to the other user, who is asked for by name, whatever the rooms", { timeout: 60_000 }, async (t) => {
  const { url } = await Server.start(t);
  const { socket: ada } = await User.connected(t, url, "Ada");
  const { socket: bob } = await User.connected(t, url, "Bob", { auth: { rooms: ["elsewhere"] } });
  const nobody = connect(t, url);
  await once(nobody, "connect");
  const heard = [];
  for (const [name, socket] of Object.entries({ ada, bob, nobody })) socket.on("private typing", (change) => heard.push([name, change]));
  const { online, user } = await ask(ada, "is online", "bob");
  assert.equal(online, true);
  assert.deepEqual(await ask(ada, "private typing", "Bob", true), { to: "Bob", typing: true });
  assert.deepEqual(await ask(ada, "private typing", "bob", false), { to: "bob", typing: false });
  // What bob hears comes before what it is answered.
  await ask(bob, "is online", "Ada");
  const { user: adas } = await ask(bob, "is online", "Ada");
  assert.deepEqual(heard, [true, false].map((typing) => ["bob", { nickname: "Ada", user: adas, typing }]));
  for (const [socket, name, code] of [[nobody, "Bob", "nickname_required"], [ada, "Ada", "message_to_oneself"], [ada, "Zoe", "unknown_nickname"], [ada, 7, "invalid_arguments"]]) {
    assert.equal((await ask(socket, "private typing", name, true)).error.code, code);
    assert.equal((await ask(socket, "is online", name)).error.code, code);
  }
  assert.equal((await ask(ada, "private typing", "Bob", "yes")).error.code, "invalid_arguments");
  bob.close();
  while ((await ask(ada, "is online", "Bob")).online) await sleep(50);
  assert.equal((await ask(ada, "is online", "Bob")).user, user);
});

// A user stays the same under another name and on several devices.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { ask, refused, tokenOf, User } from "./support/users.mjs";
import { Server } from "./support/server.mjs";

/** A client of another device, which has become one of the user. */
async function linked(t, url, user, label) {
  const { code, expiresAt } = await ask(user.socket, "device code");
  assert.match(code, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  const minutes = (expiresAt - Date.now()) / 60_000;
  assert.ok(minutes > 9 && minutes <= 10.1, `${minutes}`);
  const device = new User(t, url, undefined, { auth: { nickname: undefined, token: undefined } });
  await once(device.socket, "connect");
  const named = await ask(device.socket, "link device", code.toLowerCase(), { label });
  assert.equal(named.error, undefined);
  assert.ok(named.token.length >= 32, "at least 128 bits");
  return Object.assign(device, named);
}

test("another name keeps the conversation, and the old name leads to the user", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  const bob = await User.connected(t, url, "Bob");
  await ada.whisper("Bob", "one");
  await bob.whisper("Ada", "two");
  await ada.hears(2);
  const named = await ask(ada.socket, "nickname", "Ada L.");
  assert.equal(named.nickname, "Ada L.");
  await ask(ada.socket, "chat message", "under another name");
  await bob.whisper("Ada", "to the old name");
  await bob.whisper("ada l.", "to the new name");
  await ada.whisper("Bob", "back");
  const said = ["one", "two", "to the old name", "to the new name", "back"];
  assert.deepEqual(await ada.hears(5), said);
  assert.deepEqual(await bob.hears(5), said);
  const hers = bob.privates.filter(({ user }) => user === named.user);
  assert.deepEqual(hers.map(({ content, from }) => [content, from]), [["one", "Ada"], ["back", "Ada L."]]);
  await bob.reads(1);
  assert.deepEqual([bob.messages[0].user, bob.messages[0].from], [named.user, "Ada L."]);
  for (const name of ["Ada", "Ada L."]) {
    const { messages } = await ask(bob.socket, "history", { with: name });
    assert.deepEqual(messages.map(({ content }) => content), said, name);
  }
  // Where she has both names, and somebody else gets neither.
  const again = await User.connected(t, url, "Ada");
  assert.deepEqual(await again.hears(5), said);
  const refusal = await ask(bob.socket, "nickname", "Ada", "somebody else's own secret token");
  assert.equal(refusal.error?.code, "nickname_taken");
});

test("a phone and a desk are one user", async (t) => {
  const { url } = await Server.start(t);
  const desk = await User.connected(t, url, "Ada");
  const bob = await User.connected(t, url, "Bob");
  const phone = await linked(t, url, desk, "Ada's phone");
  assert.equal(phone.nickname, "Ada");
  await bob.whisper("Ada", "to both");
  for (const device of [desk, phone]) assert.deepEqual(await device.hears(1), ["to both"]);
  // A retry on the other device is recognised, and both know it as their own.
  const first = await ask(desk.socket, "chat message", "hello", "k1");
  const retry = await ask(phone.socket, "chat message", "hello", "k1");
  assert.deepEqual([retry.offset, retry.duplicate], [first.offset, true]);
  for (const device of [desk, phone]) {
    await device.reads(1);
    assert.deepEqual(device.messages.map(({ clientOffset }) => clientOffset), ["k1"]);
  }
  assert.equal((await ask(bob.socket, "users", "general")).users, 2);
  const { devices } = await ask(phone.socket, "devices");
  const list = devices.map(({ label, current }) => [label, current]);
  assert.deepEqual(list.sort(), [["Ada's phone", true], [null, false]].sort());
  // The token of the phone lets it in later, under a name of its own choice too.
  phone.socket.disconnect();
  const later = await User.connected(t, url, "Ada Lovelace", { auth: { token: phone.token } });
  await bob.whisper("Ada", "to both again");
  for (const device of [desk, later]) assert.equal((await device.hears(2)).at(-1), "to both again");
});

test("a removed device is a stranger, and the others stay", async (t) => {
  const { url } = await Server.start(t);
  const desk = await User.connected(t, url, "Ada");
  const phone = await linked(t, url, desk, "phone");
  const { devices } = await ask(phone.socket, "devices");
  const { id } = devices.find(({ current }) => !current);
  // The first device may be the one that is lost.
  const gone = once(desk.socket, "disconnect");
  assert.deepEqual(await ask(phone.socket, "unlink device", id), { id });
  await gone;
  assert.match(await refused(t, url, { nickname: "Ada", token: tokenOf("Ada") }), /^invalid_token: /);
  assert.match(await refused(t, url, { nickname: "Eve", token: tokenOf("Ada") }), /^invalid_token: /);
  assert.equal((await ask(phone.socket, "devices")).devices.length, 1);
  assert.equal((await ask(phone.socket, "unlink device", id)).error.code, "unknown_device");
  await send(phone.socket, "still there");
  const again = await User.connected(t, url, "Ada", { auth: { token: phone.token } });
  assert.deepEqual(await again.reads(1), ["still there"]);
});

test("a code adds one device, and cannot be guessed", async (t) => {
  const { url } = await Server.start(t, { env: { CHAT_MAX_WRONG_TOKENS_PER_MINUTE: "5" } });
  const ada = await User.connected(t, url, "Ada");
  const { code } = await ask(ada.socket, "device code");
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  assert.equal((await ask(anonymous, "link device", code)).nickname, "Ada");
  const other = connect(t, url);
  await once(other, "connect");
  assert.equal((await ask(other, "link device", code)).error.code, "invalid_code");
  for (let guess = 0; guess < 4; guess++) {
    assert.equal((await ask(other, "link device", "AAAAA-AAAAA")).error.code, "invalid_code");
  }
  const { code: valid } = await ask(ada.socket, "device code");
  const { error } = await ask(other, "link device", valid);
  assert.equal(error.code, "slow_down");
  assert.ok(error.retryAfter > 0);
  assert.equal((await ask(other, "link device", "x")).error.code, "invalid_code");
});

test("codes and devices are of users", async (t) => {
  const { url } = await Server.start(t);
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  for (const event of [["device code"], ["devices"], ["unlink device", "00000000000000ff"]]) {
    assert.equal((await ask(anonymous, ...event)).error.code, "nickname_required", event[0]);
  }
  const ada = await User.connected(t, url, "Ada");
  for (let made = 0; made < 5; made++) assert.ok((await ask(ada.socket, "device code")).code);
  assert.equal((await ask(ada.socket, "device code")).error.code, "slow_down");
  assert.equal((await ask(ada.socket, "unlink device", "x")).error.code, "invalid_arguments");
});

/** Resolves when a client is told that it has this nickname. */
const named = (user, name) => new Promise((resolve) => {
  user.socket.on("nickname", ({ nickname }) => nickname === name && resolve());
});

for (const shared of [false, true]) {
  test(`a device takes the name that was chosen on another one, ${shared ? "of two nodes" : "of one node"}`, async (t) => {
    const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
    const { url } = shared ? await Server.start(t, { env: { CHAT_ROOMS: "true" }, store: server.store }) : server;
    const desk = await User.connected(t, server.url, "Ada");
    const bob = await User.connected(t, url, "Bob");
    const phone = await linked(t, server.url, desk, "phone");
    phone.socket.disconnect();
    const away = await User.connected(t, url, "Ada", { auth: { token: phone.token } });
    const { user } = await ask(away.socket, "nickname", "Ada");
    const told = shared ? Promise.resolve() : named(away, "Ada L.");
    const renamed = await ask(desk.socket, "nickname", "Ada L.");
    assert.deepEqual([renamed.nickname, renamed.user], ["Ada L.", user]);
    await within(10, "the phone is told", told);
    if (shared) {
      // Nodes without a broker tell each other nothing: the phone hears of it when it connects again.
      away.socket.disconnect().connect();
      await once(away.socket, "connect");
    }
    await ask(away.socket, "chat message", "from the phone");
    await bob.reads(1);
    assert.deepEqual([bob.messages[0].from, bob.messages[0].user], ["Ada L.", user]);

    // Also what connects later with the old name. To choose the old name again is another choice.
    const later = await User.connected(t, url, "Ada");
    const hers = named(later, "Ada");
    assert.equal((await ask(later.socket, "nickname", "ADA", tokenOf("Ada"))).nickname, "ADA");
    assert.equal((await ask(later.socket, "nickname", "Ada")).nickname, "Ada");
    const again = await User.connected(t, server.url, "Ada L.", { auth: { token: tokenOf("Ada") } });
    await ask(again.socket, "chat message", "again", "k");
    await bob.reads(2);
    assert.equal(bob.messages[1].from, "Ada");
    hers.catch(() => {});
  });
}

test("a client that recovers its session has the name that was chosen meanwhile", async (t) => {
  const { url } = await Server.start(t);
  const desk = await User.connected(t, url, "Ada");
  const phone = await User.connected(t, url, "Ada");
  await cutOff(phone.socket, () => ask(desk.socket, "nickname", "Ada L."));
  assert.equal(phone.socket.recovered, true);
  await ask(phone.socket, "chat message", "recovered");
  await desk.reads(1);
  assert.equal(desk.messages[0].from, "Ada L.");
});

test("a name under which somebody chooses another one a hundred times is the last one everywhere", async (t) => {
  const { url } = await Server.start(t, { env: { CHAT_MAX_NEW_NAMES_PER_HOUR: "0" } });
  const devices = await Promise.all(Array.from({ length: 4 }, () => User.connected(t, url, "Ada")));
  const keys = [];
  // Each renames and sends, with retries of the same message, at the same time as the others.
  await Promise.all(devices.map(async ({ socket }, device) => {
    for (let n = 0; n < 25; n += 1) {
      const key = `${device}-${n}`;
      const sent = ask(socket, "chat message", key, key);
      const { error } = await ask(socket, "nickname", `Ada ${device} ${n % 3}`);
      assert.equal(error, undefined);
      const retry = await ask(socket, "chat message", key, key);
      assert.equal(retry.offset, (await sent).offset);
      keys.push(key);
    }
  }));
  const last = (await ask(devices[0].socket, "nickname", "Ada L.")).nickname;
  const bob = await User.connected(t, url, "Bob");
  assert.deepEqual((await bob.reads(100)).sort(), keys.sort());
  assert.equal(new Set(bob.messages.map(({ user }) => user)).size, 1);
  await within(10, "all devices have the last name", (async () => {
    for (;;) {
      const { nicknames } = await ask(bob.socket, "users", "general");
      if (nicknames.length === 2 && nicknames.includes(last)) return;
      await sleep(50);
    }
  })());
});

test("the first device has a name, too, if the client gives one with the nickname", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  await once(socket, "connect");
  const label = "Ada's desk";
  assert.equal((await ask(socket, "nickname", "Ada", null, { label: "" })).error.code, "invalid_arguments");
  await ask(socket, "nickname", "Ada", tokenOf("Ada"), { label });
  await ask(socket, "nickname", "Countess", tokenOf("Ada"), { label: "another name for the same" });
  const { devices } = await ask(socket, "devices");
  assert.deepEqual(devices.map(({ label, current }) => [label, current]), [[label, true]]);
});

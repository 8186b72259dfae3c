// A user stays the same under another name and on several devices.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
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
  const refusal = await ask(bob.socket, "nickname", "Ada", "somebody else's own token");
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

// Private messages: of the log as all others, and only for the two.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, tokenOf, User } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

async function three(t, options) {
  const server = await Server.start(t, options);
  const names = ["Ada", "Grace", "Eve"];
  const people = await Promise.all(names.map((name) => User.connected(t, server.url, name)));
  return { server, people };
}

test("a private message reaches all tabs of the two, and nobody else in any way", async (t) => {
  const { server, people: [ada, grace, eve] } = await three(t);
  const tab = await User.connected(t, server.url, "Grace");
  assert.deepEqual(await ada.whisper("grace", "psst", "k-1"), { offset: 1, duplicate: false });
  for (const user of [ada, grace, tab]) assert.deepEqual(await user.hears(1), ["psst"]);
  const [{ at, user, ...meta }] = grace.privates;
  assert.match(user, /^[0-9a-f]{16}$/);
  assert.equal(ada.privates[0].user, user);
  assert.deepEqual(meta, { content: "psst", offset: 1, from: "Ada", to: "Grace", clientOffset: null });
  assert.equal(ada.privates[0].clientOffset, "k-1");
  assert.ok(Math.abs(at - Date.now()) < 60_000);

  await send(ada.socket, "the end");
  const late = await User.connected(t, server.url, "Eve", { auth: { rooms: ["general", "Grace"] } });
  const stranger = connect(t, server.url, { auth: { rooms: ["general", "", "Ada"] } });
  const seen = [];
  stranger.onAny((...event) => seen.push(event));
  await Promise.all([eve.reads(1), late.reads(1)]);
  await send(stranger, "hello");
  for (const other of [eve, late]) assert.deepEqual(other.privates, []);
  assert.doesNotMatch(JSON.stringify(seen), /psst/);
  const asked = await ask(eve.socket, "history", { with: "Grace" });
  assert.deepEqual(asked, { messages: [], more: false });
  assert.equal((await ask(stranger, "history", { with: "Grace" })).error.code, "nickname_required");
});

test("a receiver who is away gets what was sent meanwhile, once, in order with the rest", async (t) => {
  const { server, people: [ada, grace] } = await three(t);
  await send(ada.socket, "one");
  await grace.reads(1);
  grace.socket.disconnect();
  for (let n = 0; n < 300; n++) await ada.whisper("Grace", `private ${n}`);
  await send(ada.socket, "two");
  await server.kill();
  await server.restart();
  const back = new User(t, server.url, "Grace", { auth: { serverOffset: 1 } });
  const heard = await back.hears(300);
  assert.deepEqual(heard, Array.from({ length: 300 }, (_, n) => `private ${n}`));
  assert.deepEqual(await back.reads(1), ["two"]);
});

test("recovery hands over the private messages that were missed", async (t) => {
  const { people: [ada, grace, eve] } = await three(t);
  await ada.whisper("Grace", "one");
  await grace.hears(1);
  await cutOff(grace.socket, async () => {
    await ada.whisper("Grace", "two");
    await eve.whisper("Ada", "not for her");
    await eve.whisper("Grace", "three");
  });
  assert.equal(grace.socket.recovered, true);
  assert.deepEqual(await grace.hears(3), ["one", "two", "three"]);
  // Somebody without a name gets those of the name that it takes from then on.
  const later = connect(t, eve.socket.io.uri);
  const privates = [];
  later.on("private message", (content) => privates.push(content));
  await ask(later, "nickname", "Grace", tokenOf("Grace"));
  await ada.whisper("Grace", "four");
  await grace.hears(4);
  await send(later, "the end");
  assert.deepEqual(privates, ["four"]);
});

test("a retry is stored once, and a key that was used for something else is refused", async (t) => {
  const { people: [ada, grace] } = await three(t);
  assert.deepEqual(await ada.whisper("Grace", "hi", "k"), { offset: 1, duplicate: false });
  assert.deepEqual(await ada.whisper("GRACE", "hi", "k"), { offset: 1, duplicate: true });
  for (const [to, content] of [["Eve", "hi"], ["Grace", "other"]]) {
    assert.equal((await ada.whisper(to, content, "k")).error.code, "client_offset_conflict");
  }
  assert.equal((await send(ada.socket, "hi", "k")).error.code, "client_offset_conflict");
  // Hers is another one.
  assert.deepEqual(await grace.whisper("Ada", "hi", "k"), { offset: 2, duplicate: false });
  assert.deepEqual(await grace.hears(2), ["hi", "hi"]);
});

test("messages of one connection are stored in the order it sent them, private or not", async (t) => {
  const { people: [ada] } = await three(t);
  const acks = [];
  for (let n = 0; n < 200; n++) {
    acks.push(n % 3 === 0 ? ada.whisper("Grace", `p${n}`) : send(ada.socket, `c${n}`));
  }
  const offsets = (await Promise.all(acks)).map(({ offset }) => offset);
  assert.deepEqual(offsets, Array.from({ length: 200 }, (_, n) => n + 1));
});

test("a new owner of a name never sees the old owner's messages, nor the old one the new one's", async (t) => {
  const { server, people: [ada, grace] } = await three(t, {
    args: ["--nickname-lifetime", "2s"],
  });
  await ada.whisper("Grace", "for the first Grace");
  await grace.hears(1);
  grace.socket.io.reconnection(false);
  grace.socket.io.engine.close();
  await sleep(3000);
  const heir = await User.connected(t, server.url, "Grace", {
    auth: { token: "a token of somebody else" },
  });
  await ada.whisper("Grace", "for the second Grace");
  assert.deepEqual(await heir.hears(1), ["for the second Grace"]);
  const { messages } = await ask(heir.socket, "history", { with: "Ada" });
  assert.deepEqual(messages.map(({ content }) => content), ["for the second Grace"]);
  // The first one's session is still there, her name is not: it is not given back.
  const [error] = await Promise.all([once(grace.socket, "connect_error"), grace.socket.connect()]);
  assert.match(error[0].message, /^nickname_taken/);
  await send(ada.socket, "the end");
  assert.deepEqual(grace.privates.map(({ content }) => content), ["for the first Grace"]);
});

test("odd private messages are refused", async (t) => {
  const { server, people: [ada] } = await three(t);
  const code = async (...args) => (await ask(ada.socket, "private message", ...args)).error?.code;
  assert.equal(await code("ADA", "to myself"), "message_to_oneself");
  assert.equal(await code("Nobody", "hi"), "unknown_nickname");
  assert.equal(await code("\u202eGrace", "hi"), "invalid_nickname");
  assert.equal(await code("x".repeat(10_000), "hi"), "invalid_nickname");
  assert.equal(await code("", "hi"), "invalid_nickname");
  assert.equal(await code("Grace", ""), "invalid_content");
  assert.equal(await code("Grace", "x".repeat(65_537)), "invalid_content");
  assert.equal(await code("Grace", "hi", ""), "invalid_client_offset");
  for (const args of [[], [5, "hi"], ["Grace"], ["Grace", 5], ["Grace", "hi", 5], [null, "hi"]]) {
    assert.equal(await code(...args), "invalid_arguments", JSON.stringify(args));
  }
  const anonymous = connect(t, server.url);
  assert.equal((await ask(anonymous, "private message", "Ada", "hi")).error.code, "nickname_required");
});

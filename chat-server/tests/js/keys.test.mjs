// A clientOffset belongs to its author: nobody else sees it, and nobody is in the way of another.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { ask, User, tokenOf } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const CONFLICT = "client_offset_conflict";
const auth = (nickname) => ({ nickname, token: tokenOf(nickname) });

/** Resolves with the keys in the next deliveries, as many as there are contents. */
function keysOf(socket, count, event = "chat message") {
  const keys = [];
  return new Promise((resolve) => {
    socket.on(event, (content, _offset, meta) => {
      keys.push([content, meta.clientOffset]);
      if (keys.length === count) resolve(keys);
    });
  });
}

const keysOfHistory = ({ messages }) => messages.map(({ content, clientOffset }) => [content, clientOffset]);

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  test(`with ${transport}, a key reaches its author and nobody else, live and in every replay`, async (t) => {
    const { url } = await Server.start(t);
    const connected = async (options) => {
      const socket = connect(t, url, { transports, ...options });
      await once(socket, "connect");
      return socket;
    };
    const [ada, tab] = [await connected({ auth: auth("Ada") }), await connected({ auth: auth("Ada") })];
    const [nobody, other] = [await connected({}), await connected({})];
    const everybody = [ada, tab, nobody, other];
    const live = everybody.map((socket) => keysOf(socket, 4));
    await send(ada, "a", "key of Ada");
    await send(nobody, "b", "key of nobody");
    await send(nobody, "c");
    await ask(ada, "chat message", "d", "undefined-0");
    const [ofAda, ofNobody] = [["key of Ada", null, null, "undefined-0"], [null, "key of nobody", null, null]];
    const ofOthers = [null, null, null, null];
    const expected = (keys) => ["a", "b", "c", "d"].map((content, n) => [content, keys[n]]);
    assert.deepEqual(await Promise.all(live), [ofAda, ofAda, ofNobody, ofOthers].map(expected));

    for (const [socket, keys] of [[ada, ofAda], [nobody, ofNobody], [other, ofOthers]]) {
      const asked = await ask(socket, "history", { room: "general" });
      assert.deepEqual(keysOfHistory(asked), expected(keys), "history");
      const again = keysOf(socket, 4);
      await ask(socket, "join", "general", { after: 0 });
      assert.deepEqual(await again, expected(keys), "join with after");
    }
    for (const [options, keys] of [[{}, ofOthers], [{ auth: auth("Grace") }, ofOthers], [{ auth: auth("Ada") }, ofAda]]) {
      const later = connect(t, url, { transports, ...options });
      assert.deepEqual(await keysOf(later, 4), expected(keys), "replay");
    }

    // Recovery: what was missed, to the author and to another.
    for (const [socket, keys] of [[nobody, ["k", null]], [other, [null, null]]]) {
      const recovered = keysOf(socket, 2);
      if (socket === nobody) socket.emit("chat message", "own", "k");
      else await send(nobody, "own", randomUUID());
      await cutOff(socket, () => send(ada, "of another", randomUUID()));
      assert.equal(socket.recovered, true);
      // Which of the two comes first is open: they are sent on two connections.
      assert.deepEqual(new Map(await recovered), new Map([["own", keys[0]], ["of another", keys[1]]]), "recovery");
    }
  });
}

test("the key of a private message reaches its sender only, also from history and after a restart", async (t) => {
  const server = await Server.start(t);
  const [ada, grace] = [await User.connected(t, server.url, "Ada"), await User.connected(t, server.url, "Grace")];
  await ada.whisper("Grace", "psst", "secret key");
  await Promise.all([ada.hears(1), grace.hears(1)]);
  const keys = (user) => user.privates.map(({ clientOffset }) => clientOffset);
  assert.deepEqual([keys(ada), keys(grace)], [["secret key"], [null]]);
  await server.kill();
  await server.restart();
  for (const [name, other, key] of [["Ada", "Grace", "secret key"], ["Grace", "Ada", null]]) {
    const user = await User.connected(t, server.url, name);
    await user.hears(1);
    assert.deepEqual(keys(user), [key]);
    assert.deepEqual(keysOfHistory(await ask(user.socket, "history", { with: other })), [["psst", key]]);
  }
});

test("a client that takes a name later still gets the keys of what it sent before", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  assert.deepEqual(await send(socket, "a", "k"), { offset: 1, duplicate: false });
  await ask(socket, "nickname", "Ada");
  // A retry, too, is recognised, also after the connection broke once more.
  assert.deepEqual(await send(socket, "a", "k"), { offset: 1, duplicate: true });
  await cutOff(socket);
  assert.equal(socket.recovered, true);
  assert.deepEqual(await send(socket, "a", "k"), { offset: 1, duplicate: true });
  const asked = await ask(socket, "history", { room: "general" });
  assert.deepEqual(keysOfHistory(asked), [["a", "k"]]);
});

test("a client that is named while its connection is lost is not stored twice", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  await send(socket, "a", "k");
  await cutOff(socket, async () => (socket.auth = auth("Ada")));
  assert.equal(socket.recovered, true);
  assert.deepEqual(await send(socket, "a", "k"), { offset: 1, duplicate: true });
});

test("nobody is in the way of a user's keys, and nobody learns of them", async (t) => {
  const { url } = await Server.start(t);
  const [bot, grace] = [connect(t, url, { auth: auth("Bot") }), await User.connected(t, url, "Grace")];
  const stranger = connect(t, url);
  // A predictable key, used by others first: with the same text, another one, and in private.
  assert.deepEqual(await send(stranger, "build 1 failed", "build-1"), { offset: 1, duplicate: false });
  assert.deepEqual(await send(stranger, "spam", "build-2"), { offset: 2, duplicate: false });
  assert.deepEqual(await grace.whisper("Bot", "psst", "build-3"), { offset: 3, duplicate: false });
  for (const n of [1, 2, 3]) {
    const answers = [await send(bot, `build ${n} failed`, `build-${n}`), await send(bot, `build ${n} failed`, `build-${n}`)];
    assert.deepEqual(answers, [{ offset: 3 + n, duplicate: false }, { offset: 3 + n, duplicate: true }]);
    assert.equal((await send(bot, "something else", `build-${n}`)).error?.code, CONFLICT);
  }
  // And the other way round, also of what is private.
  assert.deepEqual(await send(stranger, "hello", "build-3"), { offset: 7, duplicate: false });
  assert.deepEqual(await send(grace.socket, "hello", "build-1"), { offset: 8, duplicate: false });
});

test("nobody is in the way of the keys of the tutorial's client, which everybody can guess", async (t) => {
  const server = await Server.start(t);
  const [victim, stranger] = [connect(t, server.url), connect(t, server.url)];
  await Promise.all([victim, stranger].map((socket) => once(socket, "connect")));
  const key = (n) => `${victim.id}-${n}`;
  for (let n = 0; n < 5; n++) await send(stranger, "in the way", key(n));
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(await send(victim, `message ${n}`, key(n)), { offset: 6 + n, duplicate: false });
    assert.deepEqual(await send(victim, `message ${n}`, key(n)), { offset: 6 + n, duplicate: true });
  }
  // A retry after a crash, in a session that nobody knows.
  const keys = [0, 1, 2, 3, 4].map(key);
  await server.kill();
  await server.restart();
  const later = connect(t, server.url);
  for (const [n, known] of keys.entries()) {
    assert.deepEqual(await send(later, `message ${n}`, known), { offset: 6 + n, duplicate: true });
  }
});

test("what two clients have written before they were connected is stored, each once", async (t) => {
  const { url } = await Server.start(t);
  const [first, second, named] = [connect(t, url), connect(t, url), connect(t, url, { auth: auth("Ada") })];
  await Promise.all([first, second, named].map((socket) => once(socket, "connect")));
  let offset = 0;
  for (const socket of [first, second, named]) {
    offset += 1;
    assert.deepEqual(await send(socket, "hi", "undefined-0"), { offset, duplicate: false });
    assert.deepEqual(await send(socket, "hi", "undefined-0"), { offset, duplicate: true });
    await cutOff(socket);
    assert.equal(socket.recovered, true);
    assert.deepEqual(await send(socket, "hi", "undefined-0"), { offset, duplicate: true });
    assert.equal((await send(socket, "something else", "undefined-0")).error?.code, CONFLICT);
  }
});

for (const [what, token] of [["with a token of its own", tokenOf("Ada")], ["with a token that the server made", undefined]]) {
  test(`a retry after a rename is recognised, ${what}`, async (t) => {
    const { url } = await Server.start(t);
    const grace = await User.connected(t, url, "Grace");
    const socket = connect(t, url);
    const given = await ask(socket, "nickname", "Ada", token);
    if (token) assert.equal(given.token, token);
    const whisper = () => ask(socket, "private message", "Grace", "psst", "p1");
    assert.deepEqual(await send(socket, "x", "k1"), { offset: 1, duplicate: false });
    assert.deepEqual(await whisper(), { offset: 2, duplicate: false });
    // The token is known here, and keeps the new name, too.
    assert.deepEqual(await ask(socket, "nickname", "Ada L."), { ...given, nickname: "Ada L." });
    assert.deepEqual(await send(socket, "x", "k1"), { offset: 1, duplicate: true });
    assert.deepEqual(await whisper(), { offset: 2, duplicate: true });

    await cutOff(socket);
    assert.equal(socket.recovered, true);
    assert.deepEqual(await ask(socket, "nickname", "Ada K."), { ...given, nickname: "Ada K.", token: null });
    assert.deepEqual(await send(socket, "x", "k1"), { offset: 1, duplicate: true });
    const elsewhere = connect(t, url, { auth: { nickname: "Ada L.", token: given.token } });
    assert.deepEqual(await send(elsewhere, "x", "k1"), { offset: 1, duplicate: true });
    assert.equal((await send(elsewhere, "y", "k1")).error?.code, CONFLICT);

    // With another token it is somebody else.
    const other = "another secret token, not hers";
    const eve = await ask(socket, "nickname", "Eve", other);
    assert.deepEqual([eve.nickname, eve.token], ["Eve", other]);
    assert.notEqual(eve.user, given.user);
    assert.deepEqual(await send(socket, "x", "k1"), { offset: 3, duplicate: false });
    assert.deepEqual((await grace.hears(1)), ["psst"]);
  });
}

test("a rename does not take the name of somebody else", async (t) => {
  const { url } = await Server.start(t);
  await User.connected(t, url, "Grace");
  const socket = connect(t, url);
  const ada = await ask(socket, "nickname", "Ada");
  assert.equal((await ask(socket, "nickname", "grace")).error?.code, "nickname_taken");
  assert.deepEqual(await ask(socket, "nickname", "Ada"), ada);
});

test("a retry without a name is recognised in a later session", async (t) => {
  const server = await Server.start(t, { args: ["--recovery-window", "0s"] });
  const socket = connect(t, server.url);
  const key = randomUUID();
  assert.deepEqual(await send(socket, "hello", key), { offset: 1, duplicate: false });
  await cutOff(socket);
  assert.ok(!socket.recovered);
  assert.deepEqual(await send(socket, "hello", key), { offset: 1, duplicate: true });
});

test("a retry of what is stored is acked, whatever has changed since", async (t) => {
  const env = { CHAT_ROOMS: "true", CHAT_MAX_REACTIONS_PER_MESSAGE: "1" };
  const { url } = await Server.start(t, { env });
  const [ada, bob] = await Promise.all(["Ada", "Bob"].map((name) => User.connected(t, url, name)));
  await ask(ada.socket, "create room", "rust");
  for (const { socket } of [ada, bob]) await ask(socket, "join", "rust");
  const room = { room: "rust" };
  const requests = [
    ["chat message", "hello", "k1", room],
    ["edit message", 1, "hello again", "k2"],
    ["react", 1, "👍", true, "k3"],
  ];
  for (const [n, request] of requests.entries()) {
    assert.deepEqual(await ask(bob.socket, ...request), { offset: n + 1, duplicate: false });
  }
  const refusals = async (expected) => {
    for (const [n, request] of requests.entries()) {
      assert.deepEqual(await ask(bob.socket, ...request), { offset: n + 1, duplicate: true }, `${request[0]}: ${expected}`);
    }
    const fresh = await ask(bob.socket, "chat message", "new", "k9", room);
    assert.equal(fresh.error?.code, expected);
    assert.equal((await ask(bob.socket, "chat message", "other", "k1", room)).error?.code, expected, "it is no retry");
    assert.equal((await ask(bob.socket, "chat message", "without a key", room)).error?.code, expected);
  };

  // No other reaction fits beside the one that takes its place.
  await ask(bob.socket, "react", 1, "👍", false);
  await ask(ada.socket, "react", 1, "🎉");
  assert.deepEqual(await ask(bob.socket, ...requests[2]), { offset: 3, duplicate: true });
  assert.equal((await ask(bob.socket, "react", 1, "👍", true, "k10")).error?.code, "too_many_reactions");

  await ask(ada.socket, "mute", "Bob", room);
  await refusals("forbidden");
  await ask(ada.socket, "lift", "Bob", room);
  await ask(ada.socket, "change room", "rust", { posting: "members" });
  await refusals("forbidden");
  await ask(ada.socket, "change room", "rust", { posting: "everyone" });
  requests.splice(1);
  await ask(bob.socket, "leave", "rust");
  await refusals("not_in_room");
  const { messages } = await ask(ada.socket, "history", room);
  assert.deepEqual(messages.map(({ content }) => content), ["hello again"]);
});

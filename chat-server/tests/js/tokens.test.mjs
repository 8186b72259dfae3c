// Signed tokens say who clients are.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, msgpack, send, TRANSPORTS } from "./support/client.mjs";
import { ask, refused } from "./support/users.mjs";
import { Polling, RawWebSocket } from "./support/raw.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";
import { hs256, now, SECRET, token, withKey } from "./support/tokens.mjs";

test("a token says who a client is, over reconnects and in private messages", async (t) => {
  const { url } = await withKey(t, `${SECRET}\n`);
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada", exp: now() + 60 }) } });
  const [named] = await once(ada, "nickname");
  assert.match(named.user, /^[0-9a-f]{16}$/);
  assert.deepEqual(named, { nickname: "Ada", token: null, user: named.user });
  const grace = connect(t, url, { auth: { token: hs256({ sub: "2", nickname: "Grace" }) } });
  await once(grace, "connect");
  const heard = once(grace, "private message");
  assert.equal((await ask(ada, "private message", "grace", "hi")).duplicate, false);
  assert.deepEqual((await heard)[2].from, "Ada");
  await cutOff(ada);
  assert.equal(ada.recovered, true);
  const [[, , { from }]] = await Promise.all([once(grace, "chat message"), send(ada, "hello")]);
  assert.equal(from, "Ada");
  assert.equal((await ask(ada, "nickname", "Eve")).error.code, "nickname_fixed");
});

test("a client without a good token is refused with a code, also when it has a session", async (t) => {
  const { url } = await withKey(t, SECRET);
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const none = token({ sub: "1" }, "none", () => Buffer.alloc(0));
  const cases = [
    [undefined, /^invalid_token: a token is needed/],
    ["", /^invalid_token/],
    ["no token", /^invalid_token/],
    [hs256({ sub: "1" }, "another secret of thirty-two bytes"), /^invalid_token: .*not signed/],
    [hs256({ sub: "1" }, pem), /^invalid_token/],
    [none, /^invalid_token/],
    [none.replace(/\.$/, ""), /^invalid_token/],
    [token({ sub: "1" }, "HS512", (text) => createHmac("sha512", SECRET).update(text).digest()), /^invalid_token/],
    [hs256({ sub: "1", exp: now() - 60 }), /^expired_token: /],
    [hs256({ sub: "1", exp: now() - 2 }), /^expired_token: /],
    [hs256({ sub: "1", nbf: now() + 600 }), /^invalid_token: .*not valid yet/],
    [hs256({ name: "Ada" }), /^invalid_token: .*subject/],
    [hs256({ sub: "1", exp: undefined }), /^invalid_token: .*`exp`/],
    [hs256({ sub: "1", exp: Date.now() + 60_000 }), /^invalid_token: .*`exp`.*seconds/],
    [hs256({ sub: "1", rooms: "general" }), /^invalid_token: .*`rooms`/],
    [hs256({ sub: "1" }, SECRET, { crit: ["b64"], b64: false }), /^invalid_token: .*`crit`/],
    ["x".repeat(20_000), /^invalid_token/],
  ];
  for (const [bad, expected] of cases) {
    assert.match(await refused(t, url, { nickname: "Ada", token: bad }), expected, bad?.slice(0, 80));
  }
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada" }) } });
  await once(ada, "connect");
  ada.auth.token = hs256({ sub: "1", name: "Ada", exp: now() - 60 });
  const refusal = once(ada, "connect_error");
  ada.io.engine.close();
  assert.match((await refusal)[0].message, /^expired_token/);
});

test("a session is not given to another subject, and a name not to two", async (t) => {
  const { url } = await withKey(t, SECRET);
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada" }) } });
  await once(ada, "connect");
  assert.equal(await nameOf(t, url, { sub: "2", name: "ADA" }), "ADA 2");
  assert.equal(await nameOf(t, url, { sub: "1", iss: "else", name: "Ada" }), "Ada 3");
  ada.auth.token = hs256({ sub: "3", name: "Grace" });
  await cutOff(ada);
  assert.equal(ada.recovered, false);
});

/** The name under which a client with such a token is let in. */
async function nameOf(t, url, claims, options = {}) {
  const socket = connect(t, url, { ...options, auth: { token: hs256(claims) } });
  const [{ nickname, token }] = await once(socket, "nickname");
  assert.equal(token, null);
  socket.close();
  return nickname;
}

test("the second John Smith comes in, has private messages, and keeps the number", async (t) => {
  const server = await withKey(t, SECRET);
  const sockets = {};
  for (const [sub, transports] of Object.entries(Object.values(TRANSPORTS))) {
    const auth = { token: hs256({ sub, name: "John Smith" }) };
    sockets[sub] = connect(t, server.url, { transports, auth });
    const [{ nickname }] = await once(sockets[sub], "nickname");
    assert.equal(nickname, sub === "0" ? "John Smith" : `John Smith ${Number(sub) + 1}`);
  }
  const heard = once(sockets[1], "private message");
  await ask(sockets[0], "private message", "John Smith 2", "which one are you?");
  assert.equal((await heard)[2].from, "John Smith");
  Object.values(sockets).forEach((socket) => socket.close());
  await server.kill();
  await server.restart();
  // In another order, as if the first one were gone.
  for (const sub of [2, 1, 0]) {
    const expected = sub === 0 ? "John Smith" : `John Smith ${sub + 1}`;
    assert.equal(await nameOf(t, server.url, { sub: String(sub), name: "John Smith" }), expected);
  }
});

test("no name in a token keeps anybody out", async (t) => {
  const { url } = await withKey(t, SECRET);
  const long = "A name of forty-nine characters, which is too long";
  const ids = { long: "x".repeat(60), neutral: /^User [0-9a-f]{6}$/ };
  for (const [claims, expected] of [
    [{ sub: "1", name: long }, long.slice(0, 40).trim()],
    [{ sub: "2", name: "Eve ❤️" }, "Eve ❤️"],
    [{ sub: ids.long }, ids.long.slice(0, 40)],
    [{ sub: "4", name: "\u202eevil" }, "evil"],
    [{ sub: "5", name: "👩‍👩‍👧".repeat(12) }, "👩‍👩‍👧".repeat(7)],
    [{ sub: "6", nickname: "\u200b", name: "Grace\nHopper" }, "Grace Hopper"],
    [{ sub: "7", nickname: 5, name: { first: "A" }, preferred_username: "hedy" }, "hedy"],
    [{ sub: "\u2028", name: "" }, ids.neutral],
    [{ sub: "8", name: "half \ud83d" }, /^half/],
    [{ sub: "9", name: "admin" }, "admin"],
  ]) {
    const name = await nameOf(t, url, claims);
    if (expected instanceof RegExp) assert.match(name, expected);
    else assert.equal(name, expected, JSON.stringify(claims));
    assert.equal(await nameOf(t, url, claims, { transports: ["polling"] }), name, "the same again");
  }
});

test("a connection ends when its token expires", async (t) => {
  const { url } = await withKey(t, SECRET);
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada", exp: now() + 2 }) } });
  await once(ada, "connect");
  ada.io.reconnection(false);
  await once(ada, "disconnect", 5);
});

const CLIENTS = {
  ...Object.fromEntries(Object.entries(TRANSPORTS).map(([name, transports]) => [name, { transports }])),
  MessagePack: { parser: msgpack },
  "polled MessagePack": { parser: msgpack, transports: ["polling"] },
};

for (const [name, options] of Object.entries(CLIENTS)) {
  test(`${name}: an expired token is one event at the client, and then it is out`, async (t) => {
    const { url } = await withKey(t, SECRET);
    const auth = { token: hs256({ sub: "1", name: "Ada", exp: now() + 2 }) };
    const ada = connect(t, url, { ...options, auth });
    await once(ada, "connect");
    const refusal = once(ada, "connect_error", 5);
    await once(ada, "disconnect", 5);
    assert.match((await refusal)[0].message, /^expired_token/);
    assert.equal(ada.active, false, "it does not try for ever");
  });
}

/** Runs `check` with each kind of client and a name for it, all at once, as most of it is waiting. */
const withEach = (check) =>
  Promise.all(Object.entries(CLIENTS).map(([kind, options]) => check(options, `Ada by ${kind}`)));

test("a new token in time keeps the connection, and another user's does not count", async (t) => {
  const { url } = await withKey(t, SECRET);
  await withEach(async (options, name) => {
    const exp = now() + 4;
    const own = (more) => hs256({ sub: name, name, ...more });
    const ada = connect(t, url, { ...options, auth: { token: own({ exp }) } });
    await once(ada, "connect");
    const ends = [];
    ada.on("disconnect", (reason) => ends.push(reason));
    for (const [bad, code] of [
      [hs256({ sub: "2", name }), "other_user"],
      [own({ iss: "else" }), "other_user"],
      [own({ exp: now() - 1 }), "expired_token"],
      ["no token", "invalid_token"],
      [5, "invalid_arguments"],
    ]) {
      assert.equal((await ask(ada, "token", bad)).error.code, code);
    }
    const until = exp + 3;
    const answer = await ask(ada, "token", own({ exp: until + 0.25 }));
    assert.deepEqual(answer, { nickname: name, until: until * 1000 + 250 });
    // Without an ack, and with a name that the answer and the messages have from now on.
    ada.emit("token", own({ exp: until }));
    const renamed = await ask(ada, "token", own({ exp: until, name: `${name} King` }));
    assert.equal(renamed.nickname, `${name} King`);
    await sleep((exp + 1) * 1000 - Date.now());
    assert.deepEqual(ends, [], "beyond the end of the first token");
    const { offset } = await send(ada, "still here");
    const { messages } = await ask(ada, "history", { room: "general" });
    assert.equal(messages.find((message) => message.offset === offset).from, `${name} King`);
    // The token in `auth` has expired by now, and is what a new connection is judged by.
    assert.match((await once(ada, "connect_error", 8))[0].message, /^expired_token/);
    assert.equal(Date.now() >= until * 1000, true);
    assert.equal(ends.length, 1);
    assert.equal(ada.active, false);
  });
});

test("a client that has a new token each time comes back by itself, in its session", async (t) => {
  const { url } = await withKey(t, SECRET);
  await withEach(async (options, name) => {
    const auth = (callback) => callback({ token: hs256({ sub: name, name, exp: now() + 2 }) });
    const ada = connect(t, url, { ...options, auth });
    await once(ada, "connect");
    const events = [];
    for (const event of ["disconnect", "connect_error", "connect"]) ada.on(event, () => events.push(event));
    await once(ada, "connect");
    assert.equal(ada.recovered, true);
    assert.deepEqual(events, ["disconnect", "connect"], "one end, and it is back");
    assert.equal((await send(ada, "back")).duplicate, false);
  });
});

test("a server without a key takes no signed token", async (t) => {
  const { url } = await Server.start(t);
  const ada = connect(t, url, { auth: { nickname: "Ada", token: "a secret token of Ada's own" } });
  await once(ada, "connect");
  assert.equal((await ask(ada, "token", hs256({ sub: "1" }))).error.code, "invalid_token");
});

test("new tokens are counted among the events of a client", async (t) => {
  const { url } = await withKey(t, SECRET, { env: { CHAT_MAX_WRONG_TOKENS_PER_MINUTE: "3" } });
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada" }) } });
  await once(ada, "connect");
  for (const code of ["other_user", "other_user", "other_user", "slow_down"]) {
    assert.equal((await ask(ada, "token", hs256({ sub: "2", name: "Eve" }))).error.code, code);
  }
});

/** Grace, who sees who is there. */
async function witness(t, url) {
  const grace = connect(t, url, { auth: { token: hs256({ sub: "2", nickname: "Grace" }) } });
  await once(grace, "connect");
  return grace;
}

test("a closed connection is closed for polling too", { timeout: 30_000 }, async (t) => {
  const { url } = await withKey(t, SECRET);
  const grace = await witness(t, url);
  const heard = [];
  grace.on("chat message", (content) => heard.push(content));
  const auth = { token: hs256({ sub: "1", name: "Ada", exp: now() + 5 }) };
  const open = () => Polling.open(url, { auth });
  // One that writes alone, one that polls, and one that is about to move to a websocket.
  const [writer, reader, mover] = [await open(), await open(), await open()];
  assert.equal((await writer.post('42["chat message","in time"]')).status, 200);
  const query = `/socket.io/?EIO=4&transport=websocket&sid=${mover.sid}`;
  const websocket = await RawWebSocket.open(t, url, query);
  websocket.send("2probe");
  assert.equal(await websocket.next(), "3probe");
  let polled;
  do polled = await reader.get();
  while (polled.status === 200);
  assert.equal(polled.status, 400, "a poll that waits ends");
  await within(5, "the websocket is closed", websocket.closed);
  for (const closed of [writer, reader, mover]) {
    for (const packet of ['42["chat message","too late"]', '42["join","later"]', "3"]) {
      assert.equal((await closed.post(packet)).status, 400);
    }
    assert.equal((await closed.get()).status, 400);
    assert.equal((await RawWebSocket.open(t, url, query.replace(mover.sid, closed.sid))).status, 400);
  }
  await sleep(5500); // Beyond the grace of who is gone.
  assert.deepEqual((await ask(grace, "users", "general")).nicknames, ["Grace"]);
  assert.deepEqual(heard, ["in time"]);
});


// Signed tokens say who clients are.

import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { ask, refused } from "./support/users.mjs";
import { Polling, RawWebSocket } from "./support/raw.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server, spawnBinary } from "./support/server.mjs";

const SECRET = "a secret of thirty-two bytes or so";
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

function token(claims, alg, signer) {
  const text = `${encode({ alg, typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${signer(text).toString("base64url")}`;
}

const hs256 = (claims, secret = SECRET) =>
  token(claims, "HS256", (text) => createHmac("sha256", secret).update(text).digest());

async function withKey(t, key) {
  const path = join(temporaryDirectory(t), "key");
  writeFileSync(path, key);
  return Server.start(t, { args: ["--jwt-key", path] });
}

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
    [hs256({ sub: "1", name: "\u202eevil" }), /^invalid_nickname: /],
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
  assert.match(await refused(t, url, { token: hs256({ sub: "2", name: "ADA" }) }), /^nickname_taken/);
  assert.match(await refused(t, url, { token: hs256({ sub: "1", iss: "else", name: "Ada" }) }), /^nickname_taken/);
  ada.auth.token = hs256({ sub: "3", name: "Grace" });
  await cutOff(ada);
  assert.equal(ada.recovered, false);
});

test("a connection ends when its token expires", async (t) => {
  const { url } = await withKey(t, SECRET);
  const ada = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada", exp: now() + 2 }) } });
  await once(ada, "connect");
  ada.io.reconnection(false);
  await once(ada, "disconnect", 5);
});

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: an expired token is one event at the client, and then it is out`, async (t) => {
    const { url } = await withKey(t, SECRET);
    const auth = { token: hs256({ sub: "1", name: "Ada", exp: now() + 2 }) };
    const ada = connect(t, url, { transports, auth });
    await once(ada, "connect");
    const refusal = once(ada, "connect_error", 5);
    await once(ada, "disconnect", 5);
    assert.match((await refusal)[0].message, /^expired_token/);
    assert.equal(ada.active, false, "it does not try for ever");
  });
}

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
  const auth = { token: hs256({ sub: "1", name: "Ada", exp: now() + 2 }) };
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

test("public keys check RS256 and EdDSA, and nothing else", async (t) => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed = generateKeyPairSync("ed25519");
  const pem = (key) => key.export({ type: "spki", format: "pem" });
  const rs256 = (text) => createSign("sha256").update(text).sign(rsa.privateKey);
  const eddsa = (text) => sign(null, Buffer.from(text), ed.privateKey);
  const claims = { sub: "1", name: "Ada" };
  for (const [keys, good, bad] of [
    [rsa, token(claims, "RS256", rs256), token(claims, "EdDSA", eddsa)],
    [ed, token(claims, "EdDSA", eddsa), token(claims, "RS256", rs256)],
  ]) {
    const server = await withKey(t, pem(keys.publicKey));
    const socket = connect(t, server.url, { auth: { token: good } });
    await once(socket, "connect");
    assert.match(await refused(t, server.url, { token: bad }), /^invalid_token/);
    // The public key is no secret: what is signed with it as if it were one is worth nothing.
    assert.match(await refused(t, server.url, { token: hs256(claims, pem(keys.publicKey)) }), /^invalid_token/);
  }
});

test("a key file that is no key is refused in one line", async (t) => {
  const directory = temporaryDirectory(t);
  const { privateKey } = generateKeyPairSync("ed25519");
  for (const [name, content, expected] of [
    ["missing", null, /missing.*No such file/],
    ["short", "secret", /6 bytes; it needs 32/],
    ["private", privateKey.export({ type: "pkcs8", format: "pem" }), /private key.*public/],
    ["other", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /no RSA or Ed25519/],
  ]) {
    const path = join(directory, name);
    if (content !== null) writeFileSync(path, content);
    const server = spawnBinary(["--listen", "127.0.0.1:0", "--store", "memory:", "--jwt-key", path]);
    const { code } = await server.closed;
    assert.equal(code, 1);
    assert.match(server.stderr, expected);
    assert.equal(server.stderr.trim().split("\n").length, 1, server.stderr);
  }
});

// The keys that verify signed tokens: their kinds, key sets, and how they change while the server runs.

import assert from "node:assert/strict";
import { createSign, generateKeyPairSync, sign } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect } from "./support/client.mjs";
import { Server, spawnBinary } from "./support/server.mjs";
import { hs256, now, SECRET, token, withKey } from "./support/tokens.mjs";
import { refused } from "./support/users.mjs";

test("public keys check RS256, EdDSA and ES256, and nothing else", async (t) => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed = generateKeyPairSync("ed25519");
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = (key) => key.export({ type: "spki", format: "pem" });
  const rs256 = (text) => createSign("sha256").update(text).sign(rsa.privateKey);
  const eddsa = (text) => sign(null, Buffer.from(text), ed.privateKey);
  const es256 = (text) => sign("sha256", Buffer.from(text), { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
  const claims = { sub: "1", name: "Ada", exp: now() + 60 };
  for (const [keys, good, bad] of [
    [rsa, token(claims, "RS256", rs256), token(claims, "EdDSA", eddsa)],
    [ed, token(claims, "EdDSA", eddsa), token(claims, "RS256", rs256)],
    [ec, token(claims, "ES256", es256), token(claims, "ES256", (text) => sign("sha256", Buffer.from(text), ec.privateKey))],
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
    ["half", '{"keys":[{"kty":"RSA","n":"AQAB', /JSON that is no key set/],
    ["useless", '{"keys":[{"kty":"later"}]}', /none of the 1 keys/],
    ["p384", generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ type: "spki", format: "pem" }), /no RSA or Ed25519 or P-256/],
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

test("a key set has keys of several kinds, and a token names one by its id", async (t) => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed = generateKeyPairSync("ed25519");
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = ({ publicKey }, more) => ({ ...publicKey.export({ format: "jwk" }), use: "sig", ...more });
  const keys = [
    jwk(rsa, { kid: "r", alg: "RS256" }),
    jwk(ed, { kid: "e" }),
    jwk(ec, { kid: "p" }),
    { kty: "oct", k: Buffer.from(SECRET).toString("base64url") },
    jwk(generateKeyPairSync("x25519"), { use: "enc" }),
  ];
  const server = await withKey(t, JSON.stringify({ keys }));
  assert.match(server.process.stderr, /1 of 5 keys in a key set are not used/);
  assert.match(server.process.stderr, /4 keys verify signed tokens/);
  const claims = { sub: "1", name: "Ada", exp: now() + 60 };
  const rs256 = (text) => createSign("sha256").update(text).sign(rsa.privateKey);
  const eddsa = (text) => sign(null, Buffer.from(text), ed.privateKey);
  const es256 = (text) => sign("sha256", Buffer.from(text), { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
  for (const good of [
    token(claims, "RS256", rs256, { kid: "r" }),
    token(claims, "EdDSA", eddsa, { kid: "e" }),
    token(claims, "Ed25519", eddsa),
    token(claims, "ES256", es256, { kid: "p" }),
    token(claims, "ES256", es256, { kid: "somebody's" }),
    token(claims, "RS256", rs256),
    hs256(claims),
  ]) {
    const socket = connect(t, server.url, { auth: { token: good } });
    await once(socket, "connect");
    socket.close();
  }
  const modulus = JSON.stringify(keys[0]);
  for (const bad of [
    token(claims, "RS256", rs256, { kid: "e" }),
    token(claims, "EdDSA", eddsa, { kid: "r" }),
    hs256(claims, keys[0].n),
    hs256(claims, modulus, { kid: "r" }),
    hs256(claims, Buffer.from(keys[1].x, "base64url"), { kid: "e" }),
  ]) {
    assert.match(await refused(t, server.url, { token: bad }), /^invalid_token: the token is not signed/);
  }
});

test("the audience and the issuer are checked when they are configured", async (t) => {
  const args = ["--jwt-audience", "chat,talk", "--jwt-issuer", "https://a.example", "--jwt-issuer", "https://b.example"];
  const { url } = await withKey(t, SECRET, { args });
  for (const [aud, iss, expected] of [
    ["talk", "https://b.example", null],
    [["shop", "chat"], "https://a.example", null],
    ["shop", "https://a.example", /^invalid_token: .*`aud`/],
    [undefined, "https://a.example", /^invalid_token: .*`aud`/],
    ["chat", "https://c.example", /^invalid_token: .*`iss`/],
    ["chat", undefined, /^invalid_token: .*`iss`/],
  ]) {
    const auth = { token: hs256({ sub: "1", name: "Ada", aud, iss }) };
    if (expected) assert.match(await refused(t, url, auth), expected);
    else await once(connect(t, url, { auth }), "connect");
  }
});

test("tokens without an end are accepted if that is allowed", async (t) => {
  const { url } = await withKey(t, SECRET, { args: ["--jwt-allow-no-expiry"] });
  const auth = { token: hs256({ sub: "1", name: "Ada", exp: undefined }) };
  const ada = connect(t, url, { auth });
  await once(ada, "connect");
  assert.deepEqual(await ada.emitWithAck("token", auth.token), { nickname: "Ada", until: null });
});

const OTHER = "another secret of thirty-two bytes";

/** Whether a client is let in with this secret now. */
async function accepts(t, url, secret) {
  const socket = connect(t, url, { auth: { token: hs256({ sub: "1", name: "Ada" }, secret) }, reconnection: false });
  const refusal = once(socket, "connect_error").then(([{ data }]) => assert.equal(data.code, "invalid_token"));
  const accepted = await Promise.race([once(socket, "connect").then(() => true), refusal.then(() => false)]);
  socket.close();
  return accepted;
}

async function until(what, condition) {
  const look = async () => {
    while (!(await condition())) await sleep(20);
  };
  await within(15, what, look());
}

test("keys change on SIGHUP, and a file that cannot be read keeps them", async (t) => {
  const server = await withKey(t, SECRET);
  const { url, key, process } = server;
  const ada = connect(t, url, { auth: { token: hs256({ sub: "2", name: "Grace" }) } });
  await once(ada, "connect");
  const ends = [];
  ada.on("disconnect", (reason) => ends.push(reason));
  writeFileSync(key, "{");
  process.child.kill("SIGHUP");
  await until("the error is logged", () => /ERROR.*old keys stay.*no key set/.test(process.stderr));
  assert.equal(await accepts(t, url, SECRET), true);
  rmSync(key);
  process.child.kill("SIGHUP");
  await until("the other error is logged", () => /ERROR.*old keys stay.*No such file/.test(process.stderr));
  assert.equal(await accepts(t, url, SECRET), true);
  writeFileSync(key, OTHER);
  process.child.kill("SIGHUP");
  await until("the new key counts", () => accepts(t, url, OTHER));
  assert.equal(await accepts(t, url, SECRET), false);
  assert.deepEqual(ends, [], "a connection lasts until its token expires");
  assert.equal(process.stderr.match(/ERROR/g).length, 2, process.stderr);
  assert.equal(server.hasEnded, false);
});

test("keys change on SIGHUP in all workers", async (t) => {
  const [old, next] = ["old", "next"].map((name) => join(temporaryDirectory(t), name));
  writeFileSync(old, SECRET);
  writeFileSync(next, SECRET);
  const server = await Server.start(t, { args: ["--workers", "2", "--jwt-key", `${old},${next}`] });
  await until("both listen", () => server.process.stdout.match(/^listening on/gm)?.length === 2);
  const urls = server.process.stdout.match(/http:\/\/\S+/g);
  for (const url of urls) {
    assert.deepEqual([await accepts(t, url, SECRET), await accepts(t, url, OTHER)], [true, false]);
  }
  writeFileSync(next, OTHER);
  server.process.child.kill("SIGHUP");
  for (const url of urls) {
    await until("the new key counts", () => accepts(t, url, OTHER));
    assert.equal(await accepts(t, url, SECRET), true, "the old one is there still");
  }
});

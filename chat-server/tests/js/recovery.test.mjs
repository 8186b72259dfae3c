// Connection state recovery as the official client sees it, among it what Socket.IO itself gets wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { Proxy } from "./support/proxy.mjs";
import { cutOff, Recoverable, sameSecret } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

async function say(socket, ...contents) {
  for (const content of contents) assert.ok((await send(socket, content)).offset > 0);
}

/** A server, somebody who talks, and a client that has got "one" and "two". */
async function conversation(t, { transports = ["websocket"], ...options } = {}) {
  const server = await Server.start(t, options);
  const talker = connect(t, server.url);
  await say(talker, "one", "two");
  const client = new Recoverable(t, server.url, { transports });
  await client.has(2);
  return { server, talker, client };
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`over ${name}, a client that was cut off gets its session and what it missed`, async (t) => {
    const { talker, client } = await conversation(t, { transports });
    const { id } = client.socket;
    for (const round of [1, 2, 3]) {
      await cutOff(client.socket, () => say(talker, `missed ${round}a`, `missed ${round}b`));
      assert.equal(client.socket.recovered, true);
      assert.equal(client.socket.id, id);
      await say(talker, `live ${round}`);
      await client.has(2 + 3 * round);
    }
    const rounds = [1, 2, 3].flatMap((n) => [`missed ${n}a`, `missed ${n}b`, `live ${n}`]);
    assert.deepEqual(client.contents, ["one", "two", ...rounds]);
  });

  test(`over ${name}, a client that has got no message yet recovers`, async (t) => {
    const server = await Server.start(t);
    const client = new Recoverable(t, server.url, { transports });
    await client.connected();
    const { id } = client.socket;
    await cutOff(client.socket);
    assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
    const talker = connect(t, server.url);
    await cutOff(client.socket, () => say(talker, "the first"));
    assert.equal(client.socket.recovered, true);
    await client.has(1);
    assert.deepEqual(client.contents, ["the first"]);
  });

  test(`over ${name}, a session is recovered after kill -9`, async (t) => {
    const { server, talker, client } = await conversation(t, { transports });
    const { id } = client.socket;
    const back = [client.socket, talker].map((socket) => once(socket, "connect", 20));
    await server.kill();
    await server.restart();
    await Promise.all(back);
    assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
    await say(talker, "three");
    await client.has(3);
    assert.deepEqual(client.contents, ["one", "two", "three"]);
  });
}

test("recovering again and again without a new message repeats nothing", async (t) => {
  const { talker, client } = await conversation(t);
  for (let n = 0; n < 5; n++) {
    await cutOff(client.socket);
    assert.equal(client.socket.recovered, true);
  }
  await say(talker, "three");
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "two", "three"]);
});

test("a client recovers although its last message is older than the window", async (t) => {
  const { talker, client } = await conversation(t, { args: ["--recovery-window", "1s"] });
  await sleep(2500);
  await cutOff(client.socket, () => say(talker, "three"));
  assert.equal(client.socket.recovered, true);
  await client.has(3);
});

test("after the window the session is a new one, and nothing is lost", async (t) => {
  const { talker, client } = await conversation(t, { args: ["--recovery-window", "1s"] });
  const { id } = client.socket;
  client.socket.auth = { serverOffset: 2 };
  await cutOff(client.socket, async () => {
    await say(talker, "three");
    await sleep(2000);
  });
  assert.equal(client.socket.recovered, false);
  assert.notEqual(client.socket.id, id);
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "two", "three"]);
});

test("a window of 0s turns recovery off", async (t) => {
  const { client } = await conversation(t, { args: ["--recovery-window", "0s"] });
  assert.equal(client.socket._pid, undefined);
  client.socket.auth = { serverOffset: 2 };
  await cutOff(client.socket);
  assert.ok(!client.socket.recovered);
});

test("a reconnect before the server notices the disconnect recovers", async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const client = new Recoverable(t, proxy.url);
  await client.connected();
  const { id } = client.socket;
  const talker = connect(t, server.url);
  await say(talker, "one");
  await client.has(1);
  // From here on the proxy keeps the old connection open and silent, so the server cannot notice.
  proxy.silence();
  client.socket.io.uri = server.url;
  await cutOff(client.socket, () => say(talker, "two"));
  assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
  await say(talker, "three");
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "two", "three"]);
});

test("the newer of two connections with one session works, the older is closed", async (t) => {
  const { server, talker, client } = await conversation(t);
  const { id } = client.socket;
  const closed = once(client.socket, "disconnect");
  const newer = sameSecret(t, server.url, client.socket);
  await newer.connected();
  assert.deepEqual(await closed.then(([reason]) => reason), "io server disconnect");
  assert.deepEqual([newer.socket.recovered, newer.socket.id], [true, id]);
  await say(talker, "three");
  await newer.has(1);
  assert.deepEqual(newer.contents, ["three"]);
  assert.deepEqual(client.contents, ["one", "two"]);
  assert.equal((await send(newer.socket, "four")).duplicate, false);
});

// A client that is cut off while it reconnects tries again; what it sent first may be handled last.
test("a claim that comes late, of an earlier connection, does not take the session from a later one", async (t) => {
  const { server, talker, client } = await conversation(t);
  const { socket } = client;
  const claim = { pid: socket._pid, offset: socket._lastOffset };
  const opened = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  const { sid } = JSON.parse((await opened.text()).slice(1));
  await cutOff(socket);
  const reasons = [];
  socket.on("disconnect", (reason) => reasons.push(reason));

  const late = `${server.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  for (const body of [`40${JSON.stringify(claim)}`, "1"]) {
    await (await fetch(late, { method: "POST", body })).text();
  }
  await sleep(200);
  await say(talker, "live");
  await client.has(3);
  assert.ok(!reasons.includes("io server disconnect"), "the client would not come back");
  assert.equal(socket.recovered, true);
});

test("when several connections race for one session, one has it and works", async (t) => {
  const { server, talker, client } = await conversation(t);
  const { id } = client.socket;
  const rivals = Array.from({ length: 8 }, () => sameSecret(t, server.url, client.socket));
  await Promise.all(rivals.map((rival) => rival.connected()));
  // One that was cut off because another one is there connects again by itself, and may then be the newest.
  const alive = () => [client, ...rivals].filter(({ socket }) => socket.active);
  await within(10, () => `${alive().length} are left`, (async () => {
    while (alive().length > 1) await sleep(20);
  })());
  const [winner] = alive();
  await winner.connected();
  assert.deepEqual([winner.socket.recovered, winner.socket.id], [true, id]);
  await say(talker, "three");
  await winner.has(1);
  // None of the others gets it, and the winner stays.
  await say(talker, "four");
  await winner.has(2);
  assert.deepEqual(winner.contents.slice(-2), ["three", "four"]);
  assert.equal(alive().length, 1);
});

test("socket.disconnect() ends the session, and what was missed comes by serverOffset", async (t) => {
  const { talker, client } = await conversation(t);
  const { id } = client.socket;
  client.socket.disconnect();
  await say(talker, "three");
  client.socket.auth = { serverOffset: 2 };
  client.socket.connect();
  await client.connected();
  assert.equal(client.socket.recovered, false);
  assert.notEqual(client.socket.id, id);
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "two", "three"]);
});

test("what no client should claim gets a new session", async (t) => {
  const { server, client } = await conversation(t);
  const { _pid: pid, _lastOffset: offset } = client.socket;
  const [epoch, number, tag] = offset.split("-");
  const claims = [
    { pid: "0".repeat(pid.length), offset },
    { pid: pid.slice(1), offset },
    { pid: "x".repeat(300_000), offset },
    ...[5, true, {}, [pid], "", "\u0000"].map((pid) => ({ pid, offset })),
    ...[5, {}, [], "", "-", number, `${epoch}-`, `${epoch}-x`, `${epoch}--1`].map((offset) => ({
      pid,
      offset,
    })),
    { pid, offset: `${epoch}-1e3` },
    { pid, offset: `${epoch}-${number}-${tag.toUpperCase()}x` },
    { pid, offset: `${epoch}-${2 ** 60}` },
  ];
  // Who speaks of another log, or of its lost end, counts its messages too: it is told, and served from the beginning.
  const elsewhere = [
    `${"0".repeat(epoch.length)}-${number}`,
    `${"0".repeat(epoch.length)}-${number}-${tag}`,
    `${epoch}-${Number(number) + 1}`,
    `${epoch}-${Number(number) + 1}-${tag}`,
    `${epoch}-${number - 1}-${tag}`,
    `${epoch}-${number}-${tag.replace(/./, (digit) => (digit === "0" ? "1" : "0"))}`,
  ].map((offset) => ({ pid, offset }));
  for (const claim of [...claims, ...elsewhere]) {
    const missed = elsewhere.includes(claim) ? ["one", "two"] : ["two"];
    const what = JSON.stringify(claim).slice(0, 100);
    const other = new Recoverable(t, server.url, { auth: { serverOffset: 1, ...claim } });
    const told = [];
    other.socket.on("other log", (report) => told.push({ ...report, before: other.contents.length }));
    await other.connected();
    await other.has(missed.length);
    assert.deepEqual(told, elsewhere.includes(claim) ? [{ epoch, tail: 2, before: 0 }] : [], what);
    assert.deepEqual(other.contents, missed, what);
    assert.notEqual(other.socket.id, client.socket.id, what);
    assert.notEqual(other.socket._pid, pid, what);
    other.socket.close();
  }
  assert.equal(client.socket.connected, true, "the session is still its owner's");
});

test("clients that are away cost no memory but that of the log", async (t) => {
  const server = await Server.start(t, { args: ["--recovery-window", "5m"] });
  const away = Array.from({ length: 100 }, () => new Recoverable(t, server.url));
  await Promise.all(away.map((client) => client.connected()));
  for (const { socket } of away) {
    socket.io.reconnection(false);
    socket.io.engine.close();
  }
  const talker = connect(t, server.url, { auth: { serverOffset: Number.MAX_SAFE_INTEGER } });
  const content = "x".repeat(10_000);
  for (let n = 0; n < 20; n++) {
    await Promise.all(Array.from({ length: 500 }, () => send(talker, content)));
  }
  // 100 MB were written; kept for each client they would be 10 GB, in one copy more than this.
  assert.ok(server.peakMemory() < 200, `${server.peakMemory()} MiB`);
  const [client] = away;
  client.socket.connect();
  await client.connected();
  assert.equal(client.socket.recovered, true);
  await client.has(10_000, 60);
});

test("neither secrets nor contents get into the log", async (t) => {
  const { server, client } = await conversation(t, { args: ["--log", "trace"] });
  const { _pid: pid } = client.socket;
  await cutOff(client.socket);
  sameSecret(t, server.url, client.socket);
  await once(client.socket, "disconnect");
  const refused = await send(client.socket.connect(), "contents of a message", "");
  assert.equal(refused.error.code, "invalid_client_offset");
  await server.terminate("SIGTERM");
  const { stderr } = server.process;
  assert.match(stderr, /taken over/);
  assert.match(stderr, /refused/);
  for (const secret of [pid, "contents of a message"]) {
    assert.ok(!stderr.includes(secret), stderr.split("\n").find((line) => line.includes(secret)));
  }
});

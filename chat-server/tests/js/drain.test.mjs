// A node moves its clients to another one: each recovers there, none misses anything, and they do not all come at once.

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { balance } from "./support/balancer.mjs";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { OPERATOR, operatorOf, scrape } from "./support/metrics.mjs";
import { Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const CLIENTS = 40;
const SECONDS = 4;
// The client's own would take longer than the drain.
const QUICK = { reconnectionDelay: 50, reconnectionDelayMax: 200 };

/** Two nodes with one store, and a balancer that prefers the first. */
async function twoNodes(t, ...args) {
  const store = `sqlite:${join(temporaryDirectory(t), "chat.db")}`;
  const nodes = [];
  for (const of of [args, []]) nodes.push(await Server.start(t, { store, args: [...OPERATOR, ...of] }));
  return { nodes, url: await balance(t, nodes) };
}

/** Clients of all transports at the first node, and a witness of when they lose it. */
async function clientsAt(t, url) {
  const transports = [["websocket"], undefined, ["polling"]];
  const clients = Array.from({ length: CLIENTS }, (_, n) =>
    new Recoverable(t, url, { ...QUICK, transports: transports[n % 3] }),
  );
  clients.forEach((client, n) => (client.isPolled = n % 3 === 2));
  await Promise.all(clients.map((client) => client.connected()));
  const upgraded = clients.filter((client) => !client.isPolled).map(({ socket }) => {
    const { engine } = socket.io;
    return engine.transport.name === "websocket" || once(engine, "upgrade");
  });
  await Promise.all(upgraded);
  for (const client of clients) {
    client.left = [];
    client.socket.on("disconnect", (reason) => client.left.push({ at: performance.now(), reason }));
  }
  return clients;
}

/** Writes until it is told to end; resolves with what it has written. */
function write(t, url) {
  const writer = connect(t, url, { ...QUICK, retries: Infinity, ackTimeout: 2000 });
  const written = [];
  let goesOn = true;
  const all = (async () => {
    while (goesOn) {
      const content = `message ${written.length}`;
      await writer.emitWithAck("chat message", content, `key-${written.length}`);
      written.push(content);
      await sleep(20);
    }
    return written;
  })();
  return { end: () => ((goesOn = false), within(20, "the last message", all)) };
}

/** Checks that every client has moved once, in its session, without a gap, and that they went one after the other. */
async function assertMoved(clients, written, since, seconds) {
  await Promise.all(clients.map((client) => client.has(written.length)));
  for (const { socket, contents, left } of clients) {
    assert.deepEqual(contents, written);
    assert.deepEqual(left.map(({ reason }) => reason).filter((reason) => reason === "io server disconnect"), []);
    assert.equal(left.length, 1);
    assert.deepEqual([socket.connected, socket.recovered], [true, true]);
  }
  // The balancer passes the next poll to another node, so a polled client leaves when it notices.
  const moved = clients.filter((client) => !client.isPolled);
  const times = moved.map(({ left }) => (left[0].at - since) / 1000).sort((a, b) => a - b);
  assert.ok(times.at(-1) < seconds + 5, `the last one left after ${times.at(-1)} s`);
  // Evenly: a quarter of the time takes about a quarter of them.
  for (const from of [0, 1, 2, 3].map((quarter) => (quarter * seconds) / 4)) {
    const left = times.filter((time) => time >= from && time < from + seconds / 4).length;
    assert.ok(left > 0 && left < moved.length / 2, `${left} of ${moved.length} left from second ${from} on: ${times}`);
  }
}

const post = (url, headers = {}) => fetch(url, { method: "POST", headers });

test("a node that drains moves its clients, each in its session, one after the other", async (t) => {
  const { nodes: [first, second], url } = await twoNodes(t);
  const clients = await clientsAt(t, url);
  const writing = write(t, url);
  await Promise.all(clients.map((client) => client.has(5)));
  assert.equal((await (await fetch(`${operatorOf(first)}/admin/drain`)).json()).draining, false);

  const since = performance.now();
  const response = await post(`${operatorOf(first)}/admin/drain?seconds=${SECONDS}`);
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), { draining: true, connections: CLIENTS + 1 });
  const ready = await fetch(`${first.url}/readyz`);
  assert.deepEqual([ready.status, await ready.text()], [503, "draining\n"]);
  const state = async () => (await fetch(`${operatorOf(first)}/admin/drain`)).json();
  const drained = (async () => {
    while ((await state()).connections > 0) await sleep(50);
  })();
  await within(SECONDS + 10, "the node has no clients", drained);
  await sleep(200);
  await assertMoved(clients, await writing.end(), since, SECONDS);

  const [old, now] = await Promise.all([scrape(first), scrape(second)]);
  assert.equal(old.get("chat_connections_ended_total", 'reason="moved"'), CLIENTS + 1);
  assert.deepEqual([old.get("chat_ready"), old.get("chat_draining")], [0, 1]);
  assert.equal(now.get("chat_connects_total", 'session="recovered"'), CLIENTS + 1);
  // It still works for its operator, and ends as usual.
  assert.equal((await first.terminate("SIGTERM")).code, 0);
});

test("with --drain, SIGTERM moves the clients first", async (t) => {
  const { nodes: [first], url } = await twoNodes(t, "--drain", `${SECONDS}s`);
  const clients = await clientsAt(t, url);
  const writing = write(t, url);
  await Promise.all(clients.map((client) => client.has(5)));
  const since = performance.now();
  const { code, seconds } = await first.terminate("SIGTERM");
  assert.equal(code, 0);
  assert.ok(seconds >= SECONDS * 0.9, `it ended after ${seconds} s`);
  await Promise.all(clients.map((client) => client.connected()));
  await sleep(200);
  await assertMoved(clients, await writing.end(), since, SECONDS);
});

test("a second signal ends a drain", async (t) => {
  const server = await Server.start(t, { args: ["--drain", "10m"] });
  const client = connect(t, server.url, { reconnection: false });
  await once(client, "connect");
  server.process.child.kill("SIGTERM");
  const draining = async () => {
    while ((await fetch(`${server.url}/readyz`)).ok) await sleep(10);
  };
  await within(10, "it drains", draining());
  assert.equal((await server.terminate("SIGTERM")).code, 0);
});

test("workers move their clients too, and a second signal reaches them", async (t) => {
  const start = async (drain) => {
    const server = await Server.start(t, { args: ["--workers", "2", "--drain", drain] });
    await once(connect(t, server.url, { reconnection: false }), "connect");
    return server;
  };
  const patient = await start("2s");
  const { code, seconds } = await patient.terminate("SIGTERM");
  assert.equal(code, 0);
  assert.ok(seconds > 1.8, `it ended after ${seconds} s`);
  assert.doesNotMatch(patient.process.stderr, /WARN/);

  const hurried = await start("10m");
  hurried.process.child.kill("SIGTERM");
  const draining = async () => {
    while ((await fetch(`${hurried.url}/readyz`)).ok) await sleep(10);
  };
  await within(10, "it drains", draining());
  assert.equal((await hurried.terminate("SIGTERM")).code, 0);
  assert.doesNotMatch(hurried.process.stderr, /WARN/);
});

test("no new client gets in", async (t) => {
  const server = await Server.start(t, { args: OPERATOR });
  const client = connect(t, server.url, { transports: ["websocket"], reconnection: false });
  await once(client, "connect");
  const gone = once(client, "disconnect");
  await post(`${operatorOf(server)}/admin/drain?seconds=0`);
  const late = connect(t, server.url, { reconnection: false });
  const refused = once(late, "connect_error");
  await gone;
  await refused;
  const asked = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.equal(asked.status, 503);
});

test("the operator's requests need its token", async (t) => {
  const file = join(temporaryDirectory(t), "token");
  writeFileSync(file, "0123456789abcdef0123456789abcdef\n", { mode: 0o600 });
  const server = await Server.start(t, { args: [...OPERATOR, "--admin-token-file", file] });
  const operator = operatorOf(server);
  const drain = `${operator}/admin/drain?seconds=0`;
  assert.deepEqual([(await fetch(`${operator}/metrics`)).status, (await post(drain)).status], [401, 401]);
  assert.equal((await fetch(`${operator}/readyz`)).status, 200);
  assert.equal((await post(drain, { Authorization: "Bearer another one of that length" })).status, 401);
  const headers = { Authorization: "Bearer 0123456789abcdef0123456789abcdef" };
  assert.equal((await fetch(`${operator}/metrics`, { headers })).status, 200);
  assert.equal((await post(`${operator}/admin/drain?seconds=soon`, headers)).status, 400);
  // A page that the operator looks at cannot ask in its name.
  assert.equal((await post(drain, { ...headers, Origin: "https://example.org" })).status, 403);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  assert.equal((await post(drain, headers)).status, 202);

  chmodSync(file, 0o644);
  const exposed = await Server.start(t, { args: [...OPERATOR, "--admin-token-file", file] }).catch((error) => error);
  assert.match(exposed.message, /--admin-token-file .*others than its owner may read it/);
});

test("without a token, another machine changes nothing", async (t) => {
  const server = await Server.start(t, { args: ["--admin-listen", "0.0.0.0:0"] });
  const operator = operatorOf(server).replace("0.0.0.0", "127.0.0.1");
  assert.equal((await fetch(`${operator}/metrics`)).status, 200);
  const refused = await post(`${operator}/admin/drain`);
  assert.deepEqual([refused.status, /--admin-token-file/.test(await refused.text())], [403, true]);
  assert.ok((await send(connect(t, server.url), "it goes on")).offset > 0);
});

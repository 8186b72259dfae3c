// What the operator sees: the metrics of the real server, moved by the official client.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { counts, Metrics, OPERATOR, operatorOf, scrape } from "./support/metrics.mjs";
import { cutOff, Recoverable } from "./support/recoverable.mjs";
import { freePort, Server, spawnBinary } from "./support/server.mjs";

const start = (t, ...args) => Server.start(t, { args: [...OPERATOR, ...args] });

test("what clients send moves the counters", async (t) => {
  const server = await start(t);
  const before = await scrape(server);
  const reader = new Recoverable(t, server.url, { transports: ["websocket"] });
  const writer = connect(t, server.url, { transports: ["websocket"] });
  await reader.connected();
  assert.ok((await send(writer, "one", "key-1")).offset > 0);
  assert.ok((await send(writer, "two", "key-2")).offset > 0);
  assert.equal((await send(writer, "one", "key-1")).duplicate, true);
  assert.equal((await send(writer, "other", "key-1")).error.code, "client_offset_conflict");
  assert.equal((await send(writer, "")).error.code, "invalid_content");
  assert.equal((await send(writer, "three", "key-3", { room: "elsewhere" })).error.code, "not_in_room");
  await reader.has(2);

  const after = await scrape(server);
  const grown = (name, labels) => after.since(before, name, labels);
  const entries = (result) => grown("chat_entries_total", `result="${result}"`);
  // A refused message is looked up all the same: it may be a retry.
  assert.deepEqual(["stored", "duplicate", "conflict", "unavailable"].map(entries), [2, 1, 1, 0]);
  assert.equal(grown("chat_log_tail"), 2);
  const refused = (code) => grown("chat_requests_refused_total", `code="${code}"`);
  const codes = ["client_offset_conflict", "invalid_content", "not_in_room", "slow_down"];
  assert.deepEqual(codes.map(refused), [1, 1, 1, 0]);
  assert.equal(grown("chat_connects_total", 'session="new"'), 2);
  // Two messages, each to both.
  assert.equal(grown("chat_delivery_seconds_count"), 4);
  assert.ok(grown("chat_delivery_seconds_sum") > 0);
  assert.ok(grown("chat_commit_seconds_count") >= 2);
  assert.ok(grown("chat_commit_entries_sum") >= 4);
  assert.equal(grown("chat_commit_seconds_count"), grown("chat_commit_entries_count"));
  assert.equal(grown("chat_read_entries_sum", 'source="memory"'), 4);
  assert.equal(after.get("chat_queue_length", 'queue="commit"'), 0);
  assert.equal(after.get("chat_ready"), 1);
  assert.equal(after.get("chat_rooms"), 1);
  assert.ok(after.get("chat_store_bytes") > 10_000);
  assert.ok(after.get("chat_store_disk_free_bytes") > 0);
  assert.ok(after.get("chat_search_index_bytes") > 1000);
  assert.ok(after.get("process_open_fds") > 5);
  assert.ok(after.get("process_resident_memory_bytes") > 1e6);
  assert.ok(Math.abs(after.get("process_start_time_seconds") - Date.now() / 1000) < 60);
});

test("connections are counted by transport, for as long as they last", async (t) => {
  const server = await start(t);
  const are = (polling, websocket) => (metrics) =>
    metrics.get("chat_connections", 'transport="polling"') === polling &&
    metrics.get("chat_connections", 'transport="websocket"') === websocket &&
    metrics.get("chat_connections_connecting") === 0;
  const [websocket, polled] = ["websocket", "polling"].map((name) =>
    connect(t, server.url, { transports: TRANSPORTS[name] }),
  );
  await counts(server, "one of each", are(1, 1));
  const upgraded = connect(t, server.url);
  await counts(server, "one has moved to a websocket", are(1, 2));
  for (const socket of [websocket, polled, upgraded]) socket.close();
  await counts(server, "all are gone", are(0, 0));
});

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`over ${name}, a client that comes back is counted as recovered`, async (t) => {
    const server = await start(t);
    const client = new Recoverable(t, server.url, { transports });
    await client.connected();
    assert.ok((await send(client.socket, "one")).offset > 0);
    await client.has(1);
    await cutOff(client.socket);
    assert.equal(client.socket.recovered, true);
    const stranger = new Recoverable(t, server.url, { transports, autoConnect: false });
    stranger.socket._pid = "no session has this secret";
    stranger.socket.connect();
    await stranger.has(1);
    assert.ok((await send(stranger.socket, "two")).offset > 0);
    await Promise.all([client.has(2), stranger.has(2)]);
    const metrics = await scrape(server);
    const of = (session) => metrics.get("chat_connects_total", `session="${session}"`);
    assert.deepEqual(["new", "recovered", "not_recovered"].map(of), [1, 1, 1]);
    // Once "one", twice "two": what was said before somebody came says nothing of how fast it is delivered.
    assert.equal(metrics.get("chat_delivery_seconds_count"), 3);
  });
}

test("a client that is not let in is counted by the reason", async (t) => {
  const server = await start(t, "--max-sessions", "1");
  const first = connect(t, server.url, { transports: ["websocket"], auth: { nickname: "\n" } });
  await new Promise((resolve) => first.once("connect_error", resolve));
  const metrics = await counts(server, "it is refused", (metrics) =>
    metrics.get("chat_connects_refused_total", 'reason="invalid_nickname"') === 1);
  assert.equal(metrics.get("chat_connections_refused_total", 'limit="sessions"'), 0);
  connect(t, server.url, { transports: ["websocket"] });
  await counts(server, "another one finds no room", (metrics) =>
    metrics.get("chat_connections_refused_total", 'limit="sessions"') >= 1);
});

test("a slow reader is seen to be behind", async (t) => {
  const server = await start(t);
  const { pause, resume } = await import("./support/client.mjs");
  const reader = new Recoverable(t, server.url, { transports: ["websocket"] });
  await reader.connected();
  pause(reader.socket);
  const writer = connect(t, server.url, { transports: ["websocket"], auth: { echo: false } });
  const text = "x".repeat(10_000);
  for (let sent = 0; sent < 2_000; sent += 100) {
    const acks = Array.from({ length: 100 }, () => send(writer, text));
    for (const ack of await Promise.all(acks)) assert.ok(ack.offset > 0);
  }
  await counts(server, "it is behind", (metrics) =>
    metrics.get("chat_connections_behind", 'entries="100"') === 1 &&
    metrics.get("chat_connections_behind_max_entries") > 100);
  resume(reader.socket);
  await reader.has(2_000, 60);
  await counts(server, "it is not any more", (metrics) =>
    metrics.get("chat_connections_behind", 'entries="0"') === 0);
});

test("the operator's listener is no page's, and no client's", async (t) => {
  const server = await start(t);
  const operator = operatorOf(server);
  const get = (url, headers = {}) => fetch(url, { headers }).then((response) => response.status);
  assert.deepEqual(await Promise.all(["/healthz", "/readyz"].map((path) => get(operator + path))), [200, 200]);
  assert.deepEqual(await Promise.all(["/chat/client.js", "/socket.io/"].map((path) => get(operator + path))), [404, 404]);
  assert.equal((await fetch(operator)).url, `${operator}/admin/`);
  assert.equal(await get(`${operator}/metrics`, { Origin: "https://example.org" }), 403);
  assert.equal(await get(`${server.url}/metrics`), 404);
});

test("each worker has its own metrics, on the ports after the first", async (t) => {
  const first = await freePort();
  const args = ["--workers", "2", "--admin-listen", `127.0.0.1:${first}`];
  const server = await Server.start(t, { args });
  assert.ok((await send(connect(t, server.url), "hello")).offset > 0);
  const of = async (port) => new Metrics(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  const heard = async () => {
    const [one, two] = await Promise.all([of(first), of(first + 1)]);
    assert.equal(one.get("chat_entries_total", 'result="stored"'), 1);
    assert.equal(two.get("chat_entries_total", 'result="stored"'), 0);
    return two.get("chat_log_tail") === 1 && two.get("chat_frames_total", 'direction="received"') > 0;
  };
  await within(10, "the other one has heard of the message", (async () => { while (!(await heard())); })());

  const any = spawnBinary(["--workers", "2", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
  assert.equal((await any.closed).code, 1);
  assert.match(any.stderr, /as many ports: give --admin-listen HOST:PORT/);
});

test("the manual lists every metric, and dashboard and alerts name no other", async (t) => {
  const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const { families } = await scrape(await start(t));
  const manual = read("docs/OPERATIONS.md").split("\n");
  const rows = manual.filter((line) => /^\| `(chat|process)_\w+`( by `\w+`)? \| (counter|gauge|histogram) /.test(line));
  const labels = ({ values }) => new Set([...values.keys()].flatMap((key) => key.match(/\w+(?==")/g) ?? []));
  const row = ([name, family]) => {
    const [label] = [...labels(family)].filter((label) => label !== "le");
    return `| \`${name}\`${label ? ` by \`${label}\`` : ""} | ${family.type} | ${family.help} |`;
  };
  assert.deepEqual(rows, [...families].map(row));

  const dashboard = JSON.parse(read("deploy/grafana/dashboard.json"));
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const alerts = read("deploy/prometheus/alerts.yml").match(/(?<=^ +expr: ).*$/gm);
  assert.ok(queries.length > 30 && alerts.length > 10);
  for (const query of [...queries, ...alerts]) {
    const names = query.match(/\b(chat|process)_\w+/g);
    assert.ok(names, query);
    for (const name of names) {
      const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
      assert.ok(family, `${name} in ${query}`);
      assert.equal(family.type === "histogram", !families.has(name), `${name} in ${query}`);
    }
    const known = new Set(names.flatMap((name) => [...(labels(families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name)))]));
    const used = [...query.matchAll(/(?:by|on) \(([^)]*)\)|(\w+)=~?"/g)].flatMap(([, by, label]) => by?.split(", ") ?? [label]);
    for (const label of used) assert.ok(known.has(label) || ["instance", "job"].includes(label), `${label} in ${query}`);
  }
});

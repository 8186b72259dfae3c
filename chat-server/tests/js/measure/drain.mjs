// Measures how a node moves its clients to another one: `node drain.mjs CLIENTS SECONDS`.
//
// The server and the client are those of the tests: CHAT_SERVER_BIN and CHAT_NODE_MODULES. Both nodes and all clients are on
// this machine. Instead of a balancer, each client knows both nodes, and reconnects to the second.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, within } from "../support/bounds.mjs";
import { Metrics, OPERATOR, operatorOf } from "../support/metrics.mjs";
import { ready, spawnBinary } from "../support/server.mjs";

const { io } = createRequire(`${process.env.CHAT_NODE_MODULES}/`)("socket.io-client");
const [clients, seconds] = process.argv.slice(2).map(Number);
assert.ok(clients > 0 && seconds > 0, "node drain.mjs CLIENTS SECONDS");

// All clients have one address here.
const ROOM = [
  "--max-sessions-per-address",
  "--max-connections-per-address",
  "--max-handshakes-per-address",
].flatMap((option) => [option, String(2 * clients)]);

const folder = mkdtempSync(join(tmpdir(), "drain-"));
const nodes = [];
for (let n = 0; n < 2; n++) {
  const store = `sqlite:${join(folder, "chat.db")}`;
  const process = spawnBinary(["--listen", "127.0.0.1:0", "--store", store, "--log", "warn", ...OPERATOR, ...ROOM]);
  nodes.push({ process, url: await ready(process) });
}
const [first, second] = nodes;
const metrics = async (node) => new Metrics(await (await fetch(`${operatorOf(node)}/metrics`)).text());

const got = new Array(clients).fill(0);
const wrong = [];
const [left, back] = [[], []];
let recovered = 0;
const sockets = [];
for (let n = 0; n < clients; n++) {
  const socket = io(first.url, { transports: ["websocket"], forceNew: true });
  sockets.push(socket);
  socket.on("chat message", (_, offset) => {
    if (offset !== got[n] + 1) wrong.push({ n, offset, after: got[n] });
    got[n] = offset;
  });
  socket.on("disconnect", (reason) => {
    if (reason === "io client disconnect") return;
    if (reason === "io server disconnect") wrong.push({ n, reason });
    left.push(performance.now());
    socket.io.uri = second.url;
  });
  socket.on("connect", () => {
    if (!left.length) return;
    back.push(performance.now());
    recovered += Number(socket.recovered);
  });
  if (n % 100 === 99) await within(60, "they connect", allConnected(sockets));
}
await within(60, "they connect", allConnected(sockets));

const writer = io(second.url, { transports: ["websocket"] });
let [written, writes] = [0, true];
const writing = (async () => {
  while (writes) {
    written = (await writer.timeout(60_000).emitWithAck("chat message", `message ${written}`)).offset;
    await sleep(1000);
  }
})();
await sleep(3000);

const since = performance.now();
await fetch(`${operatorOf(first)}/admin/drain?seconds=${seconds}`, { method: "POST" });
const gone = async () => {
  while ((await metrics(first)).get("chat_connections", 'transport="websocket"') > 0) await sleep(500);
};
await within(seconds + 30, "the first node is empty", gone());
await within(60, () => `${back.length} of ${clients} are back`, allConnected(sockets));
writes = false;
await writing;
const whole = async () => {
  while (!got.every((offset) => offset === written)) await sleep(100);
};
await within(60, "everybody has everything", whole());

const perSecond = (times) => {
  const counts = new Map();
  for (const time of times) {
    const second = Math.floor((time - since) / 1000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  return Math.max(...counts.values());
};
const share = (count) => `${((100 * count) / clients).toFixed(1)} %`;
const now = await metrics(second);
console.log(`${clients} clients, ${seconds} s, ${written} messages to each`);
console.log(`left: ${left.length}, at most ${perSecond(left)} (${share(perSecond(left))}) in a second`);
console.log(`back: ${back.length}, at most ${perSecond(back)} (${share(perSecond(back))}) in a second`);
console.log(`recovered: ${recovered}, by the second node ${now.get("chat_connects_total", 'session="recovered"')}`);
console.log(`missed, repeated or out of order: ${wrong.length}`, wrong.slice(0, 3));
console.log(`the last one was back after ${((back.at(-1) - since) / 1000).toFixed(1)} s`);

for (const socket of [...sockets, writer]) socket.close();
for (const { process } of nodes) process.child.kill("SIGTERM");
await Promise.all(nodes.map(({ process }) => process.closed));
rmSync(folder, { recursive: true });

async function allConnected(sockets) {
  while (!sockets.every(({ connected }) => connected)) await sleep(50);
}

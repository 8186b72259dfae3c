// Measures how long the metrics take with many clients: `node scrape.mjs CLIENTS`.
//
// The server is that of the tests, CHAT_SERVER_BIN. The clients poll, and so have no connection while they do not ask.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { Metrics, OPERATOR, operatorOf } from "../support/metrics.mjs";
import { ready, spawnBinary } from "../support/server.mjs";

const AT_ONCE = 48;
const SCRAPES = 50;
const clients = Number(process.argv[2]);
assert.ok(clients > 0, "node scrape.mjs CLIENTS");

// All clients have one address here, and nobody asks them whether they are there.
const most = ["sessions", "sessions-per-address", "handshakes", "handshakes-per-address"];
const room = most.flatMap((what) => [`--max-${what}`, String(2 * clients)]);
const patient = ["--ping-interval", "1h", "--log", "warn"];
const server = { process: spawnBinary(["--listen", "127.0.0.1:0", "--store", "memory:", ...OPERATOR, ...room, ...patient]) };
const { hostname, port } = new URL(await ready(server.process));

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
function ask(method, sid, body) {
  const path = `/socket.io/?EIO=4&transport=polling${sid ? `&sid=${sid}` : ""}`;
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, method, path, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    asked.on("error", reject).end(body);
  });
}

let opened = 0;
const open = async () => {
  while (opened < clients) {
    opened++;
    const { sid } = JSON.parse((await ask("GET")).slice(1));
    await ask("POST", sid, "40");
    assert.match(await ask("GET", sid), /^40/);
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, open));

const times = [];
let [first, metrics] = [];
for (let n = 0; n < SCRAPES; n++) {
  const since = performance.now();
  const text = await (await fetch(`${operatorOf(server)}/metrics`)).text();
  times.push(performance.now() - since);
  metrics = new Metrics(text);
  first ??= metrics;
}
times.sort((a, b) => a - b);
console.log(`${metrics.get("chat_connections", 'transport="polling"')} clients, ${metrics.text.length} bytes`);
const at = (share) => times[Math.floor(share * (SCRAPES - 1))].toFixed(1);
console.log(`a scrape takes ${at(0.5)} ms (median), ${at(0.9)} ms (9 of 10), ${at(1)} ms (all)`);
const processor = metrics.since(first, "process_cpu_seconds_total") / (SCRAPES - 1);
console.log(`and ${(1000 * processor).toFixed(1)} ms of a processor`);
server.process.child.kill("SIGKILL");
await server.process.closed;
agent.destroy();

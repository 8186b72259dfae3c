#!/usr/bin/env node
// Puts a chat server through faults, and checks every delivery.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CLIENT_FAULTS, PROCESS_FAULTS } from "./src/faults.mjs";
import { Client, INTRUDED } from "./src/client.mjs";
import { check, readLog } from "./src/check.mjs";
import { Guard } from "./src/guard.mjs";
import { endAll, startCluster } from "./src/processes.mjs";
import { Proxy } from "./src/proxy.mjs";
import { Random, sleep } from "./src/random.mjs";

const HELP = `Puts a chat server through faults, and checks every delivery.

  node torture.mjs                                    one node with SQLite, for a minute
  node torture.mjs --workers 3                        three workers of one host
  node torture.mjs --nodes 3 --store postgres --adapter redis
  node torture.mjs --url https://chat.example.org     your own: only faults that a client can cause

  --seconds N       how long there are faults; then everything has to arrive     [60]
  --seed N          decides what happens, as far as processes let it             [random]
  --clients N       stock clients, over all transports and both parsers          [24]
  --rooms N         rooms that they are in                                       [6]
  --members N       clients that are members of a private room and banned from it at times, where this starts the
                    servers: no other may get anything of it                     [4]
  --pause MS        between a client's ack and its next message                  [0]
  --client-fault MS between two faults of the network, on average                [60]
  --process-fault MS between two faults of processes, on average; 0: none        [3000]
  --story           what happened to each client for which something went wrong
  --settle N        seconds within which everything has to arrive in the end     [60]
  --server PATH     the program chat-server                                      [target/release/chat-server]
  --nodes N         nodes that share a store                                     [1]
  --workers N       workers of a node                                            [1]
  --store KIND      sqlite or postgres (Debian's package, started here)          [sqlite]
  --adapter KIND    none, redis, redis-pubsub, nats, postgres (started here)     [none]
  --url URL         a server that runs already; may be repeated for its nodes. It should be empty, and without
                    limits on messages, events and names: what it refuses counts as a violation.

Ends with 0 if every promise held, with 1 if not, and with 2 if it could not run.`;

const release = fileURLToPath(new URL("../../target/release/chat-server", import.meta.url));
const number = (text, name) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) fail(`--${name} takes a number, not "${text}"`);
  return value;
};

function fail(message) {
  console.error(`${message}; try --help`);
  process.exit(2);
}

function options() {
  const text = (value) => ({ type: "string", default: value });
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        help: { type: "boolean", short: "h" },
        story: { type: "boolean" },
        seconds: text("60"),
        seed: text(`${Math.floor(Math.random() * 2 ** 32)}`),
        clients: text("24"),
        rooms: text("6"),
        members: text("4"),
        pause: text("0"),
        "client-fault": text("60"),
        "process-fault": text("3000"),
        settle: text("60"),
        server: text(release),
        nodes: text("1"),
        workers: text("1"),
        store: text("sqlite"),
        adapter: text("none"),
        url: { type: "string", multiple: true },
      },
    }));
  } catch (error) {
    fail(error.message);
  }
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  for (const name of ["seconds", "seed", "clients", "rooms", "members", "pause", "client-fault", "process-fault", "settle", "nodes", "workers"]) {
    values[name] = number(values[name], name);
  }
  if (!["sqlite", "postgres"].includes(values.store)) fail(`there is no store "${values.store}"`);
  const adapters = ["none", "redis", "redis-pubsub", "nats", "postgres"];
  if (!adapters.includes(values.adapter)) fail(`there is no adapter "${values.adapter}"`);
  if (values.nodes > 1 && values.adapter === "none") fail("several nodes need an --adapter");
  if (values.url === undefined && !existsSync(values.server)) {
    fail(`there is no ${values.server}; build it with cargo build --release -p chat-server --features redis,nats,postgres`);
  }
  return values;
}

const asked = options();
const random = new Random(asked.seed);
const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
console.log(`seed ${asked.seed}`);

const cluster = asked.url ? undefined : await startCluster(asked).catch((error) => fail(error.message));
const targets = cluster
  ? cluster.nodes.flatMap(({ port }) => Array.from({ length: asked.workers }, (_, n) => ({ host: "127.0.0.1", port: port + n })))
  : asked.url.map((url) => new URL(url)).map(({ hostname, port, protocol }) => ({
      host: hostname,
      port: Number(port) || (protocol === "https:" ? 443 : 80),
      isSecure: protocol === "https:",
    }));
// Behind a proxy for several hosts, the name decides.
const headers = asked.url && { Host: new URL(asked.url[0]).host };

const roomNames = Array.from({ length: asked.rooms }, (_, n) => `torture ${asked.seed}, room ${n}`);
// Other servers may have no rules.
const guard = cluster && asked.members > 0 ? new Guard(asked.seed) : undefined;
await guard?.open(targets, new Random(random.between(0, 2 ** 32)), headers).catch((error) => fail(error.message));
const clients = [];
for (let n = 0; n < asked.clients; n++) {
  const proxy = await Proxy.start(() => client.target);
  const user = n < asked.members ? guard?.member(n) : undefined;
  const client = new Client(n, proxy.url, {
    room: random.of(roomNames),
    random: new Random(random.between(0, 2 ** 32)),
    headers,
    guard,
    user,
  });
  client.proxy = proxy;
  client.target = random.of(targets);
  clients.push(client);
}
for (const client of clients) client.send(asked.pause);
const guarding = guard?.begin(new Random(random.between(0, 2 ** 32)));

const counts = {};
const note = (fault) => (counts[fault] = (counts[fault] ?? 0) + 1);
const acked = () => clients.reduce((sum, { acks }) => sum + acks, 0);
let isOver = false;
let log = [];
let ends = new Map();
const isWaiting = (client) => client.isSending || client.lacks(ends);

async function spoilNetwork() {
  while (!isOver) {
    await sleep(random.between(0, 2 * asked["client-fault"]));
    const client = random.of(clients);
    // Whoever comes back is asked about anew: a ban has to end what goes on, too.
    if (client.isMember && !random.oneIn(10)) continue;
    const fault = random.of(Object.keys(CLIENT_FAULTS));
    note(fault);
    CLIENT_FAULTS[fault]({ client, proxy: client.proxy, targets, random });
    if (random.oneIn(2)) random.of(clients).intrude();
    if (random.oneIn(40)) {
      // From any offset that there is.
      client.enter(random.of(roomNames), random.oneIn(3) ? 0 : random.between(0, client.furthest));
    }
  }
}

async function spoilProcesses() {
  if (!cluster || asked["process-fault"] === 0) return;
  const processes = [...cluster.nodes, ...cluster.services];
  while (!isOver) {
    await sleep(random.between(0, 2 * asked["process-fault"]));
    const process = random.of(processes);
    const fault = random.of(Object.keys(PROCESS_FAULTS));
    note(`${fault} of ${process.name.replace(/ \d+$/, "")}`);
    const happens = () => PROCESS_FAULTS[fault]({ process, random });
    await (guard ? guard.during(happens) : happens());
  }
}

const progress = setInterval(() => {
  const faults = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const wrong = clients.reduce((sum, { violations }) => sum + violations.length, 0);
  const late = clients.filter(isWaiting).map(({ name, kind }) => `${name} (${kind})`);
  const waiting = isOver && late.length > 0 ? `, waiting for ${late.length > 3 ? `${late.length} clients` : late.join(", ")}` : "";
  console.log(`${seconds().toFixed(0).padStart(5)} s  ${acked()} acked, ${faults} faults, ${wrong} violations${waiting}`);
}, 10_000);

let failure;
const spoiling = [spoilNetwork(), spoilProcesses()].map((one) => one.catch((error) => (failure ??= error)));
await sleep(asked.seconds * 1000);
isOver = true;
await Promise.all(spoiling);
for (const client of clients) {
  client.proxy.calm();
  client.finish();
}

if (guard) {
  const isFree = guarding.then(() => guard.finish()).then(() => true);
  const isLate = sleep(asked.settle * 1000).then(() => false);
  if (!(await Promise.race([isFree, isLate]))) failure ??= new Error("the bans cannot be lifted in the end");
}

let settleBy = performance.now() + asked.settle * 1000;
while (clients.some(({ isSending }) => isSending) && performance.now() < settleBy) await sleep(50);
settleBy = Math.max(settleBy, performance.now() + 20_000);
log = await readLog({ ...targets[0], headers }, [...roomNames, ...(guard ? [guard.room] : [])], guard?.keeper, settleBy).catch((error) => {
  failure ??= error;
  return [];
});
ends = new Map(log.map(({ room, offset }) => [room, offset]));
while (clients.some(isWaiting) && performance.now() < settleBy) await sleep(50);
clearInterval(progress);

const violations = [
  ...(failure ? [failure.message] : []),
  ...(cluster ? [...cluster.nodes, ...cluster.services].flatMap(({ crashes }) => crashes) : []),
  ...(guard?.violations ?? []),
  ...log.filter(({ room, content }) => room === guard?.room && content.endsWith(INTRUDED)).map(({ offset }) => `${offset} is of no member`),
  ...check(clients, log, { isAlone: cluster !== undefined }),
];
for (const client of clients) {
  client.stop();
  client.proxy.close();
}
guard?.stop();
endAll();

const deliveries = clients.reduce((sum, { memberships }) => sum + memberships.reduce((all, { offsets }) => all + offsets.length, 0), 0);
const connections = clients.reduce((sum, client) => sum + client.connections, 0);
const recovered = clients.reduce((sum, client) => sum + client.recovered, 0);
console.log(`
${acked()} messages acked, ${log.length} stored, ${deliveries} deliveries checked
${connections} connections, ${recovered} of them recovered
${guard ? `${guard.bans} bans from the private room, ${guard.refusals} others refused there\n` : ""}${Object.entries(counts).map(([fault, count]) => `${count} x ${fault}`).join(", ")}
${violations.length} violations in ${seconds().toFixed(0)} s; seed ${asked.seed}`);
for (const violation of violations.slice(0, 20)) console.log(`  ${violation}`);
if (asked.story) {
  for (const client of clients.filter(({ name }) => violations.some((one) => one.startsWith(`${name} `)))) {
    console.log(`\n${client.name}, ${client.kind}, at home in ${client.home}:\n  ${client.story.join("\n  ")}`);
  }
}
process.exit(violations.length === 0 ? 0 : 1);

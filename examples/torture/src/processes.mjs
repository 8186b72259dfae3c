// The processes that are put through faults: nodes, and what they need.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, chownSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "./random.mjs";

const running = new Set();

/** Ends what is still running, and removes its files. */
export function endAll() {
  for (const { child, folder } of running) {
    try {
      // Also one that is stopped.
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
  running.clear();
}
process.once("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

/**
 * Returns the first of so many ports in a row that are free and stay so while a process restarts: they lie below the
 * range from which systems choose the ports of outgoing connections.
 */
async function freePort(count = 1) {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const servers = [];
    for (let n = 0; n < count && servers.every((server) => server); n++) servers.push(await listen(port + n));
    const isFree = servers.every((server) => server);
    await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))));
    if (isFree) return port;
  }
}

/** Returns a server that listens on a port, unless that is in use. */
function listen(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

async function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** A process that can be killed, stopped and started again on its port. */
export class Process {
  #command;
  #entry;

  /** Whether it is meant to run now. */
  isUp = false;

  /** How often it ended by itself. */
  crashes = [];

  /** What other signals do the same to it. */
  #signals;

  constructor(name, port, command, { folder, signals = {} } = {}) {
    this.name = name;
    this.port = port;
    this.#command = command;
    this.folder = folder;
    this.#signals = signals;
  }

  /** Starts it, and again when it ends because something that it needs is not there yet. */
  async start() {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const said = this.#spawn();
      while (!(await answers(this.port)) && this.#entry.child.exitCode === null) {
        if (performance.now() > deadline) throw new Error(`${this.name} does not start: ${said()}`);
        await sleep(20);
      }
      if (this.#entry.child.exitCode === null) break;
      running.delete(this.#entry);
      if (performance.now() > deadline) throw new Error(`${this.name} does not start: ${said()}`);
      await sleep(500);
    }
    this.isUp = true;
  }

  /** Returns a function that tells what the process has said last. */
  #spawn() {
    const [program, ...args] = this.#command;
    // A group of its own: so that what it starts ends with it.
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env: environment() });
    this.#entry = { child, folder: this.folder };
    running.add(this.#entry);
    let said = "";
    const note = (text) => (said = (said + text).slice(-4000));
    child.stdout.setEncoding("utf8").on("data", note);
    child.stderr.setEncoding("utf8").on("data", note);
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        if (this.isUp) this.crashes.push(`${this.name} ended by itself (${code ?? signal}): ${said}`);
        if (/panicked/.test(said)) this.crashes.push(`${this.name} panicked: ${said}`);
        resolve();
      });
    });
    return () => said;
  }

  signal(signal) {
    const { pid } = this.#entry.child;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has just ended.
    }
    // The children of PostgreSQL have groups of their own.
    if (["SIGSTOP", "SIGCONT"].includes(signal)) spawnSync("pkill", [`-${signal.slice(3)}`, "-P", `${pid}`]);
  }

  /** Ends it, and resolves when it has ended. */
  async end(signal) {
    this.isUp = false;
    this.signal(this.#signals[signal] ?? signal);
    // One that does not end in order within its time is killed.
    const patience = setTimeout(() => this.signal("SIGKILL"), 20_000);
    await this.ended;
    clearTimeout(patience);
    running.delete(this.#entry);
  }
}

/** Settings of whoever runs this must not reach the server; and clients here send as fast as they can. */
function environment() {
  const isSetting = (name) => ["PORT", "RUST_LOG", "LD_PRELOAD"].includes(name) || name.startsWith("CHAT_");
  const inherited = Object.entries(process.env).filter(([name]) => !isSetting(name));
  return {
    ...Object.fromEntries(inherited),
    // A stock client whose websocket ends while it is moving there waits for the next ping, and notices nothing else.
    CHAT_PING_INTERVAL: "4s",
    CHAT_PING_TIMEOUT: "4s",
    CHAT_MAX_EVENTS_PER_SECOND: "0",
    CHAT_MAX_MESSAGES_PER_DAY: "0",
    CHAT_MAX_BYTES_PER_DAY: "0",
    CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS: "0",
    CHAT_MAX_BYTES_PER_DAY_PER_ADDRESS: "0",
  };
}

function folderFor(name) {
  return mkdtempSync(join(tmpdir(), `torture-${name}-`));
}

const isRoot = process.getuid?.() === 0;

async function postgres() {
  const versions = "/usr/lib/postgresql";
  const newest = readdirSync(versions).sort((a, b) => a - b).at(-1);
  const programs = join(versions, newest, "bin");
  const folder = folderFor("postgres");
  // It refuses to run as root; Debian's package creates this user.
  const as = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  if (isRoot) {
    const id = (option) => Number(spawnSync("id", [option, "postgres"]).stdout.toString());
    chownSync(folder, id("-u"), id("-g"));
  }
  const data = join(folder, "data");
  const made = [...as, join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"];
  const { status, stderr } = spawnSync(made[0], made.slice(1), { cwd: "/" });
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
  const options = settings.flatMap((setting) => ["-c", setting]);
  const command = [...as, join(programs, "postgres"), "-D", data, "-p", `${port}`, ...options];
  // Killed, it would leave memory behind that the next one finds in use; and it would wait for its clients to leave.
  const signals = { SIGKILL: "SIGQUIT", SIGTERM: "SIGINT" };
  const process = new Process("postgres", port, command, { folder, signals });
  return { process, url: `postgres://postgres@127.0.0.1:${port}/postgres` };
}

async function redis() {
  const [folder, port] = [folderFor("redis"), await freePort()];
  const command = ["redis-server", "--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  return { process: new Process("redis", port, command, { folder }), address: `127.0.0.1:${port}` };
}

async function nats() {
  const [folder, port] = [folderFor("nats"), await freePort()];
  const command = ["nats-server", "-a", "127.0.0.1", "-p", `${port}`];
  return { process: new Process("nats", port, command, { folder }), address: `127.0.0.1:${port}` };
}

/** Starts what was asked for: the nodes and what they need. */
export async function startCluster({ server, nodes, workers, store, adapter }) {
  const services = [];
  const folder = folderFor("store");
  let storeUrl = `sqlite:${join(folder, "chat.db")}`;
  let database;
  if (store === "postgres" || adapter === "postgres") {
    database = await postgres();
    services.push(database.process);
    if (store === "postgres") storeUrl = database.url;
  }
  const adapters = {
    none: () => undefined,
    redis: async () => `redis://${await broker(redis)}`,
    "redis-pubsub": async () => `redis://${await broker(redis)}?mode=pubsub`,
    nats: async () => `nats://${await broker(nats)}`,
    postgres: () => database.url,
  };
  async function broker(kind) {
    const { process, address } = await kind();
    services.push(process);
    return address;
  }
  const adapterUrl = await adapters[adapter]();
  for (const service of services) await service.start();
  const processes = [];
  for (let number = 1; number <= nodes; number++) {
    const port = await freePort(workers);
    const args = ["--listen", `127.0.0.1:${port}`, "--store", storeUrl, "--rooms"];
    if (adapterUrl) args.push("--adapter", adapterUrl);
    if (workers > 1) args.push("--workers", `${workers}`);
    // The first one removes the folder of the store.
    const node = new Process(`node ${number}`, port, [server, ...args], number === 1 ? { folder } : {});
    await node.start();
    processes.push(node);
  }
  return { nodes: processes, services };
}

// The real server, as a process that tests start, kill and start again.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { defer, temporaryDirectory, within } from "./bounds.mjs";

const BINARY = process.env.CHAT_SERVER_BIN;
assert.ok(BINARY, "CHAT_SERVER_BIN must name the server's binary");

// Settings of whoever runs the tests must not reach the server, nor the settings of these tests.
const isSetting = (name) => ["PORT", "RUST_LOG"].includes(name) || name.startsWith("CHAT_");

// Tests send and take names as fast and as many as they can, unless it is this that they test.
const UNLIMITED = {
  CHAT_MAX_EVENTS_PER_SECOND: "0",
  CHAT_MAX_NEW_NAMES_PER_HOUR: "0",
  CHAT_MAX_WRONG_TOKENS_PER_MINUTE: "0",
  CHAT_MAX_MESSAGES_PER_DAY: "0",
  CHAT_MAX_BYTES_PER_DAY: "0",
  CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS: "0",
  CHAT_MAX_BYTES_PER_DAY_PER_ADDRESS: "0",
};

const running = new Set();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Starts the binary with these arguments and variables, whatever comes of it. */
export function spawnBinary(args, { env = {}, cwd } = {}) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)));
  const stdio = ["ignore", "pipe", "pipe"];
  const child = spawn(BINARY, args, { cwd, stdio, env: { ...inherited, ...UNLIMITED, ...env } });
  running.add(child);
  const result = { child, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (result.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (result.stderr += text));
  // "close" comes after "exit", when all output is read.
  result.closed = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  return result;
}

/** Starts the binary as [spawnBinary] does, and ends it with the test at the latest. */
export function run(t, args, options) {
  const process = spawnBinary(args, options);
  defer(t, async () => {
    process.child.kill("SIGKILL");
    await process.closed;
  });
  return process;
}

/** Runs the binary to its end. */
export async function output(t, args, options, seconds = 10) {
  const process = run(t, args, options);
  const { code } = await within(seconds, "the program ends", process.closed);
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** Waits for the line that says the server is ready; resolves with the URL in it. */
export function ready(process, seconds = 20) {
  const line = new Promise((resolve, reject) => {
    const look = () => {
      const found = /^listening on (https?:\/\/\S+)$/m.exec(process.stdout);
      if (found) resolve(found[1]);
    };
    process.child.stdout.on("data", look);
    look();
    process.closed.then(({ code, signal }) => {
      reject(new Error(`the server ended (${code ?? signal}) before it was ready: ${process.stderr}`));
    }, reject);
  });
  return within(seconds, "the server is ready", line);
}

/**
 * A port that is free now and stays so while a server restarts: it lies below the range from which
 * systems choose the ports of outgoing connections. A client that tries again and again to reach
 * a port of that range while nobody listens may be given that very port, and connects to itself.
 */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export class Server {
  /** Starts a server with a store of its own; it ends with the test. */
  static async start(t, { store, listen = "127.0.0.1:0", args = [], env } = {}) {
    const server = new Server();
    server.args = args;
    server.env = env;
    server.store = store ?? `sqlite:${join(temporaryDirectory(t), "chat.db")}`;
    await server.#launch(listen);
    defer(t, async () => {
      await server.kill();
      assert.doesNotMatch(server.process.stderr, /panicked/, "the server panicked");
    });
    return server;
  }

  async #launch(listen) {
    this.process = spawnBinary(["--listen", listen, "--store", this.store, ...this.args], { env: this.env });
    this.url = await ready(this.process);
    this.port = Number(new URL(this.url).port);
  }

  /** Starts it again, after its end, with the same port and store. */
  async restart() {
    assert.doesNotMatch(this.process.stderr, /panicked/, "the server panicked");
    await this.#launch(`127.0.0.1:${this.port}`);
  }

  /** `kill -9` */
  async kill() {
    this.process.child.kill("SIGKILL");
    await within(10, "the killed server is gone", this.process.closed);
  }

  /** Asks it to end; resolves with its exit code, its signal, and the seconds it took. */
  async terminate(signal) {
    const since = performance.now();
    this.process.child.kill(signal);
    const end = await within(15, `the server ends on ${signal}`, this.process.closed);
    return { ...end, seconds: (performance.now() - since) / 1000 };
  }

  get hasEnded() {
    return this.process.child.exitCode !== null || this.process.child.signalCode !== null;
  }

  /** The most memory it has held so far, in MiB. */
  peakMemory() {
    const status = readFileSync(`/proc/${this.process.child.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]) / 1024;
  }
}

// The programs of the tutorial, as processes that tests start.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { defer, once, temporaryDirectory, within } from "../../../../../chat-server/tests/js/support/bounds.mjs";
import { connect } from "../../../../../chat-server/tests/js/support/client.mjs";

export * from "../../../../../chat-server/tests/js/support/bounds.mjs";
export { connect };

export const BINARY = process.env.TUTORIAL_BIN;
assert.ok(BINARY, "TUTORIAL_BIN must name the program to test");

const running = new Set();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Program {
  stdout = "";
  stderr = "";

  /** Starts the program, by default in a folder of its own; it ends with the test. */
  static async start(t, env = {}, folder = temporaryDirectory(t), binary = BINARY) {
    const program = new Program();
    program.binary = binary;
    program.t = t;
    program.folder = folder;
    program.env = env;
    await program.#launch("0");
    defer(t, async () => {
      await program.stop("SIGKILL");
      assert.doesNotMatch(program.stderr, /panicked/, "the program panicked");
    });
    return program;
  }

  async #launch(port) {
    this.stdout = "";
    const env = { ...process.env, TMPDIR: this.folder, PORT: port, ...this.env };
    const stdio = ["ignore", "pipe", "pipe"];
    this.child = spawn(this.binary, [], { cwd: this.folder, env, stdio });
    running.add(this.child);
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    // "close" comes after "exit", when all output is read.
    this.closed = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal });
      });
    });
    const [, url] = await this.says(/^listening on (http:\/\/\S+)$/m);
    this.url = url;
  }

  /** Waits until the program has printed what `pattern` matches; resolves with the match. */
  says(pattern) {
    const { stdout } = this.child;
    let look;
    const said = new Promise((resolve, reject) => {
      look = () => {
        const found = pattern.exec(this.stdout);
        if (found) resolve(found);
      };
      stdout.on("data", look);
      this.closed.then(() => reject(new Error(`the program ended: ${this.stderr}`)), reject);
      look();
    });
    const what = () => `the program prints ${pattern}, but: ${this.stdout}`;
    return within(20, what, said).finally(() => stdout.off("data", look));
  }

  /** A client, to be given its handlers before it is connected. */
  client(options = {}) {
    return connect(this.t, this.url, options);
  }

  /** Waits until a client is connected and its handlers on the server are in place: the program says so. */
  async joined(socket) {
    await once(socket, "connect");
    await this.says(new RegExp(`^a user connected: ${socket.id}`, "m"));
  }

  /** A client that has joined. */
  async join(options = {}) {
    const socket = this.client(options);
    await this.joined(socket);
    return socket;
  }

  /** Ends it; resolves with its exit code and its signal. */
  async stop(signal) {
    this.child.kill(signal);
    return within(15, `the program ends on ${signal}`, this.closed);
  }

  /** Starts it again after its end, in the same folder and on the same port. */
  async restart() {
    await this.#launch(new URL(this.url).port);
  }

  /** The text of what it serves at `path`. */
  async get(path) {
    const response = await fetch(new URL(path, this.url), { signal: AbortSignal.timeout(10_000) });
    assert.equal(response.status, 200, path);
    return response.text();
  }
}

/** What a client gets of one event, in the order of arrival. */
export class Inbox {
  all = [];
  #look = () => {};

  constructor(socket, event) {
    socket.on(event, (...args) => {
      this.all.push(args);
      this.#look();
    });
  }

  /** Resolves with what there is once it is this much. */
  async has(count) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.all.length >= count && resolve();
      this.#look();
    });
    await within(15, () => `${count} events, there are ${JSON.stringify(this.all)}`, enough);
    return this.all;
  }
}

/** The program to test beside another one: with what it prints, until it is killed. It ends with the test. */
export function spawnBeside(t, args, env) {
  const child = spawn(BINARY, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  const closed = new Promise((resolve) => child.once("close", resolve));
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  const kill = async () => {
    child.kill("SIGKILL");
    await within(15, "the program ends", closed);
    running.delete(child);
  };
  const says = async (pattern) => {
    while (!pattern.test(stdout)) await once(child.stdout, "data", 20);
  };
  defer(t, kill);
  return { kill, says };
}

/** Posts a text; resolves with the status and the text of the answer. */
export async function post(program, path, body) {
  const response = await fetch(`${program.url}${path}`, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
  return [response.status, await response.text()];
}

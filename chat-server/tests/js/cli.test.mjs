// The program's options, and what it says when it cannot start.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { defer, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, Reader, send } from "./support/client.mjs";
import { freePort, output, ready, run } from "./support/server.mjs";

const ANY_PORT = ["--listen", "127.0.0.1:0"];

/** It ends with a code and one line that names `what`, and does not say it were ready. */
async function assertSaysWhy(t, args, what) {
  const { code, stdout, stderr } = await output(t, args);
  assert.ok(code > 0, `the exit code is ${code}: ${stderr}`);
  assert.match(stderr, /^[^\n]+\n$/, "one line on standard error");
  assert.ok(stderr.includes(what), `it names ${what}: ${stderr}`);
  assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE|\bOs \{|Error\(/, "for people");
  assert.doesNotMatch(stdout, /listening/);
  return stderr;
}

test("--help explains each option with its variable, unit and default", { timeout: 20_000 }, async (t) => {
  const { code, stdout } = await output(t, ["--help"]);
  assert.equal(code, 0);
  const options = new Map(stdout.split(/^ *(?=-)/m).map((text) => [/--[\w-]+/.exec(text)?.[0], text]));
  const expected = {
    "--base-path": ["CHAT_BASE_PATH", "/"],
    "--listen": ["CHAT_LISTEN", "127.0.0.1:3000", "PORT"],
    "--store": ["CHAT_STORE", "sqlite:chat.db", "sqlite:PATH", "memory:"],
    "--recovery-window": ["CHAT_RECOVERY_WINDOW", "default: 2m", "90s", "0s"],
    "--log": ["CHAT_LOG", "info", "debug"],
  };
  for (const [option, words] of Object.entries(expected)) {
    for (const word of words) assert.ok(options.get(option)?.includes(word), `${option} explains ${word}`);
  }
});

test("a variable that is set and empty counts as not set, whichever it is", { timeout: 20_000 }, async (t) => {
  const { stdout } = await output(t, ["--help"]);
  const names = [...stdout.matchAll(/\[env: (\w+)[=\]]/g)].map(([, name]) => name);
  assert.ok(names.includes("CHAT_JWT_KEY") && names.includes("CHAT_STORE") && names.includes("CHAT_WORKERS"), String(names));
  const env = Object.fromEntries([...names, "PORT"].map((name) => [name, ""]));
  const cwd = temporaryDirectory(t);
  await ready(run(t, ANY_PORT, { cwd, env }));
  assert.ok(existsSync(join(cwd, "chat.db")), "the store is the default one");
  // With nothing said of where to listen, it is the usual port, which somebody may have just now.
  const usual = run(t, ["--store", "memory:"], { env });
  const listening = ready(usual).catch(() => assert.match(usual.stderr, /cannot listen on "127.0.0.1:3000"/));
  const url = await listening;
  if (url) assert.equal(url, "http://127.0.0.1:3000");
});

test("parameters of a sqlite: URL are refused and make no file", { timeout: 20_000 }, async (t) => {
  const cwd = temporaryDirectory(t);
  for (const store of ["sqlite://chat.db?mode=rwc", "sqlite:chat.db?mode=rwc&cache=shared"]) {
    const program = run(t, [...ANY_PORT, "--store", store], { cwd });
    const { code } = await within(10, "the program ends", program.closed);
    assert.equal(code, 1);
    assert.match(program.stderr, /takes no parameters[^\n]*leave out what begins with the question mark/);
    assert.deepEqual(readdirSync(cwd), []);
  }
});

test("a port in use is said in one line", { timeout: 20_000 }, async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  defer(t, () => other.close());
  await once(other, "listening");
  const address = `127.0.0.1:${other.address().port}`;
  await assertSaysWhy(t, ["--listen", address, "--store", "memory:"], address);
});

test("a store that is no URL, or of an unknown kind, is said in one line", { timeout: 20_000 }, async (t) => {
  // The parts that may be secret are not repeated.
  const stores = { "nonsense": "sqlite:PATH", "carrier-pigeon:home": "carrier-pigeon", "mysql://me:secret@host/chat": "mysql" };
  for (const [store, what] of Object.entries(stores)) {
    const stderr = await assertSaysWhy(t, [...ANY_PORT, "--store", store], what);
    assert.ok(!stderr.includes("secret"), stderr);
  }
});

// Not by permissions: they do not bind root.
test("a store that cannot be opened or written is said in one line", { timeout: 20_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, "file");
  writeFileSync(file, "not a database, but a text that is longer than the header of one.\n".repeat(20));
  mkdirSync(join(directory, "directory"));
  for (const path of [file, join(file, "chat.db"), join(directory, "directory"), "/proc/chat.db"]) {
    await assertSaysWhy(t, [...ANY_PORT, "--store", `sqlite:${path}`], path);
  }
  assert.ok(existsSync(file));
});

test("options that make no sense are refused with a hint", { timeout: 20_000 }, async (t) => {
  const nonsense = [["--listen", "nowhere"], ["--recovery-window", "soon"], ["--colour"], ["--listen"], ["extra"]];
  for (const args of nonsense) {
    const { code, stderr } = await output(t, ["--store", "memory:", ...args]);
    assert.ok(code > 0, `${args}: ${code}`);
    assert.match(stderr, new RegExp(args.at(-1)));
    assert.doesNotMatch(stderr, /panicked/);
  }
});

test("CHAT_LISTEN, CHAT_STORE and PORT are honoured, and options go before variables", { timeout: 30_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const listen = `127.0.0.1:${await freePort()}`;
  const variables = { CHAT_LISTEN: listen, CHAT_STORE: `sqlite:${join(directory, "variable.db")}` };
  assert.equal(await ready(run(t, [], { env: variables })), `http://${listen}`);
  assert.ok(existsSync(join(directory, "variable.db")));

  const port = await freePort();
  const url = new URL(await ready(run(t, ["--store", "memory:"], { env: { PORT: String(port) } })));
  assert.equal(url.port, String(port));

  const chosen = `127.0.0.1:${await freePort()}`;
  const env = { ...variables, CHAT_STORE: "nonsense:", PORT: String(port) };
  assert.equal(await ready(run(t, ["--listen", chosen, "--store", "memory:"], { env })), `http://${chosen}`);
});

test("the habits of other servers name an address too", { timeout: 30_000 }, async (t) => {
  const port = await freePort();
  const own = await ready(run(t, ["--listen", String(port), "--store", "memory:"]));
  assert.equal(own, `http://127.0.0.1:${port}`, "a port of this machine alone");
  const another = await freePort();
  const all = await ready(run(t, ["--listen", `:${another}`, "--store", "memory:"]));
  assert.equal(all, `http://[::]:${another}`);
  await send(connect(t, `http://127.0.0.1:${another}`), "by IPv4 too");
});

test("a socket in the file system is listened on, and is gone or replaced afterwards", { timeout: 30_000 }, async (t) => {
  const path = join(temporaryDirectory(t), "chat.sock");
  const args = ["--listen", `unix:${path}`, "--store", "memory:"];
  const listening = async (server) => {
    const said = () => server.stdout.includes(`listening on unix:${path}\n`);
    while (!said()) await within(10, "it listens", once(server.child.stdout, "data"));
  };
  const health = () =>
    new Promise((resolve, reject) => {
      const answered = (response) => resolve(response.statusCode);
      request({ socketPath: path, path: "/healthz", headers: { host: "chat.example.org" } }, answered)
        .on("error", reject)
        .end();
    });
  const killed = run(t, args);
  await listening(killed);
  assert.equal(await health(), 200);
  await assertSaysWhy(t, args, path);
  killed.child.kill("SIGKILL");
  await killed.closed;
  assert.ok(existsSync(path), "nobody was there to remove it");
  const server = run(t, args);
  await listening(server);
  assert.equal(await health(), 200);
  server.child.kill("SIGTERM");
  await server.closed;
  assert.ok(!existsSync(path));
  // What is no socket stays.
  writeFileSync(path, "mine");
  await assertSaysWhy(t, args, path);
  assert.ok(existsSync(path));
});

test("without a word about the store it is chat.db in the working directory", { timeout: 20_000 }, async (t) => {
  const cwd = temporaryDirectory(t);
  const url = await ready(run(t, ANY_PORT, { cwd }));
  await send(connect(t, url), "hello");
  assert.ok(existsSync(join(cwd, "chat.db")));
});

test("memory: keeps messages while it runs, and no file", { timeout: 20_000 }, async (t) => {
  const cwd = temporaryDirectory(t);
  const url = await ready(run(t, [...ANY_PORT, "--store", "memory:"], { cwd }));
  const { offset } = await send(connect(t, url), "hello", "key");
  assert.equal(offset, 1);
  assert.deepEqual(await send(connect(t, url), "hello", "key"), { offset: 1, duplicate: true });
  const reader = new Reader(t, url);
  await reader.reached(1);
  assert.deepEqual(reader.contents, ["hello"]);
  assert.equal(existsSync(join(cwd, "chat.db")), false);
});

test("the contents of messages do not come into the log", { timeout: 20_000 }, async (t) => {
  const server = run(t, [...ANY_PORT, "--store", "memory:", "--log", "trace"]);
  const url = await ready(server);
  const socket = connect(t, url, { auth: { token: "a secret token" } });
  const reader = new Reader(t, url);
  await send(socket, "a secret message", "a secret key");
  await socket.timeout(5000).emitWithAck("chat message", "a secret message", 5);
  await reader.reached(1);
  server.child.kill("SIGTERM");
  await within(10, "it ends", server.closed);
  assert.doesNotMatch(server.stderr + server.stdout, /secret (message|token)/);
});

test("events can be traced, by name and size and without their contents", { timeout: 20_000 }, async (t) => {
  const server = run(t, [...ANY_PORT, "--store", "memory:", "--trace-events"]);
  const url = await ready(server);
  const reader = new Reader(t, url, { auth: { serverOffset: 0, nickname: "Ada", token: "a secret token of hers" } });
  await send(reader.socket, "a secret message", "a secret key");
  await reader.socket.timeout(5000).emitWithAck(`odd ${"x".repeat(1000)}`, "a secret argument");
  await reader.reached(1);
  server.child.kill("SIGTERM");
  await within(10, "it ends", server.closed);
  const id = /socket\.id=(\S+)/.exec(server.stderr)[1];
  for (const event of ['in "chat message"', 'out "chat message"', 'out "nickname"', 'out "(answer)"', 'in "odd x{60}"']) {
    assert.match(server.stderr, new RegExp(`${event.replace(/[()]/g, "\\$&")} socket\\.id=${id} event\\.bytes=\\d+`));
  }
  assert.doesNotMatch(server.stderr + server.stdout, /secret/);
});

test("URLs with passwords are read from files, which --help does not show", { timeout: 30_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const [file, used, unused] = ["url", "used.db", "unused.db"].map((name) => join(directory, name));
  writeFileSync(file, `sqlite:${used}\n`);
  const env = { CHAT_STORE: `sqlite:${unused}`, CHAT_STORE_FILE: file };
  await ready(run(t, ANY_PORT, { env }));
  assert.ok(existsSync(used), "the file goes before the variable");
  await ready(run(t, [...ANY_PORT, "--store", "memory:"], { env }));
  assert.ok(!existsSync(unused));

  const help = run(t, ["--help"], { env });
  await within(10, "it ends", help.closed);
  assert.match(help.stdout, /CHAT_STORE_FILE/);
  assert.ok(!help.stdout.includes(used));

  const broken = { ...env, CHAT_ADAPTER_FILE: join(directory, "missing") };
  const process = run(t, ANY_PORT, { env: broken });
  assert.ok((await within(10, "it ends", process.closed)).code > 0);
  assert.match(process.stderr, /CHAT_ADAPTER_FILE: cannot read .*missing/);
});

for (const workers of [1, 2]) {
  test(`with --log-format json each line is an object (--workers ${workers})`, { timeout: 30_000 }, async (t) => {
    const store = `sqlite:${join(temporaryDirectory(t), "chat.db")}`;
    const args = [...ANY_PORT, "--store", store, "--log-format", "json", "--log", "debug"];
    const server = run(t, [...args, "--workers", String(workers)]);
    const client = connect(t, await ready(server));
    await send(client, 'with "quotes"');
    client.disconnect();
    server.child.kill("SIGTERM");
    await within(10, "the server ends", server.closed);
    const lines = server.stderr.trim().split("\n").map((line) => JSON.parse(line));
    for (const line of lines) {
      assert.match(line.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.match(line.level, /^(INFO|DEBUG|WARN)$/);
      assert.equal(typeof line.target, "string");
      assert.equal(typeof line.message, "string");
    }
    const serves = lines.filter(({ message }) => / serves on 127\.0\.0\.1:\d+$/.test(message));
    assert.equal(serves.length, workers);
    assert.equal(new Set(serves.map(({ worker }) => worker)).size, workers);
    if (workers > 1) assert.ok(serves.every(({ message, worker }) => message.endsWith(` ${worker}`)));
    assert.ok(lines.some((line) => line.message.startsWith("connected") && line["socket.id"]), "fields are members");
  });
}

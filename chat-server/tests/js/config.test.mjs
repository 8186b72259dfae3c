// The file with options: --config, and the commands that check and print one.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { output as toEnd, ready, run, Server } from "./support/server.mjs";

function fileOf(t, text) {
  const path = join(temporaryDirectory(t), "chat.toml");
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const output = (t, args, options) => toEnd(t, args, options, 20);

/** The lines of `config doc` that set options, taken off their #. */
async function documented(t) {
  const { code, stdout } = await output(t, ["config", "doc"]);
  assert.equal(code, 0);
  return { text: stdout, lines: [...stdout.matchAll(/^#([a-z][\w-]* = .*)$/gm)].map(([, line]) => line) };
}

test("the document has every option, and each of them can be set", async (t) => {
  const { text, lines } = await documented(t);
  const { stdout: help } = await output(t, ["--help"]);
  const options = [...help.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, name]) => name);
  const names = lines.map((line) => line.split(" ")[0]);
  assert.deepEqual(names, options.filter((name) => !["config", "help", "version"].includes(name)));
  assert.ok(names.length > 60 && names.includes("max-connections"), String(names));
  assert.match(text, /^# Maximum number of connected clients; more get status 503\n# \[env: CHAT_MAX_SESSIONS\]\n#max-sessions = 100000$/m);
  assert.equal((await output(t, ["config", "check", fileOf(t, text)])).code, 0);
  // Some are not complete without others, which stand in the document as an empty list.
  const own = { webhook: ["https://example.org"], "webhook-secret-file": ["FILE"], "jwt-key": ["FILE"] };
  const all = lines.map((line) => {
    const [name] = line.split(" ");
    return name in own ? `${name} = ${JSON.stringify(own[name])}` : line;
  });
  const { code, stdout, stderr } = await output(t, ["config", "check", fileOf(t, all.join("\n"))]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /chat\.toml can be used\n$/);
});

test("each option is in the manual", async (t) => {
  const manual = readFileSync(new URL("../../../docs/OPERATIONS.md", import.meta.url), "utf8");
  const names = (await documented(t)).lines.map((line) => line.split(" ")[0]);
  assert.deepEqual(names.filter((name) => !new RegExp(`--${name}(?![\\w-])`).test(manual)), []);
});

test("the example of the manual can be used", async (t) => {
  const manual = readFileSync(new URL("../../../docs/OPERATIONS.md", import.meta.url), "utf8");
  const [, example] = /^```toml\n(.*?)^```$/ms.exec(manual);
  assert.ok(example.includes("tls-cert"), example);
  const { code, stderr } = await output(t, ["config", "check", fileOf(t, example)]);
  assert.deepEqual([code, stderr], [0, ""]);
});

test("the command line goes before the environment, and both before the file", async (t) => {
  const path = fileOf(t, 'base-path = "/file"\nlog-format = "json"\nmax-connections = 77\n');
  const bases = async (args, env) => {
    const server = await Server.start(t, { args, env });
    const answers = ["/file", "/env", "/flag"].map(async (base) => (await fetch(`${server.url}${base}/`)).status === 200);
    const log = JSON.parse(server.process.stderr.split("\n")[0]);
    assert.equal(log.max_connections, 77, "what only the file says");
    return Promise.all(answers);
  };
  assert.deepEqual(await bases(["--config", path]), [true, false, false]);
  assert.deepEqual(await bases([], { CHAT_CONFIG: path }), [true, false, false]);
  assert.deepEqual(await bases([], { CHAT_CONFIG: path, CHAT_BASE_PATH: "/env" }), [false, true, false]);
  const all = { CHAT_CONFIG: path, CHAT_BASE_PATH: "/env" };
  assert.deepEqual(await bases(["--base-path", "/flag"], all), [false, false, true]);
  assert.deepEqual(await bases(["--config", path], { CHAT_BASE_PATH: "" }), [true, false, false]);
});

test("workers and commands read the file, too", { timeout: 60_000 }, async (t) => {
  const store = join(temporaryDirectory(t), "own.db");
  const path = fileOf(t, `listen = "127.0.0.1:0"\nstore = "sqlite:${store}"\nworkers = 2\nrooms = true\n`);
  const process = run(t, ["--config", path]);
  await ready(process);
  const both = async () => {
    while (process.stdout.match(/^listening on http:/gm).length < 2) await sleep(10);
  };
  await within(10, "both workers listen", both());
  assert.ok(existsSync(store));
  const { code, stdout, stderr } = await output(t, ["--config", path, "room", "team"]);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  const { stdout: listed } = await output(t, ["audit"], { env: { CHAT_CONFIG: path } });
  assert.match(listed, /team/);
});

test("everything that is wrong is said with its line and the name that is nearest", async (t) => {
  const text = '# Ours\nmax-conections = 5\nworkers = 0\nrooms = "yes"\n[limits]\nmax-rooms = 1\n';
  const path = fileOf(t, text);
  const expected = [
    `${path}, line 2: there is no option "max-conections"; did you mean "max-connections"?`,
    `${path}, line 3: workers: invalid value '0': 0 is not in 1..=256`,
    `${path}, line 4: rooms is true or false`,
    `${path}, line 5: "limits" is a table; options stand by themselves, without tables`,
  ];
  for (const [args, code] of [
    [["--config", path], 2],
    [["config", "check", path], 1],
    [["config", "check", "--config", path], 1],
  ]) {
    const ended = await output(t, args);
    assert.equal(ended.stderr, expected.map((line) => `chat-server: ${line}\n`).join(""));
    assert.equal(ended.code, code);
    assert.doesNotMatch(ended.stdout, /listening|can be used/);
  }
  const { code, stdout } = await output(t, ["--help"], { env: { CHAT_CONFIG: path } });
  assert.ok(code === 0 && stdout.includes("--config"), "help is there all the same");
  assert.equal((await output(t, ["config", "doc"], { env: { CHAT_CONFIG: path } })).code, 0);
});

test("what makes no sense together is refused by the check", async (t) => {
  for (const [text, said] of [
    ['tls-cert = "a.pem"', "--tls-key"],
    ['registration = "invite"', "needs --rooms"],
    ["admin-tls = true", "--admin-tls needs the certificate"],
    ['ping-timeout = "0s"', "ping_timeout"],
    ["a = ", "line 1: this is no TOML"],
  ]) {
    const { code, stderr } = await output(t, ["config", "check", fileOf(t, text)]);
    assert.ok(code === 1 && stderr.includes(said), stderr);
  }
  const { code, stderr } = await output(t, ["config", "check", "/nowhere.toml"]);
  assert.ok(code === 1 && /cannot read --config \/nowhere\.toml: No such file/.test(stderr), stderr);
});

test("a URL with a password is in neither --help nor the log", async (t) => {
  const env = { CHAT_STORE: "postgres://ada:hunter2@127.0.0.1:1/x", CHAT_ADAPTER: "redis://:hunter2@127.0.0.1:1" };
  const { stdout } = await output(t, ["--help"], { env });
  assert.ok(stdout.includes("CHAT_STORE") && !stdout.includes("hunter2"));
  const file = fileOf(t, 'store = "postgres://ada:hunter2@127.0.0.1:1/x"\nlisten = "127.0.0.1:0"\nlog = "trace"\n');
  const { code, stdout: said, stderr } = await output(t, ["--config", file]);
  assert.ok(code > 0 && !`${said}${stderr}`.includes("hunter2"), stderr);
});

test("a file that a variable names goes before the option in the file", async (t) => {
  const directory = temporaryDirectory(t);
  const secret = join(directory, "store");
  writeFileSync(secret, `sqlite:${join(directory, "secret.db")}\n`);
  const path = fileOf(t, `listen = "127.0.0.1:0"\nstore = "sqlite:${join(directory, "plain.db")}"\n`);
  await ready(run(t, ["--config", path], { env: { CHAT_STORE_FILE: secret } }));
  assert.ok(existsSync(join(directory, "secret.db")) && !existsSync(join(directory, "plain.db")));
});

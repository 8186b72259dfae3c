// Backups, by the commands of docs/OPERATIONS.md: of SQLite, or with CHAT_POSTGRES of the database at that URL.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { temporaryDirectory } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { command, failing } from "./support/commands.mjs";
import { Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const POSTGRES = process.env.CHAT_POSTGRES;

/** The commands to back up and those to restore, as they stand there. */
function commands() {
  const text = readFileSync(new URL("../../../docs/OPERATIONS.md", import.meta.url), "utf8");
  const section = text.split(/^##+ /m).find((part) => part.startsWith(POSTGRES ? "PostgreSQL\n" : "SQLite\n"));
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code]) => code);
  assert.equal(blocks.length, 2);
  return blocks;
}

/** Runs commands with the paths and the database of a test; resolves with what they print. */
async function run(t, folder, code) {
  const programs = temporaryDirectory(t);
  symlinkSync(process.env.CHAT_SERVER_BIN, join(programs, "chat-server"));
  const script = code
    .replaceAll("/srv/chat/", `${folder}/`)
    .replaceAll("/srv/backup/", `${folder}/`)
    .replaceAll("postgres://chat@db/chat", POSTGRES ?? "");
  const env = { ...process.env, PATH: `${programs}:${process.env.PATH}` };
  const { stdout } = await promisify(execFile)("sh", ["-ec", script], { env, timeout: 60_000 });
  return stdout;
}

async function say(t, server, contents) {
  const talker = connect(t, server.url);
  for (const content of contents) await send(talker, content);
  talker.close();
}

test("clients that are ahead of a restored backup are told, and miss nothing of what is there", async (t) => {
  const folder = temporaryDirectory(t);
  const [backUp, restore] = commands();
  const server = await Server.start(t, { store: POSTGRES ?? `sqlite:${join(folder, "chat.db")}` });
  const clients = [new Recoverable(t, server.url), new Recoverable(t, server.url)];
  await say(t, server, ["one", "two"]);
  await Promise.all(clients.map((client) => client.has(2)));
  const told = clients.map((client) => {
    const told = [];
    client.socket.on("other log", ({ tail }) => told.push([tail, client.contents.length]));
    return told;
  });
  const [ahead, behind] = clients;
  behind.socket.io.reconnection(false);
  behind.socket.io.engine.close();

  await run(t, folder, backUp);
  await say(t, server, ["three", "four"]);
  await ahead.has(4);
  ahead.socket.io.reconnection(false);
  ahead.socket.io.engine.close();
  await server.terminate("SIGTERM");
  const printed = await run(t, folder, restore);
  await server.restart();
  await say(t, server, ["3rd", "4th", "5th"]);

  const all = ["one", "two", "3rd", "4th", "5th"];
  for (const client of clients) {
    client.contents.length = 0;
    client.socket.connect();
    await client.connected();
    assert.equal(client.socket.recovered, false);
    await client.has(all.length);
    assert.deepEqual(client.contents, all);
  }
  assert.deepEqual(told, [[[5, 0]], [[5, 0]]]);
  if (!POSTGRES) {
    const [, kept] = /^the file that was there is (.*)$/m.exec(printed);
    const before = await Server.start(t, { store: `sqlite:${kept}` });
    const reader = new Recoverable(t, before.url);
    await reader.has(4);
    assert.deepEqual(reader.contents, ["one", "two", "three", "four"]);
  }
});

const ofFiles = async (t) => {
  const server = await Server.start(t);
  const file = join(temporaryDirectory(t), "backup.db");
  await say(t, server, ["one"]);
  const copied = await promisify(execFile)(process.env.CHAT_SERVER_BIN, ["backup", file, "--store", server.store]);
  assert.equal(copied.stdout, `backed up in ${file}\n`);
  assert.match(await failing(server, "backup", file), /choose another name: there is a file of that name/);
  for (const command of [["restore", file], ["new-epoch"]]) {
    assert.match(await failing(server, ...command), /chat\.db is in use; stop the server first/);
  }
  await say(t, server, ["two"]);
  const reader = new Recoverable(t, server.url);
  await reader.has(2);
  assert.deepEqual(reader.contents, ["one", "two"]);
};

if (!POSTGRES) test("nothing is restored while the server runs, and no backup replaces a file", ofFiles);

test("the schema of a store is told, and upgraded after a backup", async (t) => {
  const folder = temporaryDirectory(t);
  const file = join(folder, "chat.db");
  if (POSTGRES === undefined) {
    // What the tutorial's server makes.
    const table = "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE, content TEXT)";
    const row = "INSERT INTO messages (client_offset, content) VALUES ('k-0', 'from the tutorial')";
    const script = `import sqlite3\ndb = sqlite3.connect(${JSON.stringify(file)})\ndb.execute("${table}")\ndb.execute("${row}")\ndb.commit()`;
    execFileSync("python3", ["-c", script]);
    const old = { store: `sqlite:${file}` };
    assert.match(await failing(old, "migrate", "--check"), /has schema version 0, and this program makes \d+ of it/);
    assert.equal(existsSync(`${file}.schema-0`), false);
    writeFileSync(`${file}.schema-0`, "");
    assert.match(await failing(old, "migrate"), /chat\.db\.schema-0 is there already, of an earlier upgrade; move it away/);
    rmSync(`${file}.schema-0`);
    assert.match(await command(old, "migrate"), /^backed up in .*chat\.db\.schema-0\nthe store had schema version 0, and has \d+ now$/m);
    const kept = { store: `sqlite:${file}.schema-0` };
    assert.match(await failing(kept, "migrate", "--check"), /has schema version 0/);
  }
  const server = await Server.start(t, { store: POSTGRES ?? `sqlite:${file}` });
  // While a server runs.
  for (const args of [["--check"], []]) {
    assert.match(await command(server, "migrate", ...args), /^the store has schema version \d+, as this program$/m);
  }
  if (POSTGRES === undefined) {
    const client = new Recoverable(t, server.url);
    await client.has(1);
    assert.deepEqual(client.contents, ["from the tutorial"]);
  }
});

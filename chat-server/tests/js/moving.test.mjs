// The log moves to another store while its clients are away, and they go on there as if nothing had happened.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createWriteStream, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { command, failing } from "./support/commands.mjs";
import { Recoverable } from "./support/recoverable.mjs";
import { freePort, Server, spawnBinary } from "./support/server.mjs";
import { ask, User } from "./support/users.mjs";

async function say(t, server, count, said = (number) => `said ${number}`) {
  const talker = connect(t, server.url, { auth: { history: 0 } });
  await Promise.all(Array.from({ length: count }, (_, number) => send(talker, said(number), `key ${number}`)));
  talker.close();
}

test("a client of the old server goes on at the new one, and its keys are known", async (t) => {
  const folder = temporaryDirectory(t);
  const [store, moved] = ["chat.db", "moved.db"].map((name) => `sqlite:${join(folder, name)}`);
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const server = await Server.start(t, { store, listen });
  const ada = await User.connected(t, server.url, "Ada");
  await User.connected(t, server.url, "Bob");
  await send(ada.socket, "the first", "the key");
  await ada.whisper("Bob", "in private");
  const away = new Recoverable(t, server.url);
  await away.has(1);
  const told = [];
  away.socket.on("other log", () => told.push("other log"));
  away.socket.disconnect();
  await say(t, server, 20);

  const file = join(folder, "chat.jsonl");
  assert.match(await command(server, "export", file), /^exported to /);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(await failing(server, "export", file), /cannot create .*chat\.jsonl/);
  ada.socket.close();
  await server.terminate("SIGTERM");
  assert.match(await command({ store: moved }, "import", file), /^imported \d+ lines$/m);
  assert.match(await failing({ store: moved }, "import", file), /the store is not empty/);
  const again = join(folder, "again.jsonl");
  await command({ store: moved }, "export", again);
  assert.deepEqual(readFileSync(again), readFileSync(file));

  const next = await Server.start(t, { store: moved, listen });
  // The client adds the recovery offset by itself.
  away.socket.auth = { serverOffset: 1 };
  away.socket.connect();
  await away.has(21);
  const expected = ["the first", ...Array.from({ length: 20 }, (_, number) => `said ${number}`)];
  assert.deepEqual(away.contents.toSorted(), expected.toSorted());
  assert.deepEqual(told, []);
  const same = await User.connected(t, next.url, "Ada");
  await same.hears(1);
  const retry = await send(same.socket, "the first", "the key");
  assert.deepEqual([retry.offset, retry.duplicate], [1, true]);
  assert.equal((await send(same.socket, "goes on")).offset, 23);
  assert.equal((await ask(same.socket, "history", { with: "Bob" })).messages.length, 1);
});

test("an import that is killed goes on where it was", async (t) => {
  const folder = temporaryDirectory(t);
  const [store, moved] = ["chat.db", "moved.db"].map((name) => `sqlite:${join(folder, name)}`);
  const server = await Server.start(t, { store });
  await say(t, server, 3000, (number) => `said ${number} ${"x".repeat(1000)}`);
  const file = join(folder, "chat.jsonl");
  await command(server, "export", file);
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const killed = spawnBinary(["import", pipe, "--store", moved]);
  const text = readFileSync(file);
  // The rest does not come.
  const half = createWriteStream(pipe);
  half.on("error", () => {});
  half.write(text.subarray(0, text.length / 2));
  const files = () => readdirSync(folder).filter((name) => name.startsWith("moved.db"));
  const has = (name) => {
    try {
      return readFileSync(join(folder, name)).includes("said 1000 ");
    } catch (error) {
      // The write-ahead log goes when its connection ends.
      assert.equal(error.code, "ENOENT");
      return false;
    }
  };
  const isStored = async () => {
    while (!files().some(has)) await sleep(20);
  };
  await within(20, "a part is stored", isStored());
  killed.child.kill("SIGKILL");
  assert.equal((await killed.closed).signal, "SIGKILL");
  half.destroy();
  await command({ store: moved }, "import", file);
  const again = join(folder, "again.jsonl");
  await command({ store: moved }, "export", again);
  assert.deepEqual(readFileSync(again), text);
});

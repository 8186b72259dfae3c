import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, Inbox, once, Program, within } from "./support/program.mjs";

const WORKERS = 3;

async function start(t) {
  const program = await Program.start(t, { WORKERS: String(WORKERS) });
  await program.says(new RegExp(`(^listening on .*\n){${WORKERS}}`, "m"));
  const urls = program.stdout.match(/http:\S+/g);
  return { program, urls };
}

async function processAt(url) {
  return Number(await (await fetch(new URL("/process", url), { signal: AbortSignal.timeout(5_000) })).text());
}

const say = (socket, ...args) => socket.timeout(20_000).emitWithAck("chat message", ...args);

test("what is said at one worker is heard at all of them, in one order", { timeout: 60_000 }, async (t) => {
  const { urls } = await start(t);
  assert.equal(new Set(await Promise.all(urls.map(processAt))).size, WORKERS);
  const sockets = urls.map((url) => connect(t, url, { auth: { serverOffset: 0 } }));
  const inboxes = sockets.map((socket) => new Inbox(socket, "chat message"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const said = sockets.map((socket, worker) => say(socket, `at worker ${worker}`));
  const offsets = (await Promise.all(said)).map(({ offset }) => offset);
  assert.deepEqual(offsets.toSorted(), [1, 2, 3]);
  const heard = await Promise.all(inboxes.map((inbox) => inbox.has(WORKERS)));
  const orders = heard.map((messages) => messages.map(([content, offset]) => `${offset}: ${content}`));
  for (const order of orders) assert.deepEqual(order, orders[0]);
});

test("a worker that was killed comes back, and its clients go on", { timeout: 60_000 }, async (t) => {
  const { urls } = await start(t);
  const [client, other] = urls.map((url) => connect(t, url, { auth: { serverOffset: 0 } }));
  client.on("chat message", (content, offset) => (client.auth.serverOffset = offset));
  const inbox = new Inbox(client, "chat message");
  await Promise.all([client, other].map((socket) => once(socket, "connect")));
  await say(other, "before");
  await inbox.has(1);
  const gone = once(client, "disconnect");
  process.kill(await processAt(urls[0]), "SIGKILL");
  await gone;
  const back = once(client, "connect", 20);
  await say(other, "meanwhile");
  await back;
  await say(other, "after");
  const contents = (await inbox.has(3)).map(([content]) => content);
  assert.deepEqual(contents, ["before", "meanwhile", "after"]);
});

async function ended(workers) {
  const isRunning = (id) => {
    try {
      return process.kill(id, 0);
    } catch {
      return false;
    }
  };
  const wait = (async () => {
    while (workers.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 20));
  })();
  await within(15, "the workers have ended", wait);
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`with ${signal} all of it ends in good order`, { timeout: 60_000 }, async (t) => {
    const { program, urls } = await start(t);
    const workers = await Promise.all(urls.map(processAt));
    assert.deepEqual(await program.stop(signal), { code: 0, signal: null });
    await ended(workers);
    // The folder with the socket was in it. Of workers that close the file at the same moment none may be the
    // last one, who deletes SQLite's log and its index; nothing is left in that log then.
    const left = readdirSync(program.folder).filter((name) => !name.endsWith("-shm"));
    const isLog = (name) => name.endsWith("-wal");
    assert.deepEqual(left.filter((name) => !isLog(name)).sort(), ["chat.db", "chat.db-search"]);
    for (const name of left.filter(isLog)) assert.equal(statSync(join(program.folder, name)).size, 0, name);
  });
}

test("with SIGKILL the workers end too", { timeout: 60_000 }, async (t) => {
  const { program, urls } = await start(t);
  const workers = await Promise.all(urls.map(processAt));
  await program.stop("SIGKILL");
  await ended(workers);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

/** The page: it shows what comes, and remembers how far it is. */
async function page(program) {
  const socket = program.client({ auth: { serverOffset: 0 } });
  const inbox = new Inbox(socket, "chat message");
  socket.on("chat message", (content, serverOffset) => (socket.auth.serverOffset = serverOffset));
  await program.joined(socket);
  return { socket, inbox, shown: () => inbox.all.map(([content, offset]) => `${offset}: ${content}`) };
}

const say = (socket, content) => socket.timeout(10_000).emitWithAck("chat message", content);

test("a page gets what it missed, and a new page gets all", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const talker = await page(program);
  const reader = await page(program);
  await say(talker.socket, "seen");
  await reader.inbox.has(1);
  reader.socket.disconnect();
  await say(talker.socket, "missed");
  reader.socket.connect();
  await reader.inbox.has(2);
  await say(talker.socket, "live");
  await reader.inbox.has(3);
  const later = await page(program);
  await later.inbox.has(3);
  for (const { shown } of [reader, later]) assert.deepEqual(shown(), ["1: seen", "2: missed", "3: live"]);
});

for (const signal of ["SIGKILL", "SIGINT"]) {
  test(`after ${signal} and a new start nothing is lost, and nothing comes twice`, { timeout: 60_000 }, async (t) => {
    const program = await Program.start(t);
    const { socket, inbox, shown } = await page(program);
    await say(socket, "before");
    await inbox.has(1);
    const gone = once(socket, "disconnect");
    const { code } = await program.stop(signal);
    if (signal === "SIGINT") assert.equal(code, 0);
    await gone;
    const back = once(socket, "connect", 20);
    await program.restart();
    await back;
    await say(socket, "after");
    await inbox.has(2);
    assert.deepEqual(shown(), ["1: before", "2: after"]);
  });
}

test("two programs on one file have the same messages, once and in order", { timeout: 60_000 }, async (t) => {
  const program = await Program.start(t);
  const one = await page(program);
  const other = await page(await Program.start(t, {}, program.folder));
  const said = ["first", "second", "third"];
  for (const content of said) await say(one.socket, content);
  for (const { inbox, shown } of [one, other]) {
    await inbox.has(said.length);
    assert.deepEqual(shown(), ["1: first", "2: second", "3: third"]);
  }
  await say(other.socket, "fourth");
  for (const { inbox, shown } of [one, other]) {
    await inbox.has(4);
    assert.equal(shown()[3], "4: fourth");
  }
});

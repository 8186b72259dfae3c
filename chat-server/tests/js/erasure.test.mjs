// A user is erased while servers run: what the user has written disappears, with the name, at once and for good.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { command } from "./support/commands.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server, spawnBinary } from "./support/server.mjs";
import { ask, refused, tokenOf, User } from "./support/users.mjs";

const NAME = "Adalbertine";

/** Two nodes with one store, and rules, so that they follow commands. */
async function nodes(t) {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const options = { store, args: ["--rooms", "--recovery-window", "5s"] };
  return { folder, servers: [await Server.start(t, options), await Server.start(t, options)] };
}

/** Notes the deletions that a client gets. */
function deletions({ socket }) {
  const noted = [];
  socket.on("message deleted", (offset, meta) => noted.push({ offset, ...meta }));
  return noted;
}

const until = (what, isTrue) =>
  within(30, what, (async () => {
    while (!(await isTrue())) await sleep(50);
  })());

test("clients of all nodes are told, those who come back as well, and the bytes are in no file", async (t) => {
  const { folder, servers } = await nodes(t);
  const ada = await User.connected(t, servers[0].url, NAME);
  const bob = await User.connected(t, servers[0].url, "Bob");
  const eve = await User.connected(t, servers[1].url, "Eve");
  const away = await User.connected(t, servers[1].url, "Grace");
  const noted = [bob, eve, away].map(deletions);
  await send(ada.socket, "hush one", "key one");
  await send(bob.socket, "public");
  await send(ada.socket, "hush two", "key two");
  await ada.whisper("Bob", "hush three");
  assert.equal((await bob.whisper(NAME, "for whom")).offset, 5);
  await ask(ada.socket, "react", 2, "👍");
  await ask(ada.socket, "edit message", 1, "hush, again");
  for (const someone of [bob, eve, away]) await someone.reads(3);
  await bob.hears(2);

  const ended = once(ada.socket, "disconnect");
  await cutOff(away.socket, async () => {
    assert.match(await command(servers[0], "erase", NAME), /^erased [0-9a-f]{16}: 3 messages, /);
  });
  await ended;
  ada.socket.close();
  await until("all are told", () => noted[0].length === 3 && noted[1].length === 2 && noted[2].length === 2);
  const of = noted.map((all) => all.map((it) => [it.of, it.erased, it.from, it.to !== undefined]));
  const rooms = [1, 3].map((offset) => [offset, true, null, false]);
  assert.deepEqual(of, [[...rooms, [4, true, null, true]], rooms, rooms]);
  assert.equal(away.socket.recovered, true);

  // On every node, from memory and from the store.
  for (const { url } of servers) {
    const late = await User.connected(t, url, "Late");
    await late.reads(1);
    assert.deepEqual(await late.reads(1), ["public"]);
    const { messages } = await ask(late.socket, "history", { room: "general" });
    const shown = messages.map(({ offset, content, from, deleted }) => [offset, content, from, deleted]);
    assert.deepEqual(shown, [[1, "", null, true], [2, "public", "Bob", undefined], [3, "", null, true]]);
    assert.deepEqual(messages[1].reactions ?? [], []);
    late.socket.close();
  }
  // Neither the user nor a message comes back.
  const error = await refused(t, servers[1].url, { nickname: NAME, token: tokenOf(NAME) });
  assert.match(error, /./);
  const someoneElse = connect(t, servers[1].url, { auth: { nickname: NAME, token: "the token of another, 8zQ" } });
  await once(someoneElse, "connect");
  someoneElse.close();

  const files = (text) => readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));
  await until(() => `it is in no file but ${files("hush")}`, () => files("hush").length === 0);
  assert.notDeepEqual(files("public"), []);
});

test("an erasure that is killed is finished by the next one", async (t) => {
  const { folder, servers } = await nodes(t);
  const ada = await User.connected(t, servers[0].url, NAME);
  const COUNT = 1500;
  await Promise.all(Array.from({ length: COUNT }, (_, number) => send(ada.socket, `hush ${number}`)));
  const bob = await User.connected(t, servers[1].url, "Bob");
  const noted = deletions(bob);
  const killed = spawnBinary(["erase", NAME, "--store", servers[0].store]);
  await until("it has begun", () => noted.length > 0);
  killed.child.kill("SIGKILL");
  assert.equal((await killed.closed).signal, "SIGKILL");
  const before = noted.length;
  assert.ok(before < COUNT, "it was not killed in the middle");
  await command(servers[1], "erase", NAME);
  await until("all are deleted", () => noted.length === COUNT);
  assert.deepEqual(noted.map(({ of }) => of), Array.from({ length: COUNT }, (_, index) => index + 1));
  const files = (text) => readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));
  await until("it is in no file", () => files("hush").length === 0);
});

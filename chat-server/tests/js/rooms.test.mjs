// Rooms: a message reaches those who are in its room, from the moment they join it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { cutOff, Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const join = (socket, ...args) => socket.timeout(5000).emitWithAck("join", ...args);
const leave = (socket, ...args) => socket.timeout(5000).emitWithAck("leave", ...args);
const say = (socket, room, content) => send(socket, content, null, { room });

async function two(t) {
  const server = await Server.start(t);
  const client = new Recoverable(t, server.url);
  const talker = connect(t, server.url, { auth: { rooms: ["general", "rust", "go"] } });
  await Promise.all([client.connected(), once(talker, "connect")]);
  return { server, client, talker };
}

test("a message reaches exactly the members of its room", async (t) => {
  const { client, talker } = await two(t);
  await say(talker, "rust", "not heard");
  assert.deepEqual(await join(client.socket, "rust"), { room: "rust", users: 2, tail: 1 });
  await say(talker, "rust", "heard");
  await say(talker, "go", "nor this");
  await say(talker, "general", "heard too");
  assert.deepEqual(await leave(client.socket, "rust"), { room: "rust" });
  await say(talker, "rust", "not any more");
  await send(talker, "the end");
  await client.has(3);
  assert.deepEqual(client.contents, ["heard", "heard too", "the end"]);
});

test("joining twice changes nothing, and what one sends after joining comes back", async (t) => {
  const { client } = await two(t);
  client.socket.emit("join", "rust");
  client.socket.emit("chat message", "mine", null, { room: "rust" });
  client.socket.emit("join", "rust");
  await client.has(1);
  await say(client.socket, "rust", "mine too");
  await client.has(2);
  assert.deepEqual(client.contents, ["mine", "mine too"]);
});

test("the rooms of the handshake have their history from serverOffset on", async (t) => {
  const { server, talker } = await two(t);
  await say(talker, "rust", "one");
  await say(talker, "go", "two");
  await say(talker, "rust", "three");
  const later = new Recoverable(t, server.url, { auth: { rooms: ["rust"], serverOffset: 1 } });
  await later.has(1);
  await say(talker, "rust", "four");
  await later.has(2);
  assert.deepEqual(later.contents, ["three", "four"]);
  const refused = await send(later.socket, "to general");
  assert.equal(refused.error.code, "not_in_room");
});

test("recovery does not hand over what was sent to a room before the client joined it", async (t) => {
  const { client, talker } = await two(t);
  await say(talker, "general", "one");
  await client.has(1);
  // The client's cursor stays before these.
  for (let n = 0; n < 5; n++) await say(talker, "rust", `before ${n}`);
  await join(client.socket, "rust");
  await cutOff(client.socket, () => say(talker, "rust", "missed"));
  assert.equal(client.socket.recovered, true);
  await say(talker, "general", "the end");
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "missed", "the end"]);
});

test("recovery restores the rooms, also after kill -9, and not those that were left", async (t) => {
  const { server, client, talker } = await two(t);
  await join(client.socket, "rust");
  await join(client.socket, "go");
  await leave(client.socket, "go");
  await leave(client.socket, "general");
  await say(talker, "rust", "one");
  await client.has(1);
  await cutOff(client.socket, async () => {
    const back = once(talker, "connect", 20);
    await server.kill();
    await server.restart();
    await back;
    for (const room of ["go", "general", "rust"]) await say(talker, room, `missed in ${room}`);
  });
  assert.equal(client.socket.recovered, true);
  await say(talker, "rust", "the end");
  await client.has(3);
  assert.deepEqual(client.contents, ["one", "missed in rust", "the end"]);
});

for (const crashes of [false, true]) {
  const how = crashes ? "crashes" : "breaks the connection";
  test(`a server that ${how} right after a join with { after } neither omits nor repeats`, async (t) => {
    const { server, talker } = await two(t);
    const all = [];
    for (let n = 1; n <= 20; n++) {
      const room = n % 2 ? "general" : "rust";
      all.push({ room, n });
      await say(talker, room, `${n}`);
    }
    const numbers = (room, after = 0) => all.filter((one) => one.room === room && one.n > after).map(({ n }) => n);
    // What of general has arrived when the connection ends, and what of rust.
    const arrived = [[0, 0], [1, 0], [9, 0], [19, 0], [19, 2], [19, 8], [19, 20]];
    const clients = [];
    for (const [general, rust] of arrived) {
      const client = new Recoverable(t, server.url, { auth: { rooms: ["general"], serverOffset: 0 } });
      const positions = new Map();
      client.socket.on("chat message", (content, ...rest) => positions.set(content, rest.at(-1)));
      await client.has(10);
      assert.equal((await join(client.socket, "rust", { after: 0 })).room, "rust");
      await client.has(20);
      clients.push({ client, positions, general, rust });
    }
    const cut = clients.map(async ({ client, positions, general, rust }) => {
      const { socket } = client;
      await cutOff(socket, async () => {
        // To the server it is the same whether the rest has not arrived or arrived and is not counted.
        socket._lastOffset = positions.get(`${rust || general}`);
        client.contents.length = 0;
        if (crashes) await restarted;
      });
      assert.equal(socket.recovered, true);
    });
    const back = crashes && once(talker, "connect", 20);
    const restarted = crashes && server.kill().then(() => server.restart());
    await Promise.all(cut);
    await back;
    for (const room of ["rust", "general"]) await say(talker, room, "the end");
    for (const { client, general, rust } of clients) {
      const expected = [...numbers("general", general), ...numbers("rust", rust)].sort((a, b) => a - b).map(String);
      await client.has(expected.length + 2);
      assert.deepEqual(client.contents, [...expected, "the end", "the end"], `at ${general} and ${rust}`);
    }
  });
}

test("odd rooms are refused", async (t) => {
  const { client, talker } = await two(t);
  const odd = [[], [5], [null], [{}], [""], [" rust"], ["a\u0000"], ["r".repeat(10_000)]];
  for (const args of odd) {
    for (const ask of [join, leave]) {
      const { error } = await ask(client.socket, ...args);
      assert.equal(error?.code, "invalid_arguments", JSON.stringify(args).slice(0, 50));
    }
  }
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, n) => join(client.socket, `room ${n}`)),
  );
  assert.equal(answers.filter(({ error }) => error?.code === "too_many_rooms").length, 10_000 - 99);
  await send(talker, "still there");
  await client.has(1);
});

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client is told which of its rooms it is not in`, { timeout: 30_000 }, async (t) => {
    const { url } = await Server.start(t);
    const told = async (rooms) => {
      const socket = connect(t, url, { transports, auth: { rooms } });
      const notJoined = [];
      socket.on("not joined", (what) => notJoined.push(what));
      await once(socket, "connect");
      await socket.emitWithAck("typing", "general", false);
      return notJoined;
    };
    assert.deepEqual(await told(["general", "rust"]), []);
    const [{ rooms: wrong }, ...others] = await told(["support ", "general", 7]);
    assert.deepEqual(wrong.map(({ room, error }) => [room, error.code]), [
      ["support ", "invalid_arguments"],
      ["7", "invalid_arguments"],
    ]);
    assert.deepEqual(others, []);
    const [{ rooms: many }] = await told(Array.from({ length: 102 }, (_, n) => `room ${n}`));
    assert.deepEqual(many.map(({ room, error }) => [room, error.code]), [
      ["room 100", "too_many_rooms"],
      ["room 101", "too_many_rooms"],
    ]);
  });
}

// Reading back: pages of history, a first look at the newest messages, and joining from an offset.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, User } from "./support/users.mjs";
import { cutOff, Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const contents = (messages) => messages.map(({ content }) => content);
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => String(from + n));

/** A server with so many messages, every third of them in the room "rust"; the content is the offset. */
async function filled(t, count) {
  const server = await Server.start(t);
  const writer = connect(t, server.url, { auth: { rooms: ["general", "rust"] } });
  await once(writer, "connect");
  const acks = [];
  for (let n = 1; n <= count; n++) {
    acks.push(send(writer, String(n), null, { room: n % 3 === 0 ? "rust" : "general" }));
  }
  await Promise.all(acks);
  return { server, writer };
}

const rust = (from, to) => numbers(from, to).filter((n) => n % 3 === 0);
const general = (from, to) => numbers(from, to).filter((n) => n % 3 !== 0);

test("history pages backwards to the beginning", async (t) => {
  const { server } = await filled(t, 500);
  const client = connect(t, server.url, { auth: { serverOffset: 500, rooms: ["rust"] } });
  const all = [];
  let before;
  for (;;) {
    const { messages, more } = await ask(client, "history", { room: "rust", before, limit: 40 });
    all.unshift(...messages);
    before = messages[0]?.offset;
    if (!more) break;
    assert.equal(messages.length, 40);
  }
  assert.deepEqual(contents(all), rust(1, 500));
  const { at, ...first } = all[0];
  assert.deepEqual(first, { content: "3", offset: 3, room: "rust", from: null, user: null, clientOffset: null });
  assert.equal(typeof at, "number");
  const newest = await ask(client, "history", { room: "rust" });
  assert.deepEqual([contents(newest.messages).at(-1), newest.messages.length, newest.more], ["498", 50, true]);
});

test("the private messages with somebody can be read back by the two", async (t) => {
  const { url } = await Server.start(t);
  const [ada, grace] = [await User.connected(t, url, "Ada"), await User.connected(t, url, "Grace")];
  for (let n = 0; n < 10; n++) await (n % 2 ? ada : grace).whisper(n % 2 ? "Grace" : "Ada", String(n));
  for (const [reader, other] of [[ada, "grace"], [grace, "ada"]]) {
    const { messages, more } = await ask(reader.socket, "history", { with: other, limit: 4 });
    assert.deepEqual([contents(messages), more], [["6", "7", "8", "9"], true]);
    const rest = await ask(reader.socket, "history", { with: other, before: messages[0].offset });
    assert.deepEqual([contents(rest.messages), rest.more], [["0", "1", "2", "3", "4", "5"], false]);
    const { from, to, room } = messages[3];
    assert.deepEqual([from, to, room], ["Ada", "Grace", undefined]);
  }
});

test("a page ends early when its messages are large, and the next goes on there", async (t) => {
  const { url } = await Server.start(t);
  const client = connect(t, url);
  const large = "x".repeat(65_000);
  for (let n = 0; n < 30; n++) await send(client, `${n} ${large}`);
  const offsets = [];
  for (let page = { more: true }; page.more; ) {
    page = await ask(client, "history", { room: "general", limit: 200, before: offsets[0] });
    // A page has 256 KiB at the most.
    assert.ok(page.messages.length > 0 && page.messages.length <= 4);
    offsets.unshift(...page.messages.map(({ offset }) => offset));
  }
  assert.deepEqual(offsets, Array.from({ length: 30 }, (_, n) => n + 1));
});

test("a client without an offset can begin with the newest messages of each room", async (t) => {
  const { server, writer } = await filled(t, 300);
  const auth = { rooms: ["general", "rust", "empty"], history: 5 };
  const client = new Recoverable(t, server.url, { auth });
  await client.has(10);
  await send(writer, "the end");
  await client.has(11);
  const expected = [...general(1, 300).slice(-5), ...rust(1, 300).slice(-5)].sort((a, b) => a - b);
  assert.deepEqual(client.contents, [...expected, "the end"]);
  const none = new Recoverable(t, server.url, { auth: { history: 0 } });
  await none.connected();
  await send(writer, "the very end");
  await none.has(1);
  assert.deepEqual(none.contents, ["the very end"]);
});

test("joining from an offset delivers the room from there, and repeats nothing of the others", async (t) => {
  const { server, writer } = await filled(t, 3000);
  const client = new Recoverable(t, server.url);
  await client.has(2000);
  const joined = ask(client.socket, "join", "rust", { after: 1500 });
  for (let n = 3001; n <= 3300; n++) {
    await send(writer, String(n), null, { room: n % 3 === 0 ? "rust" : "general" });
  }
  assert.equal((await joined).room, "rust");
  await client.has(2000 + 500 + 300);
  const inRoom = (all, room) => all.filter((n) => (n % 3 === 0) === (room === "rust"));
  assert.deepEqual(inRoom(client.contents, "general"), general(1, 3300));
  assert.deepEqual(inRoom(client.contents, "rust"), rust(1501, 3300));
});

test("a client that is cut off while it catches up goes on there, also after kill -9", async (t) => {
  for (const crash of [false, true]) {
    const { server } = await filled(t, 3000);
    const client = new Recoverable(t, server.url);
    await client.has(2000);
    const cut = new Promise((resolve) => {
      client.socket.on("chat message", (content) => content === "1200" && resolve());
    });
    client.socket.emit("join", "rust", { after: 0 });
    await cut;
    await cutOff(client.socket, async () => {
      if (!crash) return;
      await server.kill();
      await server.restart();
    });
    assert.equal(client.socket.recovered, true);
    await client.has(3000);
    await send(client.socket, "the end");
    await client.has(3001);
    const all = client.contents.slice(0, -1);
    assert.deepEqual(all.filter((n) => n % 3 !== 0), general(1, 3000));
    assert.deepEqual(all.filter((n) => n % 3 === 0), rust(1, 3000));
  }
});

test("joining from beyond the end is joining from the beginning", async (t) => {
  const { server } = await filled(t, 30);
  const client = new Recoverable(t, server.url, { auth: { serverOffset: 30, rooms: ["general"] } });
  await client.connected();
  await ask(client.socket, "join", "rust", { after: 1_000_000 });
  await client.has(10);
  assert.deepEqual(client.contents, rust(1, 30));
});

test("own messages do not come back live to a client without echo, and do in a replay", async (t) => {
  const { server, writer } = await filled(t, 3);
  const client = new Recoverable(t, server.url, { auth: { serverOffset: 3, echo: false } });
  const keys = [];
  client.socket.on("chat message", (_content, _offset, { clientOffset }) => keys.push(clientOffset));
  await client.connected();
  await send(client.socket, "mine", "key-1");
  await send(writer, "of another");
  await client.has(1);
  await send(client.socket, "mine too", "key-2");
  await cutOff(client.socket, () => send(writer, "missed"));
  await client.has(3);
  assert.deepEqual(client.contents, ["of another", "mine too", "missed"]);
  assert.deepEqual(keys, [null, "key-2", null]);
});

test("odd requests are refused", async (t) => {
  const { server } = await filled(t, 3);
  const client = connect(t, server.url);
  const code = async (...args) => (await ask(client, "history", ...args)).error?.code;
  assert.equal(await code({ room: "rust" }), "not_in_room");
  assert.equal(await code({ with: "Ada" }), "nickname_required");
  assert.equal(await code({ with: "" }), "invalid_nickname");
  const odd = [[], [null], [5], ["general"], [[]], [{}], [{ room: 5 }], [{ room: "" }], [{ room: "general", with: "Ada" }],
    ...[0, -1, 1.5, 201, 1e9, "five"].map((limit) => [{ room: "general", limit }]),
    ...[-1, 1.5, "five", {}].map((before) => [{ room: "general", before }])];
  for (const args of odd) assert.equal(await code(...args), "invalid_arguments", JSON.stringify(args));
  for (const after of [-1, 1.5, "five", {}]) {
    const { error } = await ask(client, "join", "rust", { after });
    assert.equal(error?.code, "invalid_arguments", JSON.stringify(after));
  }
  client.emit("history", { room: "general" });
  assert.equal((await ask(client, "history", { room: "general", before: 1 })).messages.length, 0);
});

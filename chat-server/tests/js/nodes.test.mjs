// Several nodes with one log: clients must not be able to tell.
//
// The nodes are those of tests/it/nodes.rs, which runs this for every way they can be connected.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { connect, Reader, send } from "./support/client.mjs";
import { seeded } from "./support/random.mjs";
import { cutOff, Recoverable, sameSecret } from "./support/recoverable.mjs";

const urls = process.env.CHAT_NODE_URLS.split(",");
assert.ok(urls.length >= 2, "there must be several nodes");

/** The end of the log, which tests share. */
async function tail(t, url = urls[0]) {
  const socket = connect(t, url);
  const { offset } = await send(socket, "the end so far");
  socket.close();
  return offset;
}

test("everybody sees one order, whichever node they are on", async (t) => {
  const from = await tail(t);
  const readers = urls.map((url) => new Reader(t, url, { from }));
  const senders = urls.map((url) => connect(t, url, { auth: { serverOffset: from } }));
  const acked = await Promise.all(
    senders.map(async (socket, node) => {
      const acks = [];
      for (let n = 0; n < 100; n++) {
        const content = `${node}: ${n}`;
        acks.push({ content, offset: (await send(socket, content)).offset });
      }
      return acks;
    }),
  );
  const last = from + 100 * urls.length;
  await Promise.all(readers.map((reader) => reader.reached(last)));
  for (const reader of readers) {
    reader.assertWhole(acked.flat());
    assert.deepEqual(reader.contents, readers[0].contents);
  }
});

test("a retry at another node is recognised, also while the first try is on its way", async (t) => {
  const sockets = urls.map((url) => connect(t, url));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  for (let n = 0; n < 20; n++) {
    const key = randomUUID();
    const answers = await Promise.all(sockets.map((socket) => send(socket, "once", key)));
    assert.equal(new Set(answers.map(({ offset }) => offset)).size, 1);
    assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1);
  }
});

test("a key reaches its author on every node, and nobody else", async (t) => {
  const from = await tail(t);
  const auth = { serverOffset: from, nickname: "Ada of the keys", token: randomUUID() };
  const options = urls.flatMap((url) => [[url, { auth }], [url, { auth: { serverOffset: from } }]]);
  const sockets = options.map(([url, options]) => connect(t, url, options));
  const keys = sockets.map(() => []);
  sockets.forEach((socket, n) => socket.on("chat message", (_content, _offset, meta) => keys[n].push(meta.clientOffset)));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const sent = urls.map(() => randomUUID());
  const reader = new Reader(t, urls.at(-1), { from });
  for (const [n, key] of sent.entries()) await send(sockets[2 * n], "mine", key);
  // The same key of somebody else, on another node than the author's.
  const other = await send(sockets.at(-1), "not mine", sent[0]);
  assert.deepEqual(other, { offset: from + sent.length + 1, duplicate: false });
  await reader.reached(other.offset);
  for (const [n, socket] of sockets.entries()) {
    const enough = new Promise((resolve) => {
      const look = () => keys[n].length === sent.length + 1 && resolve();
      socket.on("chat message", look);
      look();
    });
    await within(20, () => `${keys[n].length} deliveries`, enough);
    const isAda = n % 2 === 0;
    const last = socket === sockets.at(-1) ? sent[0] : null;
    assert.deepEqual(keys[n], [...sent.map((key) => (isAda ? key : null)), last], `client ${n}`);
  }
});

test("a client that moves between nodes gets its session and misses nothing", async (t) => {
  const random = seeded(t);
  const from = await tail(t);
  const talker = connect(t, urls[0], { auth: { serverOffset: from } });
  const client = new Recoverable(t, urls[0], { auth: { serverOffset: from } });
  await client.connected();
  const { id } = client.socket;
  const sent = [];
  const say = async (content) => {
    sent.push(content);
    await send(talker, content);
  };
  for (let move = 0; move < 12; move++) {
    await say(`before ${move}`);
    if (random.oneIn(2)) await client.has(sent.length);
    client.socket.io.uri = urls[random.between(0, urls.length - 1)];
    await cutOff(client.socket, () => say(`missed ${move}`));
    assert.equal(client.socket.recovered, true, `move ${move}`);
    assert.equal(client.socket.id, id);
  }
  await say("the end");
  await client.has(sent.length);
  assert.deepEqual(client.contents, sent);
});

test("a session that is taken over at another node is closed where it was", async (t) => {
  const from = await tail(t);
  const client = new Recoverable(t, urls[0], { auth: { serverOffset: from } });
  await client.connected();
  const { id } = client.socket;
  const closed = once(client.socket, "disconnect");
  const newer = sameSecret(t, urls[1], client.socket);
  await newer.connected();
  assert.deepEqual([newer.socket.recovered, newer.socket.id], [true, id]);
  assert.deepEqual((await closed).slice(0, 1), ["io server disconnect"]);
  await send(connect(t, urls[0]), "for the newer one");
  await newer.has(1);
  assert.deepEqual(newer.contents, ["for the newer one"]);
});

test("a message is on the other nodes sooner than they would look for it by themselves", async (t) => {
  const from = await tail(t);
  const talker = connect(t, urls[0], { auth: { serverOffset: from } });
  const readers = urls.map((url) => new Reader(t, url, { from }));
  await Promise.all(readers.map(({ socket }) => once(socket, "connect")));
  const delays = [];
  for (let n = 1; n <= 20; n++) {
    const since = performance.now();
    await send(talker, `message ${n}`);
    await within(10, "everywhere", Promise.all(readers.map((reader) => reader.reached(from + n))));
    delays.push(performance.now() - since);
  }
  const median = delays.sort((a, b) => a - b)[10];
  // Without append notifications it would be half of the second after which a node looks.
  assert.ok(median < 250, `${median.toFixed(0)} ms`);
});

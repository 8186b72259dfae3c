// Clients with socket.io-msgpack-parser, beside those with the parser that the client comes with.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { defer, once, sleep, within } from "./support/bounds.mjs";
import { connect, msgpack as parser, Reader, send, TRANSPORTS, WebSocket } from "./support/client.mjs";
import { ask, tokenOf } from "./support/users.mjs";
import { Polling, RawWebSocket } from "./support/raw.mjs";
import { cutOff, Recoverable } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const packet = (content) => Buffer.from(new parser.Encoder().encode(content)[0]);

/** All that a client is told in a delivery. */
const deliveries = (socket) => {
  const all = [];
  socket.on("chat message", (...args) => all.push(args));
  return all;
};

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`over ${name}, a client is served as one with JSON is`, { timeout: 60_000 }, async (t) => {
    const { url } = await Server.start(t);
    const auth = { nickname: "Ada", token: tokenOf("Ada") };
    const ada = connect(t, url, { parser, transports, auth });
    const json = connect(t, url, { transports });
    const both = [ada, json];
    const got = both.map(deliveries);
    const [[named]] = await Promise.all([once(ada, "nickname"), ...both.map((socket) => once(socket, "connect"))]);
    assert.equal(named.nickname, "Ada");
    assert.match(ada.id, /^[\w-]{16,}$/);
    assert.equal(typeof ada._pid, "string");
    if (transports === undefined) {
      while (ada.io.engine.transport.name !== "websocket") await sleep(20);
    }

    // 10,000 bytes of it, of every length that UTF-8 has.
    const long = "aé€💥".repeat(1000);
    assert.equal(Buffer.byteLength(long), 10_000);
    const contents = ["hi", "\"\\\u0001\u2028\u007f", long, "5", "[]", "b"];
    for (const [index, content] of contents.entries()) {
      const ack = await send(both[index % 2], content, `key ${index}`);
      assert.deepEqual([ack.offset, ack.duplicate], [index + 1, false], content.slice(0, 20));
    }
    const again = await send(ada, "hi", "key 0");
    assert.deepEqual([again.offset, again.duplicate], [1, true]);
    const refusal = await send(ada, "other", "key 0");
    assert.equal(refusal.error.code, "client_offset_conflict");
    await send(json, "the last");
    while (got.some((all) => all.length < contents.length + 1)) await sleep(20);
    // The key is its author's alone.
    const shown = got.map((all) =>
      all.map(([content, offset, { clientOffset, ...meta }, recovery]) => [content, offset, meta, recovery]),
    );
    assert.deepEqual(shown[0], shown[1]);
    assert.deepEqual(shown[0].map(([content]) => content), [...contents, "the last"]);
    assert.equal(got[0][0][2].clientOffset, "key 0");
    assert.equal(got[1][0][2].clientOffset ?? undefined, undefined);

    const question = { room: "general", limit: 100 };
    const pages = await Promise.all(both.map((socket) => ask(socket, "history", question)));
    assert.deepEqual(pages[0].messages.map(({ content }) => content), [...contents, "the last"]);
    assert.deepEqual(pages[0].messages.map(({ offset }) => offset), pages[1].messages.map(({ offset }) => offset));
    assert.deepEqual((await ask(ada, "users", "general")).nicknames, ["Ada"]);
  });

  test(`over ${name}, a client reads a long history and recovers`, { timeout: 60_000 }, async (t) => {
    const { url } = await Server.start(t);
    const talker = connect(t, url);
    const say = (count) => Promise.all(Array.from({ length: count }, (_, n) => send(talker, `message ${n} ${"é".repeat(n)}`)));
    await say(500);
    const reader = new Reader(t, url, { parser, transports });
    await reader.reached(500);
    reader.assertWhole();

    const client = new Recoverable(t, url, { parser, transports, auth: { serverOffset: 498 } });
    await client.has(2);
    const { id } = client.socket;
    for (const missed of [0, 3, 200]) {
      const before = client.contents.length;
      await cutOff(client.socket, () => say(missed));
      assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
      assert.ok((await send(client.socket, "back")).offset > 0);
      await client.has(before + missed + 1);
      assert.equal(client.contents.length, before + missed + 1);
    }
  });

  test(`over ${name}, who may not connect is told why`, async (t) => {
    const { url } = await Server.start(t);
    const refused = async (auth) => {
      const socket = connect(t, url, { parser, transports, auth, reconnection: false });
      const [{ message, data }] = await once(socket, "connect_error");
      assert.equal(message, `${data.code}: ${data.message}`);
      return data.code;
    };
    assert.equal(await refused({ token: "x".repeat(500_000) }), "too_large");
    assert.equal(await refused({ nickname: "é".repeat(200) }), "invalid_nickname");
  });

  test(`over ${name}, what is too large is refused and the connection stays`, async (t) => {
    const { url } = await Server.start(t);
    const reader = new Reader(t, url, { parser, transports });
    // The second is larger as JSON than it is as it was sent.
    for (const content of ["x".repeat(500_000), "\u0001".repeat(70_000)]) {
      const { error } = await send(reader.socket, content);
      assert.equal(error.code, "invalid_content");
      assert.match(error.message, /bytes, 402560 is the most/);
      const { offset } = await send(reader.socket, "a shorter one");
      await reader.reached(offset);
    }
    assert.deepEqual(reader.disconnects, []);
  });
}

// Each with the map of an event around it.
const event = (...data) => Buffer.concat([Buffer.from("84a474797065", "hex"), Buffer.from([2, 0xa3]), Buffer.from("nsp"),
  Buffer.from("a12fa26964", "hex"), Buffer.from([7, 0xa4]), Buffer.from("data"), ...data.map((hex) => Buffer.from(hex, "hex"))]);
const whole = packet({ type: 2, nsp: "/", id: 7, data: ["chat message", "x"] });

const MALFORMED = {
  "nothing": Buffer.alloc(0),
  "one byte": Buffer.from([0x82]),
  "no map": packet([1, 2]),
  "half a packet": whole.subarray(0, whole.length - 1),
  "more than a packet": Buffer.concat([whole, Buffer.from([0xc0])]),
  "a type that is none": packet({ type: 5, nsp: "/", data: ["x"] }),
  "no type": packet({ nsp: "/", data: ["x"] }),
  "no namespace": packet({ type: 2, data: ["x"] }),
  "a namespace with a comma": packet({ type: 2, nsp: "/a,b", data: ["x"] }),
  "no data": packet({ type: 2, nsp: "/" }),
  "an object for arguments": packet({ type: 2, nsp: "/", data: { 0: "x" } }),
  "an ack without an id": packet({ type: 3, nsp: "/", data: ["x"] }),
  "an id that is negative": packet({ type: 2, nsp: "/", id: -1, data: ["x"] }),
  "an error of a client's": packet({ type: 4, nsp: "/", data: "x" }),
  "a date": packet({ type: 2, nsp: "/", data: ["x", new Date(0)] }),
  "a number that is none": packet({ type: 2, nsp: "/", data: ["x", NaN] }),
  "an extension": event("92a178", "d40500"),
  "a reserved byte": event("92a178", "c1"),
  "a key that is a number": event("92a178", "810102"),
  "bytes that are no UTF-8": event("91a2c328"),
  "an array without end": event("ddffffffff"),
  "a map without end": event("91dfffffffff"),
  "a string without end": event("91dbffffffff"),
  "too deep": event("91".repeat(50_000)),
  "maps that are too deep": event("81a161".repeat(20_000)),
};

for (const transport of ["websocket", "polling"]) {
  test(`${transport}: packets that no client sends cost the connection and nothing else`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t, { args: ["--log", "chat_server=debug"] });
    const other = new Reader(t, server.url, { parser });
    for (const [what, bytes] of Object.entries(MALFORMED)) {
      const socket = connect(t, server.url, { parser, transports: [transport], reconnection: false });
      await once(socket, "connect");
      const gone = once(socket, "disconnect", 5);
      const { transport: engine } = socket.io.engine;
      if (transport === "websocket") engine.ws.send(bytes);
      else await (await fetch(engine.uri(), { method: "POST", body: `b${bytes.toString("base64")}` })).text();
      await gone.catch(() => assert.fail(`${what} was taken`));
      const { offset } = await send(other.socket, `after ${what}`);
      await other.reached(offset);
    }
    assert.deepEqual(other.disconnects, []);
    other.assertWhole();
    const lines = server.process.stdout + server.process.stderr;
    assert.equal(lines.match(/WARN.*a packet of MessagePack was refused/g)?.length, 1, lines);
    assert.equal(lines.match(/a packet of MessagePack was refused/g).length, Object.keys(MALFORMED).length);
  });
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`over ${name}, what is dropped costs no memory`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const client = connect(t, server.url, { parser, transports });
    await once(client, "connect");
    const before = server.peakMemory();
    const huge = ["x".repeat(3_000_000), Array(1_000_000).fill(0), { x: Buffer.alloc(3_000_000) }, Array(100_000).fill([[]])];
    for (const content of huge) {
      const { error } = await send(client, content);
      assert.equal(error.code, "invalid_content");
    }
    assert.ok(server.peakMemory() - before < 8, `${server.peakMemory() - before} MiB`);
    assert.equal((await send(client, "after it")).offset, 1);
  });
}

test("the file for browsers that the server hands out works with it", async (t) => {
  const { url } = await Server.start(t);
  const script = await (await fetch(`${url}/socket.io/socket.io.msgpack.min.js`)).text();
  // What it needs of a browser.
  const page = { WebSocket, setTimeout, clearTimeout, ArrayBuffer, DataView, Uint8Array, URL, module: undefined };
  page.self = page;
  runInNewContext(script, page);
  const socket = page.io(url, { transports: ["websocket"], auth: { nickname: "Ada", token: tokenOf("Ada") } });
  defer(t, () => socket.close());
  const got = deliveries(socket);
  await once(socket, "connect");
  assert.equal((await send(socket, "aé€💥")).offset, 1);
  while (got.length < 1) await sleep(20);
  assert.deepEqual(got[0].slice(0, 2), ["aé€💥", 1]);
});

test("a client is served whatever it says of itself", async (t) => {
  const { url } = await Server.start(t);
  for (const auth of [undefined, "text", "", [1, 2], 5, { serverOffset: undefined }, { serverOffset: 2 ** 63 }, { nested: [[[{}]]] }]) {
    const socket = connect(t, url, { parser, auth });
    await once(socket, "connect");
    assert.ok((await send(socket, `after ${JSON.stringify(auth)}`)).offset > 0);
    socket.close();
  }
});

test("text that is no Base64 costs the connection", async (t) => {
  const server = await Server.start(t);
  const socket = connect(t, server.url, { parser, transports: ["polling"], reconnection: false });
  await once(socket, "connect");
  const gone = once(socket, "disconnect");
  await (await fetch(socket.io.engine.transport.uri(), { method: "POST", body: "b????" })).text();
  await gone;
});

test("several packets of a body are answered in their order", async (t) => {
  const { url } = await Server.start(t);
  const client = await Polling.open(url, { auth: null });
  const encode = (content) => `b${packet(content).toString("base64")}`;
  assert.equal((await client.post(encode({ type: 0, nsp: "/" }))).status, 200);
  await client.until((text) => text.startsWith("b"));
  const body = [1, 2, 3].map((id) => ({ type: 2, nsp: "/", id, data: ["chat message", `${id}`] }));
  assert.equal((await client.post(body.map(encode).join("\x1e"))).status, 200);
  const ids = [];
  await client.until((text) => {
    assert.match(text, /^b|^2$|^6$/);
    if (!text.startsWith("b")) return false;
    const decoder = new parser.Decoder();
    decoder.on("decoded", ({ type, id }) => type === 3 && ids.push(id));
    decoder.add(Buffer.from(text.slice(1), "base64"));
    return ids.length === 3;
  });
  assert.deepEqual(ids, [1, 2, 3]);
});

test("a client that goes in the middle of a packet is gone", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const header = [0x82, 0x90, 1, 2, 3, 4];
  const large = [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 9, 9, 9, 9];
  for (const sent of [header.slice(0, 1), header.slice(0, 4), [...header, 0x84], [0x81], large, [...large, 1]]) {
    const raw = await RawWebSocket.open(t, server.url, "/socket.io/?EIO=4&transport=websocket");
    raw.socket.end(Buffer.from(sent));
    await within(10, `the end after ${sent}`, raw.closed);
  }
});

// A client that polls tries a websocket: when that breaks, it goes on as before.

import assert from "node:assert/strict";
import { connect as tcp, createServer } from "node:net";
import { test } from "node:test";
import { defer, once, sleep, within } from "./support/bounds.mjs";
import { assertAllWhole, connect, Reader, send, TRANSPORTS } from "./support/client.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Polling, RawWebSocket } from "./support/raw.mjs";
import { PersistentSender } from "./support/sender.mjs";
import { Server } from "./support/server.mjs";
import { ask, connected, upgraded } from "./support/wire.mjs";

const upgrade = (sid) => `/socket.io/?EIO=4&transport=websocket&sid=${sid}`;

/** A proxy that passes everything but the frames of websockets: it cuts the connection at the first, or swallows them. */
async function withoutWebsockets(t, server, { swallow }) {
  const listener = createServer((client) => {
    const upstream = tcp(server.port, "127.0.0.1");
    let upgraded = false;
    upstream.on("data", (chunk) => {
      if (upgraded && swallow) return;
      client.write(chunk);
      upgraded ||= chunk.toString("latin1").startsWith("HTTP/1.1 101");
    });
    client.on("data", (chunk) => {
      if (!upgraded) upstream.write(chunk);
      else if (!swallow) client.destroy();
    });
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
    defer(t, () => client.destroy());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  defer(t, () => listener.close());
  return `http://127.0.0.1:${listener.address().port}`;
}

for (const swallow of [false, true]) {
  const what = swallow ? "swallows the frames of" : "cuts";
  test(`behind a proxy that ${what} websockets clients chat by polling`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const url = await withoutWebsockets(t, server, { swallow });
    const clients = [1, 2, 3].map(() => new Reader(t, url, { transports: TRANSPORTS.default }));
    await Promise.all(clients.map(({ socket }) => once(socket, "connect")));
    // Longer than the server waits for a client to move.
    const until = performance.now() + (swallow ? 12_000 : 2000);
    let last;
    for (let number = 0; performance.now() < until; number++) {
      const { socket } = clients[number % clients.length];
      last = (await send(socket, `message ${number}`)).offset;
      await sleep(100);
    }
    for (const client of clients) {
      await client.reached(last);
      client.assertWhole();
      assert.deepEqual(client.disconnects, []);
      assert.equal(client.socket.io.engine.transport.name, "polling");
    }
  });
}

test("a websocket that breaks before the move leaves the connection polled", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const client = await Polling.open(server.url);
  for (const sent of [[], ["2probe"], ["4"], ["2probe", "4x"]]) {
    const broken = await RawWebSocket.open(t, server.url, upgrade(client.sid));
    assert.equal(broken.status, 101);
    for (const text of sent) {
      broken.send(text);
      if (text === "2probe") assert.equal(await broken.next(), "3probe");
    }
    // While the client may move, a poll is short, and not answered at once again and again.
    if (sent.length === 1 && sent[0] === "2probe") {
      const since = performance.now();
      for (let poll = 0; poll < 3; poll++) await client.until((packet) => packet === "6");
      assert.ok(performance.now() - since > 200);
    }
    broken.socket.destroy();
    await sleep(100);
    assert.equal((await client.post(`42${sent.length}["chat message","after ${sent}"]`)).status, 200);
    const ack = await client.until((packet) => packet.startsWith(`43${sent.length}[`));
    assert.match(ack, /"offset":\d+/);
  }
});

test("a connection that ends while it moves is gone", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const moved = await Polling.open(server.url);
  const socket = await RawWebSocket.open(t, server.url, upgrade(moved.sid));
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5");
  socket.socket.destroy();
  await sleep(300);
  assert.equal((await moved.get()).status, 400);
  const witness = await Polling.open(server.url, { auth: { rooms: ["general"] } });
  await sleep(6000); // Beyond the grace of who is gone.
  assert.equal((await witness.post('421["users","general"]')).status, 200);
  const users = await witness.until((packet) => packet.startsWith("431["));
  assert.equal(JSON.parse(users.slice(3))[0].users, 1);
});

test("messages that were too many bytes for the last poll come over the websocket", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const talker = connect(t, server.url);
  const reader = await connected(t, server.url, "polling");
  // Each character takes six bytes of JSON, so that two messages are more than a poll gets, but not too many to wait.
  const contents = ["1", "2", "3"].map((number) => number + "\u0001".repeat(40_000));
  for (const content of contents.slice(0, 2)) await send(talker, content);
  await sleep(500);
  const { text } = await reader.polling.get();
  assert.deepEqual(text.match(/(?<=\["chat message",")./g), ["1"], "one of them");
  const frames = await upgraded(t, server.url, reader.polling.sid);
  await send(talker, contents[2]);
  for (const content of contents.slice(1)) {
    const message = await frames.until((packet) => packet.startsWith('42["chat message"'));
    assert.equal(JSON.parse(message.slice(2))[1][0], content[0]);
  }
});

test("a client that moves without waiting for the end of its poll has moved", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  for (let round = 0; round < 10; round++) {
    const client = await connected(t, server.url, "polling", '{"rooms":["quiet"]}');
    const { poll } = await client.wait();
    const frames = await upgraded(t, server.url, client.polling.sid);
    assert.deepEqual(await poll, { status: 200, text: "6" });
    assert.equal((await ask(frames, round, ["no such event"]))[0].error.code, "unknown_event");
  }
});

/** Two readers and somebody who sends, each behind the proxy. */
function behind(t, { url }, transports) {
  // A connection that is lost while it opens ends by this alone.
  const options = { transports, timeout: 2000 };
  const sender = new PersistentSender(t, url, "sender", options);
  const readers = [sender.reader, ...[1, 2].map(() => new Reader(t, url, options))];
  let sent = 0;
  const burst = async (count, bytes = 10) => {
    const message = () => `message ${sent++} ${"x".repeat(bytes)}`;
    const acks = Promise.all(Array.from({ length: count }, () => sender.send(message())));
    await within(40, () => `${sender.acked.length} messages are acked`, acks);
  };
  const whole = async (...transports) => {
    await assertAllWhole(readers, sender.acked.length, sender.acked);
    for (const { socket } of readers) {
      assert.ok(socket.connected);
      const { name } = socket.io.engine.transport;
      assert.ok(transports.includes(name), name);
    }
  };
  return { readers, burst, whole };
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: everything arrives once through a proxy that is slow and passes each byte by itself`, { timeout: 90_000 }, async (t) => {
    const proxy = Object.assign(await Proxy.start(t, await Server.start(t)), { delay: 10, grain: 1 });
    const { readers, burst, whole } = behind(t, proxy, transports);
    for (let round = 0; round < 5; round++) await burst(5, 200);
    await whole(name === "polling" ? "polling" : "websocket");
    for (const { disconnects } of readers) assert.deepEqual(disconnects, []);
  });

  for (const direction of ["up", "down"]) {
    test(`${name}: everything arrives once when connections lose what goes ${direction}`, { timeout: 90_000 }, async (t) => {
      const server = await Server.start(t, { args: ["--ping-interval", "1s", "--ping-timeout", "1s"] });
      const proxy = await Proxy.start(t, server);
      const { burst, whole } = behind(t, proxy, transports);
      for (let round = 0; round < 4; round++) {
        const acked = burst(20);
        await sleep(round * 30);
        proxy.swallow(direction);
        await acked;
      }
      await burst(5);
      // A polled client whose probe was lost stays polled, as with Node.js.
      await whole(...(name === "default" ? ["polling", "websocket"] : [name]));
    });
  }
}

for (const direction of ["up", "down"]) {
  test(`everything arrives once when websockets lose what goes ${direction} as soon as they work`, { timeout: 90_000 }, async (t) => {
    const server = await Server.start(t, { args: ["--ping-interval", "1s", "--ping-timeout", "1s"] });
    const proxy = Object.assign(await Proxy.start(t, server), { lostByWebsockets: direction });
    const { readers, burst, whole } = behind(t, proxy, TRANSPORTS.default);
    const acked = burst(20);
    await Promise.all(readers.map(({ socket }) => once(socket, "disconnect", 20)));
    proxy.lostByWebsockets = undefined;
    await acked;
    await burst(5);
    await sleep(2000);
    await burst(5);
    await whole("websocket");
  });
}

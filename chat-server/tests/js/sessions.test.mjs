// How many clients may be connected, or about to.

import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { Polling, RawWebSocket, SEPARATOR } from "./support/raw.mjs";
import { Server } from "./support/server.mjs";

const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";

/** What a server answers to one client too many. */
async function refused(t, url, status) {
  const response = await fetch(url + new Polling(url).query());
  assert.equal(response.status, status);
  assert.ok(Number(response.headers.get("retry-after")) > 0);
  const { code, message, retryAfter } = await response.json();
  assert.equal(code, "too_many_connections");
  assert.match(message, /--max-/);
  assert.ok(retryAfter > 0);
  assert.equal((await RawWebSocket.open(t, url, WEBSOCKET)).status, status);
}

test("the oldest client that has not connected makes room", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--max-handshakes", "3"] });
  const connected = connect(t, server.url);
  await once(connected, "connect");
  const open = () => Polling.open(server.url, { auth: null });
  const [first, second] = [await open(), await open()];
  const websocket = await RawWebSocket.open(t, server.url, WEBSOCKET);
  await refused(t, server.url, 503);
  await sleep(1100);
  const late = connect(t, server.url, { transports: TRANSPORTS.polling });
  await once(late, "connect");
  assert.equal((await first.get()).status, 400, "the oldest");
  assert.equal((await second.post("40")).status, 200);
  websocket.send("40");
  assert.match(await websocket.next(), /^0/);
  let packet;
  do packet = await websocket.next();
  while (packet === "2");
  assert.match(packet, /^40/);
  await send(connected, "never in danger");
});

test("whoever does not connect in time is cut off", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--handshake-timeout", "1s"] });
  const polling = await Polling.open(server.url, { auth: null });
  const websocket = await RawWebSocket.open(t, server.url, WEBSOCKET);
  const connected = connect(t, server.url);
  await once(connected, "connect");
  await within(5, "the websocket is closed", websocket.closed);
  assert.equal((await polling.post("40")).status, 400);
  await sleep(500);
  assert.equal(connected.connected, true);
});

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client that finds no place comes in when there is one`, { timeout: 30_000 }, async (t) => {
    const server = await Server.start(t, { args: ["--max-sessions", "2"] });
    const [first, second] = [connect(t, server.url, { transports }), connect(t, server.url, { transports })];
    await Promise.all([once(first, "connect"), once(second, "connect")]);
    await refused(t, server.url, 503);
    const third = connect(t, server.url, { transports });
    await once(third, "connect_error");
    await send(second, "still served");
    first.close();
    await once(third, "connect");
    assert.match(server.process.stderr, /turned away: .*--max-sessions.* client\.address=127\.0\.0\.1\n/);
    assert.equal(server.process.stderr.match(/turned away/g).length, 1, "the log says it once");
  });
}

test("a limit out of its range is refused in one line", async (t) => {
  const { spawnBinary } = await import("./support/server.mjs");
  for (const [option, value] of [["--max-sessions", "0"], ["--handshake-timeout", "0s"], ["--max-message-bytes", "65537"]]) {
    const server = spawnBinary(["--listen", "127.0.0.1:0", "--store", "memory:", option, value]);
    assert.equal((await server.closed).code, 1);
    assert.match(server.stderr, /^chat-server: the limit \w+ is \S+; it has to be from .* to .*\n$/);
  }
});

/** What is larger than any event may be. */
const HUGE = "x".repeat(3_000_000);

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: an event that is too large to be read is refused, and costs no memory`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const client = connect(t, server.url, { transports, auth: { nickname: "Ada" } });
    const gone = [];
    client.on("disconnect", (reason) => gone.push(reason));
    await once(client, "connect");
    const before = server.peakMemory();
    for (const event of ["chat message", "join", "nickname", "history", "typing", "no event"]) {
      const { error } = await client.timeout(20_000).emitWithAck(event, HUGE, HUGE);
      assert.equal(error.code, "invalid_content", event);
      assert.match(error.message, /60000\d\d bytes, 402560 is the most/);
    }
    const huge = Array.from({ length: 5 }, () => client.timeout(20_000).emitWithAck("chat message", HUGE));
    const between = send(client, "between");
    for (const { error } of await Promise.all(huge)) assert.equal(error.code, "invalid_content");
    assert.equal((await between).offset, 1);
    assert.deepEqual(gone, []);
    assert.ok(server.peakMemory() - before < 8, `${server.peakMemory() - before} MiB`);
    // Without an ack nobody is told.
    client.emit("chat message", HUGE);
    assert.equal((await send(client, "after it")).offset, 2);

    const refused = connect(t, server.url, { transports, auth: { token: HUGE }, reconnection: false });
    const [error] = await once(refused, "connect_error");
    assert.equal(error.data.code, "too_large");
    assert.equal(error.message, `too_large: ${error.data.message}`);
  });
}

test("beyond 16 MiB a packet ends the connection", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const innocent = connect(t, server.url);
  await once(innocent, "connect");
  const enough = "x".repeat(17 * 1024 * 1024);
  for (const transports of [TRANSPORTS.websocket, TRANSPORTS.polling]) {
    const client = connect(t, server.url, { transports, reconnection: false });
    await once(client, "connect");
    const before = server.peakMemory();
    client.emit("chat message", enough);
    await once(client, "disconnect", 20);
    assert.ok(server.peakMemory() - before < 8);
  }
  await send(innocent, "undisturbed");
});

test("a message over the server's own limit is refused with a code", async (t) => {
  const server = await Server.start(t, { args: ["--max-message-bytes", "10"] });
  for (const transports of Object.values(TRANSPORTS)) {
    const client = connect(t, server.url, { transports });
    assert.equal((await send(client, "x".repeat(10))).error, undefined);
    const { error } = await send(client, "é".repeat(6));
    assert.equal(error.code, "too_large");
    assert.match(error.message, /12 bytes.* 10 is the most/);
  }
});

test("large events that never end cost a bounded amount, and small ones are not held up", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const innocent = connect(t, server.url);
  await once(innocent, "connect");
  const before = server.peakMemory();
  // All but the last byte of the largest event that is taken: in 300 websockets, and in 300 requests.
  const event = (length) => Buffer.from(`42["chat message","${"x".repeat(length)}"]`);
  const unfinished = (event) => {
    const head = Buffer.alloc(14);
    head.set([0x81, 0x80 | 127]);
    head.writeBigUInt64BE(BigInt(event.length), 2);
    return Buffer.concat([head, event]).subarray(0, -1);
  };
  const largest = event(400_000);
  const frame = unfinished(largest);
  const polling = await Polling.open(server.url);
  const request = [`POST ${polling.query()} HTTP/1.1`, "Host: 127.0.0.1", `Content-Length: ${largest.length}`, "", ""].join("\r\n");
  const body = Buffer.concat([Buffer.from(request), largest]).subarray(0, -1);
  const all = Array.from({ length: 300 }, async () => {
    const websocket = await RawWebSocket.open(t, server.url, WEBSOCKET);
    websocket.send("40");
    const raw = await RawWebSocket.open(t, server.url, "/healthz");
    await Promise.all([
      new Promise((resolve) => websocket.socket.write(frame, resolve)),
      new Promise((resolve) => raw.socket.write(body, resolve)),
    ]);
  });
  await within(40, "all is sent", Promise.all(all));
  await sleep(500);
  const { offset } = await send(innocent, "small");
  assert.equal(offset, 1);
  const grown = server.peakMemory() - before;
  // 240 MiB and more without a bound.
  assert.ok(grown < 200, `${grown} MiB`);
  // Until there is room for none of these either.
  for (let number = 0; number < 20; number++) {
    const websocket = await RawWebSocket.open(t, server.url, WEBSOCKET);
    websocket.send("40");
    websocket.socket.write(unfinished(event(50_000)));
  }
  await sleep(500);
  const { error } = await send(innocent, "x".repeat(60_000));
  assert.equal(error.code, "slow_down");
  assert.equal(error.retryAfter, 1000);
});

for (const [client, least, most] of [["python-requests/2.32.3", 2, 16], ["node-XMLHttpRequest", 17, 66]]) {
  test(`a payload has no more packets than ${client} takes, and is not to be kept`, async (t) => {
    const server = await Server.start(t);
    const polling = new Polling(server.url);
    // Not with `fetch`, which sends a header of browsers.
    polling.sid = await new Promise((resolve, reject) => {
      const request = get(server.url + polling.query(), { headers: { "User-Agent": client } }, async (response) => {
        resolve(JSON.parse((await response.toArray()).join("").slice(1)).sid);
      });
      request.on("error", reject);
    });
    assert.equal((await polling.post(`40${JSON.stringify({ serverOffset: 0 })}`)).status, 200);
    await polling.until((packet) => packet.startsWith("40"));
    const writer = connect(t, server.url);
    const last = 300;
    await Promise.all(Array.from({ length: last }, (_, n) => send(writer, `message ${n + 1}`)));
    const offsets = [];
    let longest = 0;
    while (offsets.at(-1) !== last) {
      const response = await fetch(server.url + polling.query());
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("cache-control"), "no-store");
      const packets = (await response.text()).split(SEPARATOR);
      longest = Math.max(longest, packets.length);
      for (const packet of packets) {
        if (packet.startsWith('42["chat message"')) offsets.push(JSON.parse(packet.slice(2))[2]);
      }
    }
    assert.ok(least <= longest && longest <= most, `${longest} packets`);
    assert.deepEqual(offsets, Array.from({ length: last }, (_, n) => n + 1));
  });
}

// What everybody may know of a client, its `socket.id`, lets nobody act as it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, Reader, send, TRANSPORTS } from "./support/client.mjs";
import { Polling, RawWebSocket } from "./support/raw.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const websocket = (sid) => `/socket.io/?EIO=4&transport=websocket&sid=${sid}`;

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a public id is no way to a connection`, { timeout: 30_000 }, async (t) => {
    const server = await Server.start(t);
    const victim = new Reader(t, server.url, { transports });
    await once(victim.socket, "connect");
    const { id } = victim.socket;
    assert.match(id, /^[\w-]{20}$/);
    assert.notEqual(id, victim.socket.io.engine.id);

    const stranger = new Polling(server.url);
    for (const { status, text } of [await stranger.post('42["chat message","as you"]', id), await stranger.get(id)]) {
      assert.equal(status, 400);
      assert.deepEqual(JSON.parse(text), { code: 1, message: "Session ID unknown" });
    }
    assert.equal((await RawWebSocket.open(t, server.url, websocket(id))).status, 400);

    const { offset } = await send(victim.socket, "still here");
    await victim.reached(offset);
    assert.deepEqual(victim.contents, ["still here"]);
    assert.deepEqual(victim.disconnects, []);
  });
}

test("a public id stays when the session is recovered, by whichever transport", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  for (const transports of Object.values(TRANSPORTS)) {
    const client = connect(t, server.url, { transports });
    await once(client, "connect");
    const { id } = client;
    await send(client, "hi");
    await cutOff(client);
    assert.equal(client.recovered, true);
    assert.equal(client.id, id);
    assert.notEqual(client.io.engine.id, id);
  }
});

test("without recovery a client has a public id too", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--recovery-window", "0s"] });
  for (const transports of Object.values(TRANSPORTS)) {
    const client = connect(t, server.url, { transports });
    await once(client, "connect");
    assert.match(client.id, /^[\w-]{20}$/);
    assert.notEqual(client.id, client.io.engine.id);
  }
});

test("requests that are refused leave a connection as it is", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const client = new Reader(t, server.url, { transports: TRANSPORTS.default });
  await once(client.socket, "connect");
  if (client.socket.io.engine.transport.name !== "websocket") await once(client.socket.io.engine, "upgrade");
  await sleep(100);
  // Its own id, which nobody else knows.
  const { id } = client.socket.io.engine;
  assert.equal((await RawWebSocket.open(t, server.url, websocket(id))).status, 400);
  const own = new Polling(server.url);
  assert.equal((await own.get(id)).status, 400);
  assert.equal((await own.post('42["chat message","x"]', id)).status, 400);
  const { offset } = await send(client.socket, "still here");
  await client.reached(offset);
  assert.deepEqual([client.contents, client.disconnects], [["still here"], []]);
});

test("a request that Engine.IO would read in another way reaches nothing", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const { sid } = await Polling.open(server.url);
  for (const query of [
    "?EIO=4=x&transport=websocket",
    "?EIO=4&transport=websocket=x",
    `?EIO=4=x&transport=websocket&sid=${sid}`,
    "?EIO=4&transport=websocket&sid=",
  ]) {
    assert.equal((await RawWebSocket.open(t, server.url, `/socket.io/${query}`)).status, 400, query);
  }
  const old = { "Sec-WebSocket-Version": 8 };
  const query = "/socket.io/?EIO=4&transport=websocket";
  assert.equal((await RawWebSocket.open(t, server.url, query, old)).status, 400);
});

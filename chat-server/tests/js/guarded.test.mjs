// Recovery where the application has something to say about who may connect, and events of its own.
// The servers are those of tests/it/guarded.rs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, msgpack, send, TRANSPORTS } from "./support/client.mjs";
import { cutOff, Recoverable } from "./support/recoverable.mjs";
import { ask, connected, open, packed, upgraded } from "./support/wire.mjs";

const { CHAT_GUARDED_URL: url, CHAT_TRUSTING_URL: trustingUrl } = process.env;

/** A client that has got "start", and somebody who talks. Other tests use the same log. */
async function conversation(t, { at = url, ...options } = {}) {
  const talker = connect(t, at);
  const { offset } = await send(talker, "before");
  const client = new Recoverable(t, at, { auth: { serverOffset: offset }, ...options });
  await client.connected();
  await send(talker, "start");
  await client.has(1);
  return { talker, client };
}

test("an application's own event with a trailing string does not become the offset", async (t) => {
  const { talker, client } = await conversation(t);
  const offset = client.socket._lastOffset;
  const whispered = once(client.socket, "whisper");
  client.socket.emit("whisper to me", "psst");
  assert.deepEqual((await whispered).slice(0, 1), ["psst"]);
  assert.equal(client.socket._lastOffset, offset);
  await cutOff(client.socket, () => send(talker, "missed"));
  assert.equal(client.socket.recovered, true);
  await client.has(2);
  assert.deepEqual(client.contents, ["start", "missed"]);
});

test("what is sent while an asynchronous middleware runs arrives", async (t) => {
  const { talker, client } = await conversation(t);
  client.socket.auth = { delay: 500 };
  let during;
  await cutOff(client.socket, async () => {
    during = sleep(200).then(() => send(talker, "during"));
  });
  await during;
  assert.equal(client.socket.recovered, true);
  await send(talker, "after");
  await client.has(3);
  assert.deepEqual(client.contents, ["start", "during", "after"]);
});

for (const transport of ["websocket", "polling", "upgrade"]) {
  test(`${transport}: who leaves while it is being accepted is not there afterwards`, async (t) => {
    const room = `left by ${transport}`;
    const watcher = connect(t, url, { auth: { rooms: [room] } });
    await once(watcher, "connect");
    const link = await open(t, url, transport);
    await link.send(`40${JSON.stringify({ delay: 300, rooms: [room] })}`);
    await sleep(50);
    try {
      await link.send("41");
    } catch {
      // The connection has ended before the answer.
    }
    await link.ends();
    await sleep(500);
    assert.equal((await watcher.timeout(5000).emitWithAck("users", room)).users, 1);
  });
}

test("a client that may not connect any more gets nothing", async (t) => {
  const { talker, client } = await conversation(t);
  const refused = once(client.socket, "connect_error");
  client.socket.auth = { banned: true, delay: 100 };
  client.socket.io.reconnection(false);
  client.socket.io.engine.close();
  await send(talker, "secret");
  client.socket.connect();
  const [error] = await refused;
  assert.equal(error.message, "banned");
  assert.deepEqual(error.data, { message: "banned" });
  await sleep(300);
  assert.deepEqual(client.contents, ["start"]);
});

test("a refused attempt does not cost the session", async (t) => {
  const { talker, client } = await conversation(t);
  const { id } = client.socket;
  const refused = once(client.socket, "connect_error");
  client.socket.auth = { banned: true };
  client.socket.io.reconnection(false);
  client.socket.io.engine.close();
  client.socket.connect();
  await refused;
  client.socket.auth = {};
  await send(talker, "missed");
  client.socket.connect();
  await client.connected();
  assert.deepEqual([client.socket.recovered, client.socket.id], [true, id]);
  await client.has(2);
});

test("an application can choose not to authenticate a recovered client again", async (t) => {
  const { talker, client } = await conversation(t, { at: trustingUrl });
  client.socket.auth = { banned: true };
  await cutOff(client.socket, () => send(talker, "missed"));
  assert.equal(client.socket.recovered, true);
  await client.has(2);
  // Whoever has no session is still authenticated, and so is a claim that does not fit its session.
  for (const claim of [{ pid: "0".repeat(48) }, { pid: client.socket._pid, offset: "x" }]) {
    const stranger = connect(t, trustingUrl, { auth: { banned: true, ...claim } });
    const [error] = await once(stranger, "connect_error");
    assert.equal(error.message, "banned");
  }
});

test("a client that the server disconnects has no session to get back", async (t) => {
  const { talker, client } = await conversation(t);
  const { id } = client.socket;
  const gone = once(client.socket, "disconnect");
  const last = client.socket._lastOffset.split("-")[1];
  client.socket.emit("disconnect me");
  assert.equal((await gone)[0], "io server disconnect");
  await send(talker, "missed");
  client.socket.auth = { serverOffset: Number(last) };
  client.socket.connect();
  await client.connected();
  assert.ok(!client.socket.recovered);
  assert.notEqual(client.socket.id, id);
  await client.has(2);
  assert.deepEqual(client.contents, ["start", "missed"]);
});

test("an application's own namespace is left alone", async (t) => {
  const admin = connect(t, `${url}/admin`);
  await once(admin, "connect");
  assert.equal(admin._pid, undefined);
  assert.equal(await admin.timeout(5000).emitWithAck("add", 2, 3), 5);
});

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client that leaves and enters again over the same connection is answered each time`, async (t) => {
    const admin = connect(t, `${url}/admin`, { transports });
    await once(admin, "connect");
    const socket = admin.io.socket("/", {});
    t.after(() => socket.close());
    await once(socket, "connect");
    for (let round = 0; round < 25; round++) {
      socket.auth = { nickname: `Ada ${name} ${round}` };
      const connected = once(socket, "connect");
      const named = once(socket, "nickname");
      socket.disconnect().connect();
      await connected;
      assert.equal((await named)[0].nickname, `Ada ${name} ${round}`, "with its new credentials");
      assert.ok((await send(socket, `round ${round}`)).offset > 0);
    }
    assert.equal(await admin.timeout(5000).emitWithAck("add", 2, 3), 5, "the connection is the same");
    const { users, nicknames } = await socket.timeout(5000).emitWithAck("users", "general");
    assert.deepEqual(nicknames.filter((nickname) => nickname.startsWith(`Ada ${name}`)), [socket.auth.nickname], `${users}`);
    socket.disconnect();
  });
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a client enters again where handlers take their time, and they run once`, async (t) => {
    const admin = connect(t, `${url}/admin`, { transports });
    await once(admin, "connect");
    const socket = admin.io.socket("/slow", {});
    t.after(() => socket.close());
    const [before] = await once(socket, "entered");
    // The disconnect handler still runs when the CONNECT comes, and the middleware when it would be due again.
    const entered = once(socket, "entered", 20);
    socket.disconnect().connect();
    assert.deepEqual(await entered, [before + 1]);
    assert.ok(admin.connected, "the connection is the same");
  });
}

for (const transport of ["websocket", "polling", "upgrade"]) {
  test(`${transport}: who was disconnected from a namespace sends nothing there until it is back`, async (t) => {
    for (const packet of ['42/admin,["add",2,3]', "41/admin,", "43/admin,1[]"]) {
      const link = await connected(t, url, transport);
      const enter = async () => {
        await link.send("40/admin,");
        return JSON.parse((await link.until((packet) => packet.startsWith("40/admin,"))).slice("40/admin,".length)).sid;
      };
      const before = await enter();
      await link.send('42/admin,["disconnect me"]');
      await link.until((packet) => packet === "41/admin,");
      assert.equal((await ask(link, 1, ["no such event"]))[0].error.code, "unknown_event", "the others stay");
      assert.notEqual(await enter(), before);
      await link.send('42/admin,2["\\u0061\\u0064d",2,3]');
      await link.until((packet) => packet === "43/admin,2[5]");
      await link.send('42/admin,["disconnect me"]');
      await link.until((packet) => packet === "41/admin,");
      await link.send(packet);
      await link.ends();
    }
  });
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`nothing comes between an event and its attachments, over ${name}`, async (t) => {
    const talker = connect(t, url);
    const client = connect(t, url, { transports });
    let messages = 0;
    client.on("chat message", () => (messages += 1));
    await once(client, "connect");
    let ended = false;
    client.on("disconnect", (reason) => assert.ok(ended, `disconnected: ${reason}`));
    const talking = (async () => {
      while (!ended) await Promise.all(Array.from({ length: 20 }, () => send(talker, "x".repeat(1000))));
    })();
    for (let round = 0; round < 20; round += 1) {
      const pictures = once(client, "pictures");
      client.emit("pictures");
      const got = (await pictures).map((picture) => [picture.length, picture[0]]);
      assert.deepEqual(got, Array.from({ length: 8 }, (_, number) => [600_000, number]));
    }
    ended = true;
    await talking;
    assert.ok(messages > 100, `${messages} messages came in between`);
  });
  for (const parser of [undefined, msgpack]) {
    const what = parser === undefined ? "JSON" : "MessagePack";
    test(`${name}: with ${what}, binary values go both ways in an application's namespace`, async (t) => {
      const admin = connect(t, `${url}/admin`, { transports, parser });
      await once(admin, "connect");
      assert.equal(await admin.timeout(5000).emitWithAck("add", 2, 3), 5);
      const hex = (value) => Buffer.from(value).toString("hex");
      for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 255), new Uint8Array(10_000).fill(7)]) {
        const reversed = once(admin, "reversed");
        // The parser for MessagePack has two forms for them.
        const answer = await admin.timeout(5000).emitWithAck("reverse", bytes.buffer, Buffer.from([4, 5]));
        assert.equal(hex(answer), hex(bytes.toReversed()));
        const [other, and, [one]] = await reversed;
        assert.deepEqual([hex(other), and, hex(one)], ["0504", "and", hex(bytes.toReversed())]);
      }
      const socket = admin.io.socket("/", {});
      t.after(() => socket.close());
      await once(socket, "connect");
      assert.ok((await send(socket, "both over one connection")).offset > 0);
      const stranger = connect(t, url, { transports, parser, auth: { banned: true } });
      assert.equal((await once(stranger, "connect_error"))[0].message, "banned");
      const nowhere = connect(t, `${url}/nowhere`, { transports, parser });
      assert.match((await once(nowhere, "connect_error"))[0].message, /namespace/i);
    });
  }
}

test("an event that was too many bytes for the last poll comes over the websocket", { timeout: 30_000 }, async (t) => {
  const client = await connected(t, url, "polling", '{"rooms":["quiet"]}');
  await client.send('42["whisper to me","before it"]');
  await sleep(500);
  await client.send('42["pictures"]');
  await sleep(500);
  assert.match((await client.polling.get()).text, /42\["whisper","before it"[^\x1e]*$/);
  const frames = await upgraded(t, url, client.polling.sid);
  await frames.until((packet) => packet.startsWith('458-["pictures",'));
  for (let number = 0; number < 8; number += 1) {
    const picture = await frames.next();
    assert.deepEqual([picture.length, picture[0]], [600_000, number]);
  }
  assert.equal((await ask(frames, 1, ["users", "quiet"]))[0].users, 1);
});

test("with MessagePack, it does so too", { timeout: 30_000 }, async (t) => {
  const { link, send, until } = await packed(t, url, "polling", { rooms: ["quiet"] });
  const event = (...data) => send({ type: 2, nsp: "/", data });
  await event("whisper to me", "before it");
  await sleep(500);
  await event("pictures");
  await sleep(500);
  await until(({ data }) => data[0] === "whisper");
  assert.deepEqual(link.received, []);
  const frames = await upgraded(t, url, link.polling.sid);
  const decoder = new msgpack.Decoder();
  const decoded = once(decoder, "decoded");
  decoder.add(await frames.next());
  const [name, ...pictures] = (await decoded)[0].data;
  assert.equal(name, "pictures");
  assert.deepEqual(pictures.map(({ length }) => length), Array(8).fill(600_000));
});

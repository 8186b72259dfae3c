// What the clients of the Socket.IO tutorial do, step by step, works unchanged.
// https://socket.io/docs/v4/tutorial/introduction

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { connect, Reader, TRANSPORTS } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

/** The page of steps 5 and 6: a list of what came. */
function page(t, url, options) {
  const socket = connect(t, url, options);
  const list = [];
  socket.on("chat message", (msg) => list.push(msg));
  const shows = (count) => {
    const shown = new Promise((resolve) => {
      const look = () => list.length >= count && resolve();
      socket.on("chat message", look);
      look();
    });
    return within(10, () => `${count} messages are shown, there are ${list.length}`, shown);
  };
  return { socket, list, shows };
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  const options = { transports };

  test(`${name}, step 4: a message that is only emitted is kept`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const socket = connect(t, server.url, options);
    socket.emit("chat message", "hello");
    const later = new Reader(t, server.url);
    await later.reached(1);
    assert.deepEqual(later.contents, ["hello"]);
  });

  test(`${name}, step 5: everybody gets a message, the sender too`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const pages = [1, 2, 3].map(() => page(t, server.url, options));
    await Promise.all(pages.map(({ socket }) => once(socket, "connect")));
    pages[0].socket.emit("chat message", "from the first");
    await Promise.all(pages.map(({ shows }) => shows(1)));
    pages[2].socket.emit("chat message", "from the third");
    await Promise.all(pages.map(({ shows }) => shows(2)));
    for (const { list } of pages) assert.deepEqual(list, ["from the first", "from the third"]);
  });

  test(`${name}, step 6: a page that disconnects comes back with its button`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const { socket, shows } = page(t, server.url, options);
    await once(socket, "connect");
    socket.disconnect();
    // What is typed meanwhile is kept by the client and sent when it is connected again.
    socket.emit("chat message", "typed offline");
    socket.connect();
    await shows(1);
  });

  test(`${name}, step 7: a page gets what it missed, and only that`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const other = connect(t, server.url, options);
    const socket = connect(t, server.url, { ...options, auth: { serverOffset: 0 } });
    const list = [];
    socket.on("chat message", (msg, serverOffset) => {
      list.push(msg);
      socket.auth.serverOffset = serverOffset;
    });
    other.emit("chat message", "seen");
    await once(socket, "chat message");
    socket.disconnect();
    await other.timeout(10_000).emitWithAck("chat message", "missed 1");
    await other.timeout(10_000).emitWithAck("chat message", "missed 2");
    socket.connect();
    await once(socket, "chat message");
    other.emit("chat message", "live");
    while (list.at(-1) !== "live") await once(socket, "chat message");
    assert.deepEqual(list, ["seen", "missed 1", "missed 2", "live"]);
    assert.equal(socket.auth.serverOffset, 4);
  });

  test(`${name}, step 8: a page sends with a clientOffset and retries`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const reader = new Reader(t, server.url, { ...options, ackTimeout: 10_000, retries: 3 });
    const { socket } = reader;
    await once(socket, "connect");
    let counter = 0;
    for (let n = 0; n < 20; n++) {
      const clientOffset = `${socket.id}-${counter++}`;
      socket.emit("chat message", `message ${n}`, clientOffset);
    }
    await reader.reached(20);
    assert.deepEqual(reader.contents, Array.from({ length: 20 }, (_, n) => `message ${n}`));
    reader.assertWhole();
  });

  test(`${name}, step 8: a retry is stored once`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const reader = new Reader(t, server.url, options);
    const { socket } = reader;
    await once(socket, "connect");
    const clientOffset = `${socket.id}-0`;
    // As if the first ack had been lost.
    socket.emit("chat message", "once", clientOffset);
    const ack = await socket.timeout(10_000).emitWithAck("chat message", "once", clientOffset);
    assert.deepEqual(ack, { offset: 1, duplicate: true });
    socket.emit("chat message", "next", `${socket.id}-1`);
    await reader.reached(2);
    assert.deepEqual(reader.contents, ["once", "next"]);
  });

  test(`${name}, step 9: several pages that write at once see one order`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const tutorial = { ...options, ackTimeout: 10_000, retries: 3 };
    const readers = [1, 2, 3, 4].map(() => new Reader(t, server.url, tutorial));
    await Promise.all(readers.map(({ socket }) => once(socket, "connect")));
    readers.forEach(({ socket }, page) => {
      for (let n = 0; n < 25; n++) {
        socket.emit("chat message", `page ${page}, message ${n}`, `${socket.id}-${n}`);
      }
    });
    await Promise.all(readers.map((reader) => reader.reached(100)));
    for (const reader of readers) {
      reader.assertWhole();
      assert.deepEqual(reader.contents, readers[0].contents);
    }
    assert.equal(new Set(readers[0].contents).size, 100);
  });
}

test("a page that asks for nothing else gets the offset and the circumstances of a message", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  const socket = connect(t, server.url);
  await once(socket, "connect");
  const before = Date.now();
  socket.emit("chat message", "hello", "key-1");
  const [content, offset, { room, from, at, clientOffset }, recovery, ...rest] = await once(socket, "chat message");
  assert.deepEqual([content, offset, room, from, clientOffset], ["hello", 1, "general", null, "key-1"]);
  assert.ok(at >= before - 1000 && at <= Date.now() + 1000, `${at} is about now`);
  assert.match(recovery, /^[0-9a-f]{16}-1-[0-9a-f]{8}$/);
  assert.deepEqual(rest, []);
});

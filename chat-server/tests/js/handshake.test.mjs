// What a client says of itself when it connects may be anything: it is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Polling } from "./support/raw.mjs";
import { writeHistory } from "./support/sender.mjs";
import { Server } from "./support/server.mjs";

const HISTORY = 5;

/** The offsets of what comes, up to the message that is sent once the client is connected. */
async function offsetsOf(t, url, auth, live) {
  const socket = connect(t, url, { auth });
  const offsets = [];
  const complete = new Promise((resolve, reject) => {
    socket.on("connect_error", reject);
    socket.on("chat message", (content, offset) => {
      offsets.push(offset);
      if (content === live) resolve();
    });
  });
  let acked;
  socket.on("connect", () => (acked = send(socket, live)));
  await within(10, () => `all messages, there are ${offsets}`, complete);
  // A message may come before its ack.
  await acked;
  socket.close();
  return offsets;
}

const fromTheBeginning = {
  "no auth": undefined,
  "an empty auth": {},
  "0": { serverOffset: 0 },
  "null": { serverOffset: null },
  "undefined": { serverOffset: undefined },
  "NaN": { serverOffset: NaN },
  "a text": { serverOffset: "two" },
  "an empty text": { serverOffset: "" },
  "a negative number": { serverOffset: -1 },
  "a fraction": { serverOffset: 2.5 },
  "a huge number": { serverOffset: 1e300 },
  "the largest number of 64 bits": { serverOffset: 2 ** 63 },
  "an object": { serverOffset: { offset: 2 } },
  "an array": { serverOffset: [2] },
  "true": { serverOffset: true },
  "a number beyond the end": { serverOffset: 1_000_000 },
  "the largest whole number": { serverOffset: Number.MAX_SAFE_INTEGER },
  "fields that nobody knows": { color: "red", nested: [[[{}]]] },
  "a session that nobody knows": { pid: "no such session", offset: "no such offset" },
  "an offset in another log": { serverOffset: 3, offset: "anotherlog-3" },
  "a session of odd types": { pid: 5, offset: { x: [] } },
};

test("an offset that is none, or of another log, counts from the beginning", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  await writeHistory(t, server.url, HISTORY);
  let tail = HISTORY;
  for (const [what, auth] of Object.entries(fromTheBeginning)) {
    tail++;
    const offsets = await offsetsOf(t, server.url, auth, `live after ${what}`);
    assert.deepEqual(offsets, Array.from({ length: tail }, (_, n) => n + 1), what);
  }
});

test("an offset of the log counts from there", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  await writeHistory(t, server.url, HISTORY);
  assert.deepEqual(await offsetsOf(t, server.url, { serverOffset: 3 }, "first"), [4, 5, 6]);
  assert.deepEqual(await offsetsOf(t, server.url, { serverOffset: 6 }, "second"), [7]);
  assert.deepEqual(await offsetsOf(t, server.url, { serverOffset: 7, unknown: true }, "third"), [8]);
  // What is no offset at all says nothing of the log.
  assert.deepEqual(await offsetsOf(t, server.url, { serverOffset: 8, offset: "x" }, "fourth"), [9]);
});

test("an auth that is no object is served from the beginning", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  await writeHistory(t, server.url, HISTORY);
  let tail = HISTORY;
  for (const auth of ["text", "", [1, 2], []]) {
    tail++;
    const offsets = await offsetsOf(t, server.url, auth, `live after ${JSON.stringify(auth)}`);
    assert.deepEqual(offsets, Array.from({ length: tail }, (_, n) => n + 1), JSON.stringify(auth));
  }
});

test("numbers of other languages and half a character change nothing else in what a client says", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  for (let n = 1; n <= 10; n++) await send(writer, `${n}`);
  const raw = async (auth) => {
    const polling = await Polling.open(url, { auth: null });
    await polling.post(`40${auth}`);
    const packet = await polling.until((packet) => /^4[24]/.test(packet));
    return packet.startsWith("42") ? JSON.parse(packet.slice(2)) : packet;
  };
  for (const eight of ["8", "8.0", "8e0", '"8"']) {
    const [, content] = await raw(`{"serverOffset":${eight}}`);
    assert.equal(content, "9", eight);
    assert.equal((await raw(`{"history":${eight}}`))[1], "3", eight);
  }
  for (const broken of ["{", '{"serverOffset":8', "[1", '"x', "x", '{"a":1}}', "{'a':1}"]) {
    const packet = await raw(broken);
    const [code, message] = ["invalid_arguments", "auth is not valid JSON"];
    assert.equal(packet.slice(0, 2), "44", broken);
    assert.deepEqual(JSON.parse(packet.slice(2)), { message: `${code}: ${message}`, data: { code, message } }, broken);
  }
  assert.equal((await raw("null"))[1], "1");
  assert.equal((await raw(`{"serverOffset":8,"other":"\\ud83d"}`))[1], "9");
  assert.equal((await raw(`{"serverOffset":8,"nickname":"Ada \\ud83d"}`))[1].nickname, "Ada \ufffd");
  const { messages } = await writer.emitWithAck("history", { room: "general", before: "9", limit: "2" });
  assert.deepEqual(messages.map(({ offset }) => offset), [7, 8]);
  for (const odd of ["", "two", "-1", 1.5, true, [2]]) {
    const { error } = await writer.emitWithAck("history", { room: "general", limit: odd });
    assert.equal(error?.code, "invalid_arguments", JSON.stringify(odd));
  }
});

// Whatever arrives as arguments or as the name of an event: it is refused with the right code, the same
// connection works on, and so do the others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { Reader, send } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const MAX_BYTES = 65_536;
const nested = (levels, wrap) => Array.from({ length: levels }).reduce(wrap, "deep");

const ACCEPTED = {
  "a message of one letter": ["x"],
  "the longest message": ["x".repeat(MAX_BYTES)],
  "the longest message of characters of several bytes": ["é".repeat(MAX_BYTES / 2)],
  "a message of spaces": ["  \t\n "],
  "a message with NUL": ["a\0b"],
  "a message of control characters": ["\x01\x1b[31m\x7f\u2028"],
  "a message with characters beyond 16 bits": ["👩‍👩‍👧‍👦 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"],
  "a message that looks like markup": ["<script>alert(1)</script>"],
  "a message that looks like SQL": ["'); DROP TABLE messages; --"],
  "null for what is left out": ["null", null, null],
  "a room": ["to a room", null, { room: "general" }],
  "no room": ["to no room", null, {}],
  "null for a room": ["to a null room", null, { room: null }],
  "options that nobody knows": ["options", null, { color: "red" }],
  "a hundred arguments": ["a hundred", null, null, ...Array(97).fill({ more: [1] })],
};

const REFUSED = {
  invalid_arguments: {
    "no argument": [],
    "a number": [5],
    "true": [true],
    "null": [null],
    "an object": [{ toString: "x" }],
    "an array": [["x"]],
    "arrays nested 1,000 deep": [nested(1000, (inner) => [inner])],
    "objects nested 1,000 deep": [nested(1000, (inner) => ({ inner }))],
    "binary": [Buffer.from("x")],
    "binary within an object": [{ file: new Uint8Array(1000), more: [Buffer.alloc(10)] }],
    "a hundred numbers": Array.from({ length: 100 }, (_, n) => n),
    "a number for a key": ["x", 5],
    "an object for a key": ["x", {}],
    "options without a room in the place of a key": ["x", { rooms: "general" }],
    "options that are none in the place of a key": ["x", { room: 5 }],
    "binary for a key": ["x", Buffer.from("key")],
    "a text for the options": ["x", null, "general"],
    "a number for the options": ["x", null, 5],
    "a number for a room": ["x", null, { room: 5 }],
  },
  invalid_content: {
    "an empty message": [""],
    "a message that is one byte too long": ["x".repeat(MAX_BYTES + 1)],
    "a message that is too long in bytes, not in characters": ["é".repeat(MAX_BYTES / 2 + 1)],
    "a message of 10 MB": ["x".repeat(10_000_000)],
  },
  invalid_client_offset: {
    "an empty key": ["x", ""],
    "a key of 10,000 characters": ["x", "k".repeat(10_000)],
    "a key with NUL": ["x", "a\0b"],
    "a key with a line break": ["x", "a\nb"],
  },
  not_in_room: {
    "a room that was not joined": ["x", null, { room: "elsewhere" }],
  },
};

const UNKNOWN_EVENTS = ["nonsense", "", " ", "Chat Message", "chat message ", "💥", "*", "message", "error"]
  .concat(["constructor", "__proto__", "hasOwnProperty", "x".repeat(100_000)]);

// In JSON these are not written as they are.
const ESCAPED_EVENTS = ["\0", 'a"b', "a\\b", "a\nb", "\ud800"];

/** Two clients: one that misbehaves, and one that must not notice. */
async function twoClients(t, transport) {
  const server = await Server.start(t);
  const odd = new Reader(t, server.url, { transports: [transport] });
  const other = new Reader(t, server.url);
  await Promise.all([once(odd.socket, "connect"), once(other.socket, "connect")]);
  return { server, odd, other };
}

async function assertBothWork(odd, other, what) {
  for (const [from, to] of [[odd, other], [other, odd]]) {
    const { offset } = await send(from.socket, `after ${what}`);
    await Promise.all([from.reached(offset), to.reached(offset)]);
    assert.equal(to.at(offset), `after ${what}`);
  }
  assert.deepEqual(odd.disconnects, [], `${what}: the same connection`);
  assert.deepEqual(other.disconnects, []);
}

function assertRefused(answer, codes, what) {
  assert.deepEqual(Object.keys(answer), ["error"], `${what}: ${JSON.stringify(answer)}`);
  assert.ok(codes.includes(answer.error.code), `${what}: ${JSON.stringify(answer)}`);
  assert.ok(answer.error.message.length > 0 && answer.error.message.length < 500, `${what} is explained`);
}

for (const transport of ["websocket", "polling"]) {
  test(`${transport}: what a message may be is stored as it is`, { timeout: 60_000 }, async (t) => {
    const { server, odd, other } = await twoClients(t, transport);
    for (const [what, args] of Object.entries(ACCEPTED)) {
      const answer = await send(odd.socket, ...args);
      assert.equal(answer.duplicate, false, `${what}: ${JSON.stringify(answer)}`);
      await other.reached(answer.offset);
      assert.equal(other.at(answer.offset), args[0], what);
      odd.socket.emit("chat message", ...args);
      await assertBothWork(odd, other, what);
    }
    const later = new Reader(t, server.url, { transports: [transport] });
    await later.reached(other.last);
    assert.deepEqual(later.contents, other.contents);
  });

  test(`${transport}: what a message may not be is refused with the right code`, { timeout: 60_000 }, async (t) => {
    const { odd, other } = await twoClients(t, transport);
    for (const [code, cases] of Object.entries(REFUSED)) {
      for (const [what, args] of Object.entries(cases)) {
        assertRefused(await send(odd.socket, ...args), [code], what);
        odd.socket.emit("chat message", ...args);
        await assertBothWork(odd, other, what);
      }
    }
    assert.deepEqual(other.contents.filter((content) => !content.startsWith("after ")), [], "none is stored");
  });

  test(`${transport}: half of a surrogate pair is stored as U+FFFD, and is no key and no room`, { timeout: 30_000 }, async (t) => {
    const { odd, other } = await twoClients(t, transport);
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
      const { offset } = await send(odd.socket, text);
      await other.reached(offset);
      assert.equal(other.at(offset), text.replace(/[\ud800-\udfff]/g, "\ufffd"));
      for (const args of [["x", text], ["x", null, { room: text }]]) {
        const answer = await send(odd.socket, ...args);
        assertRefused(answer, ["invalid_arguments"], "as a key or a room");
        assert.match(answer.error.message, /half a character/);
        odd.socket.emit("chat message", ...args);
      }
      await assertBothWork(odd, other, "surrogates");
    }
    assert.deepEqual(other.contents.filter((content) => content === "x"), []);
  });

  test(`${transport}: an event that nobody knows is refused`, { timeout: 30_000 }, async (t) => {
    const { odd, other } = await twoClients(t, transport);
    for (const name of UNKNOWN_EVENTS) {
      const what = `the event "${name.slice(0, 20)}"`;
      for (const args of [[], ["x"], [Buffer.from("x")], [nested(1000, (inner) => [inner])]]) {
        const answer = await odd.socket.timeout(10_000).emitWithAck(name, ...args);
        assertRefused(answer, ["unknown_event"], what);
        odd.socket.emit(name, ...args);
      }
      await assertBothWork(odd, other, what);
    }
  });

  // socketioxide 0.18 takes names with escapes for malformed, and ends the connection.
  test(`${transport}: an event with a name that JSON escapes costs at most the connection`, { timeout: 30_000 }, async (t) => {
    const { odd, other } = await twoClients(t, transport);
    for (const name of ESCAPED_EVENTS) {
      const what = `the event ${JSON.stringify(name)}`;
      const answer = await odd.socket.timeout(10_000).emitWithAck(name, "x").catch(() => undefined);
      if (answer) assertRefused(answer, ["unknown_event"], what);
      if (!odd.socket.connected) await once(odd.socket, "connect");
      odd.disconnects = [];
      await assertBothWork(odd, other, what);
    }
  });
}

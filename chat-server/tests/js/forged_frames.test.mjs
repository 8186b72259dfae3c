// Somebody who reaches the broker speaks as a node: with numbers that stop everything, with messages of others, with
// people who are not there, with what was recorded, and very fast.
//
// The nodes and the broker are those of tests/it/nodes.rs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, within } from "./support/bounds.mjs";
import { connect, Reader, send } from "./support/client.mjs";
import { ask } from "./support/users.mjs";
import { Redis } from "./support/redis.mjs";

const urls = process.env.CHAT_NODE_URLS.split(",");
const port = process.env.CHAT_REDIS_PORT;
const streams = process.env.CHAT_REDIS_MODE === "streams";
const signed = process.env.CHAT_SIGNED === "yes";

const FLOOD = 20_000;

/** Sends all nodes bytes in place of a frame. */
const publish = (redis, bytes) =>
  streams ? redis.command("XADD", "chat", "*", "f", bytes) : redis.command("PUBLISH", "chat", bytes);

/** What the nodes have published. */
async function record(t) {
  const redis = await Redis.connect(t, port);
  if (streams) {
    return async () => (await redis.command("XRANGE", "chat", "-", "+")).map(([, [field, frame]]) => field === "f" && frame);
  }
  const frames = [];
  await redis.command("SUBSCRIBE", "chat");
  redis.onmessage = ([, , frame]) => frames.push(frame);
  return async () => [...frames];
}

function forgedFrames(node, epoch, tail) {
  const frame = (type, fields) => JSON.stringify({ v: 1, node, type, ...fields });
  const message = (offset) => ({ offset, room: "general", content: "forged", from: "Ada", at: 1 });
  const appended = (after, end, ...offsets) =>
    frame("appended", { epoch, after, tail: end, messages: offsets.map(message) });
  const max = 2 ** 53 - 1;
  const ghost = (number) => ({ room: "general", member: number, nickname: `Ghost ${number}` });
  return [
    appended(tail, tail + 1, tail + 1),
    appended(tail, tail + 3, tail + 1, tail + 2, tail + 3),
    appended(0, 9_000_000_000_000_000, 9_000_000_000_000_000),
    appended(tail, max, max),
    appended(max, max, max),
    appended(tail, 0, tail + 1),
    appended(tail, tail + 2, tail + 2, tail + 1),
    appended(0, max),
    appended(tail, tail + 1, tail + 1).replace(`"tail":${tail + 1}`, '"tail":18446744073709551615'),
    frame("sessionTaken", { session: "0".repeat(64), generation: 1 }).replace('"generation":1', '"generation":9223372036854775807'),
    frame("presence", { from: 0, version: 1, came: [ghost(1), ghost(2)] }),
    frame("presence", { from: 7, version: 7 }).replaceAll("7", "18446744073709551615"),
    frame("presenceSnapshot", { version: 9, round: 9, part: 0, parts: 1, present: [ghost(3)] }).replaceAll('":9', '":18446744073709551615'),
    frame("presenceSnapshot", { version: 5, round: 5, part: 0, parts: 4294967295, present: [ghost(4)] }),
    frame("presenceWanted", { of: node }),
    frame("typing", { room: "general", member: 1, typing: true }),
    frame("nodeLeft", {}),
    "no frame",
  ];
}

test("frames that no node has published stop nothing and put no words into anybody's mouth", async (t) => {
  const redis = await Redis.connect(t, port);
  const recorded = await record(t);
  const readers = urls.map((url) => new Reader(t, url));
  const senders = urls.map((url) => connect(t, url));
  let epoch;
  readers[0].socket.on("chat message", (...delivery) => ([epoch] = delivery.at(-1).split("-")));
  const acked = [];
  let tail = 0;
  const say = async () => {
    for (const sender of senders) {
      const content = `true ${acked.length}`;
      const { offset } = await within(5, "an ack", send(sender, content));
      acked.push({ content, offset });
      tail = offset;
    }
    await Promise.all(readers.map((reader) => reader.reached(tail, 5)));
  };
  await say();
  await say();

  const frames = (await recorded()).filter(Boolean);
  const ids = new Set(frames.map((frame) => JSON.parse(frame.slice(frame.indexOf("{"))).node));
  assert.ok(ids.size >= urls.length, "each node has said something");
  assert.ok(frames.every((frame) => frame.startsWith("mac1 ") === signed));
  assert.ok(signed || frames.every((frame) => !frame.includes("true 0")), "nobody would believe it");

  for (const node of ["ffffffffffffffff", ...ids]) {
    for (const forged of forgedFrames(node, epoch, tail)) {
      await publish(redis, forged);
      await publish(redis, `mac1 ${"0".repeat(64)} ${forged}`);
    }
    await say();
    for (const forged of forgedFrames(node, epoch, tail)) publish(redis, forged);
    for (const frame of frames) publish(redis, frame);
    await say();
  }

  const flood = [];
  for (let number = 0; number < FLOOD; number++) {
    const node = number.toString(16).padStart(16, "0");
    const came = [{ room: "general", member: number, nickname: `Ghost ${number}` }];
    flood.push(publish(redis, JSON.stringify({ v: 1, node, type: "presence", from: 0, version: 1, came })));
    if (number % 2000 === 0) await say();
  }
  await Promise.all(flood);
  await say();

  for (const reader of readers) reader.assertWhole(acked);
  assert.ok(readers.every(({ contents }) => contents.every((content) => content.startsWith("true "))));
  for (const url of urls) assert.equal((await fetch(`${url}/readyz`)).status, 200);

  const there = () => Promise.all(senders.map((sender) => ask(sender, "users", "general")));
  const everybody = readers.length + senders.length;
  // Nodes that have just started take a second or two to hear of each other's people.
  const onlyThoseWhoAreThere = async () => {
    for (;;) {
      const answers = await there();
      const madeUp = answers.filter(({ users, nicknames }) => users > everybody || nicknames.length > 0);
      if (signed) assert.deepEqual(madeUp, [], "nobody is made up");
      if (madeUp.length === 0 && answers.every(({ users }) => users === everybody)) return;
      await sleep(200);
    }
  };
  await within(60, "only those who are there count", onlyThoseWhoAreThere());
  await say();
});

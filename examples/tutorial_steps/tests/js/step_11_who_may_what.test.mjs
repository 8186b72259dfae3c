import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

const ROOMS = ["announcements"];

async function member(program, name, method) {
  const response = await fetch(`${program.url}/members/${name}`, { method });
  assert.equal(response.status, 200);
}

async function named(program, nickname) {
  const socket = program.client({ auth: { nickname, serverOffset: 0, rooms: ROOMS } });
  await once(socket, "connect");
  return socket;
}

const say = (socket, content, room) => socket.timeout(10_000).emitWithAck("chat message", content, content, { room });

test("members have a room of their own and write announcements, until they are none any more", async (t) => {
  const program = await Program.start(t);
  const [ada, bob] = [await named(program, "Ada"), await named(program, "Bob")];
  const heard = new Inbox(bob, "chat message");
  for (const socket of [ada, bob]) {
    assert.equal((await say(socket, "hello", "announcements")).error?.code, "forbidden");
    assert.equal((await socket.emitWithAck("join", "members")).error?.code, "forbidden");
  }
  await member(program, "Ada", "PUT");
  assert.equal((await ada.emitWithAck("join", "members")).error, undefined);
  assert.equal((await say(ada, "for members", "members")).error, undefined);
  assert.equal((await say(ada, "for all", "announcements")).error, undefined);
  assert.deepEqual((await heard.has(1)).map(([content]) => content), ["for all"]);
  assert.equal((await bob.emitWithAck("history", { room: "members" })).error?.code, "not_in_room");

  const out = once(ada, "not joined");
  await member(program, "Ada", "DELETE");
  const [{ rooms: [{ room, error }] }] = await out;
  assert.deepEqual([room, error.code, error.message], ["members", "forbidden", "this room is for members"]);
  assert.equal((await say(ada, "still here?", "members")).error?.code, "not_in_room");
  assert.equal((await say(ada, "still here!", "announcements")).error?.code, "forbidden");
});

test("the page says what is refused", async (t) => {
  const program = await Program.start(t);
  const page = await (await fetch(program.url)).text();
  for (const part of ['"not joined"', "error.message", "/socket.io/socket.io.js"]) assert.ok(page.includes(part), part);
});

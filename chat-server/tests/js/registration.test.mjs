// A chat that takes no new users: its users and their devices come in, and nobody else reads or writes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, refused, tokenOf, User } from "./support/users.mjs";
import { ready, Server, spawnBinary } from "./support/server.mjs";

const CLOSED = { CHAT_ROOMS: "true", CHAT_REGISTRATION: "closed" };

/** A server with the user Ada, and closed since. */
async function closed(t) {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
  const { socket } = await User.connected(t, server.url, "Ada");
  socket.disconnect();
  await close(server);
  return server;
}

/** Restarts a server with a closed registration. */
async function close(server) {
  await server.kill();
  server.env = CLOSED;
  await server.restart();
}

/** A client without a name, what it gets, and where it was not let in. */
async function stranger(t, url, transports) {
  const socket = connect(t, url, { transports });
  const messages = [];
  socket.on("chat message", (content) => messages.push(content));
  const out = once(socket, "not joined");
  await once(socket, "connect");
  const [{ rooms }] = await out;
  return { socket, messages, rooms };
}

for (const transports of [["websocket"], ["polling"]]) {
  test(`${transports}: users come back, and nobody becomes one`, async (t) => {
    const { url } = await closed(t);
    const ada = await User.connected(t, url, "Ada", { transports });
    await send(ada.socket, "for us");
    for (const auth of [{ nickname: "Eve" }, { nickname: "Eve", token: tokenOf("Eve") }, { nickname: "Ada", token: tokenOf("Eve") }]) {
      assert.match(await refused(t, url, auth), /^registration_closed: this chat takes no new users/);
    }
    const { socket } = await stranger(t, url, transports);
    assert.equal((await ask(socket, "nickname", "Eve")).error?.code, "registration_closed");
    assert.equal((await ask(ada.socket, "nickname", "Countess")).nickname, "Countess");
  });

  test(`${transports}: who is no user is in no room, until a code links it to one`, async (t) => {
    const { url } = await closed(t);
    const ada = await User.connected(t, url, "Ada", { transports });
    const { socket, messages, rooms } = await stranger(t, url, transports);
    assert.deepEqual(rooms.map(({ room, error }) => [room, error.code]), [["general", "forbidden"]]);
    await send(ada.socket, "not for strangers");
    assert.equal((await ask(socket, "join", "general")).error?.code, "forbidden");
    assert.equal((await ask(socket, "chat message", "hi")).error?.code, "not_in_room");
    assert.equal((await ask(socket, "history", { room: "general" })).error?.code, "not_in_room");
    assert.equal((await ask(socket, "users", "general")).error?.code, "not_in_room");
    assert.equal((await ask(socket, "rooms")).error?.code, "nickname_required");
    assert.deepEqual(messages, []);
    const { code } = await ask(ada.socket, "device code");
    assert.equal((await ask(socket, "link device", code)).nickname, "Ada");
    assert.equal((await ask(socket, "join", "general")).error, undefined);
    assert.deepEqual((await ask(socket, "rooms")).rooms, []);
    await send(socket, "from the phone");
    assert.deepEqual(await ada.reads(2), ["not for strangers", "from the phone"]);
  });

  test(`${transports}: who was a stranger in an open chat gets nothing more in its session`, async (t) => {
    const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
    const ada = await User.connected(t, server.url, "Ada", { transports });
    const socket = connect(t, server.url, { transports });
    const messages = [];
    socket.on("chat message", (content) => messages.push(content));
    const heard = once(socket, "chat message");
    await once(socket, "connect");
    await send(ada.socket, "for all");
    await heard;
    const [out, back] = [once(socket, "not joined", 20), once(socket, "connect", 20)];
    const adaIsBack = once(ada.socket, "connect", 20);
    await close(server);
    const [[{ rooms }]] = await Promise.all([out, back, adaIsBack]);
    assert.deepEqual(rooms.map(({ room, error }) => [room, error.code]), [["general", "forbidden"]]);
    await send(ada.socket, "for us");
    assert.equal((await ask(socket, "history", { room: "general" })).error?.code, "not_in_room");
    assert.deepEqual(messages, ["for all"]);
  });
}

const INVITE = { CHAT_ROOMS: "true", CHAT_REGISTRATION: "invite" };
const run = promisify(execFile);

/** A server that takes users by invitation to the private room "team", and a way to get codes from a shell. */
async function byInvitation(t) {
  const server = await Server.start(t, { env: INVITE });
  const command = async (...args) => {
    const { stdout } = await run(process.env.CHAT_SERVER_BIN, [...args, "--store", server.store]);
    return stdout.trim();
  };
  await command("room", "team", "--visibility", "private");
  return { server, url: server.url, code: (...options) => command("invite", "team", ...options) };
}

for (const transports of [["websocket"], ["polling"]]) {
  test(`${transports}: whoever has an invitation becomes a user, and a member`, async (t) => {
    const { url, code } = await byInvitation(t);
    const auth = { nickname: "Ada", token: tokenOf("Ada") };
    assert.match(await refused(t, url, auth), /^registration_closed: this chat takes new users by invitation/);
    assert.match(await refused(t, url, { ...auth, invitation: "ABCDE-FGHJK" }), /^invalid_code: /);
    const first = await code();
    const ada = await User.connected(t, url, "Ada", { transports, auth: { invitation: first.toLowerCase() } });
    assert.equal((await ask(ada.socket, "join", "team")).error, undefined);
    await send(ada.socket, "for us");
    assert.match(await refused(t, url, { nickname: "Eve", token: tokenOf("Eve"), invitation: first }), /^invalid_code: /);
    // She comes back without it, and invites others herself: with the event, too.
    ada.socket.disconnect();
    const again = await User.connected(t, url, "Ada", { transports });
    assert.equal((await ask(again.socket, "set role", "team", "Ada", "owner")).error?.code, "forbidden");
    const second = await code("--uses", "2");
    const { socket, messages } = await stranger(t, url, transports);
    assert.deepEqual(messages, []);
    // A name that is taken leaves the invitation as it was.
    const bobs = [tokenOf("Bob"), { invitation: second }];
    assert.equal((await ask(socket, "nickname", "Ada", ...bobs)).error?.code, "nickname_taken");
    for (let time = 0; time < 2; time++) {
      const named = await ask(socket, "nickname", "Bob", ...bobs);
      assert.equal(named.nickname, "Bob");
    }
    assert.equal((await ask(socket, "join", "team")).error, undefined);
    const { members } = await ask(socket, "members", "team");
    assert.equal(members.length, 2);
    const cy = await User.connected(t, url, "Cy", { transports, auth: { invitation: second } });
    assert.equal((await ask(cy.socket, "members", "team")).members.length, 3);
    assert.equal((await ask((await stranger(t, url, transports)).socket, "nickname", "Dan", null, { invitation: second })).error?.code, "invalid_code");
    assert.equal((await ask(socket, "nickname", "Bobby", null, { invitation: "x" })).error?.code, "invalid_code");
  });
}

test("of strangers who use an invitation at once one becomes a user", async (t) => {
  const { url, code } = await byInvitation(t);
  const invitation = await code();
  const names = ["Ada", "Bob", "Cy", "Dan", "Eve", "Flo"];
  const outcomes = await Promise.all(names.map(async (nickname) => {
    const socket = connect(t, url, { auth: { nickname, token: tokenOf(nickname), invitation }, reconnection: false });
    return Promise.race([once(socket, "connect").then(() => "in"), once(socket, "connect_error").then(([{ message }]) => message)]);
  }));
  assert.equal(outcomes.filter((outcome) => outcome === "in").length, 1, outcomes.join("; "));
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === "in") continue;
    assert.match(outcome, /^invalid_code: /);
    assert.match(await refused(t, url, { nickname: names[index], token: tokenOf(names[index]) }), /^(invalid_token|registration_closed): /);
  }
});

test("a closed registration without rules does not start", async () => {
  const { process, code } = await ended("--registration", "closed", "--store", "memory:");
  assert.equal(code, 1);
  assert.match(process.stderr, /^[^\n]*--registration closed needs --rooms[^\n]*\n$/);
  const invite = await ended("--registration", "invite", "--store", "memory:");
  assert.match(invite.process.stderr, /^[^\n]*--registration invite needs --rooms[^\n]*\n$/);
  const wrong = await ended("--registration", "ajar", "--store", "memory:");
  assert.equal(wrong.code, 2);
  assert.match(wrong.process.stderr, /possible values: open, invite, closed/);
});

/** Runs the program until it ends; resolves with the process and its exit code. */
async function ended(...args) {
  const process = spawnBinary(["--listen", "127.0.0.1:0", ...args]);
  await assert.rejects(ready(process));
  return { process, ...(await process.closed) };
}

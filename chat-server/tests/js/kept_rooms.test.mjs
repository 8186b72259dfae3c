// Rooms that are kept, their members, and moderation by clients.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect } from "./support/client.mjs";
import { ask, tokenOf, User } from "./support/users.mjs";
import { command } from "./support/commands.mjs";
import { Server } from "./support/server.mjs";
import { hs256, SECRET, withKey } from "./support/tokens.mjs";

const ROOMS = { CHAT_ROOMS: "true" };

async function users(t, url, ...names) {
  return Promise.all(names.map((name) => User.connected(t, url, name, { reconnection: false })));
}

/** Asks until the answer is right: what takes effect within a moment. */
const until = (is, socket, ...request) => within(10, `${request[0]} takes effect`, (async () => {
  for (;;) {
    const answer = await ask(socket, ...request);
    if (is(answer)) return answer;
    await sleep(50);
  }
})());

const code = (answer) => answer.error?.code;

test("a user creates a room, and owns it", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, bob] = await users(t, url, "Ada", "Bob");
  const made = await ask(ada.socket, "create room", "Rust", { topic: "Crates", posting: "members" });
  assert.deepEqual(made, { room: "Rust", topic: "Crates", visibility: "public", posting: "members", users: 0, members: 1, role: "owner" });
  const again = await ask(bob.socket, "create room", "ＲＵＳＴ");
  assert.deepEqual(again.error, { code: "room_exists", message: "there is a room with this name: Rust" });
  await ask(bob.socket, "join", "Rust");
  await until((answer) => code(answer) === "forbidden", bob.socket, "chat message", "x", { room: "Rust" });
  assert.equal(code(await ask(bob.socket, "change room", "Rust", { topic: "Mine" })), "forbidden");
  assert.equal((await ask(ada.socket, "change room", "rust", { topic: "All of it" })).topic, "All of it");
  assert.deepEqual((await ask(bob.socket, "rooms")).rooms, [{ ...made, topic: "All of it", users: 1, role: null }]);
  await ask(ada.socket, "join", "Rust");
  for (const text of ["one", "two"]) await ask(ada.socket, "chat message", text, { room: "Rust" });
  const unread = async ({ socket }) => (await ask(socket, "rooms", { unread: true })).rooms.map((it) => it.unread);
  assert.deepEqual([await unread(ada), await unread(bob)], [[2], [2]]);
  await ask(ada.socket, "read", { room: "Rust", offset: 1 });
  await ask(bob.socket, "leave", "Rust");
  assert.deepEqual([await unread(ada), await unread(bob)], [[1], [undefined]]);
  assert.equal(code(await ask(bob.socket, "rooms", { unread: 1 })), "invalid_arguments");
  await ask(ada.socket, "create room", "secret", { visibility: "private" });
  assert.deepEqual((await ask(ada.socket, "rooms", { after: "rust" })).rooms.map(({ room }) => room), ["secret"]);
  const anonymous = connect(t, url);
  await once(anonymous, "connect");
  assert.deepEqual((await ask(anonymous, "rooms")).rooms.map(({ room }) => room), ["Rust"]);
  assert.equal(code(await ask(anonymous, "create room", "x")), "nickname_required");
});

test("nobody makes a room of others the own one", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, eve] = await users(t, url, "Ada", "Eve");
  await ask(ada.socket, "join", "rust");
  await ask(ada.socket, "chat message", "ours", { room: "rust" });
  // A third spelling, which is neither this one nor what all of them have in common.
  await ask(ada.socket, "join", "ＣＲＡＴＥＳ");
  await ask(ada.socket, "chat message", "ours, too", { room: "ＣＲＡＴＥＳ" });
  for (const name of ["rust", "Rust", "general", "GENERAL", "crates", "Crates"]) {
    assert.equal(code(await ask(eve.socket, "create room", name, { visibility: "private" })), "forbidden", name);
  }
});

test("an invitation makes members of a private room", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, bob, eve] = await users(t, url, "Ada", "Bob", "Eve");
  await ask(ada.socket, "create room", "team", { visibility: "private" });
  assert.equal(code(await ask(bob.socket, "join", "team")), "forbidden");
  assert.equal(code(await ask(bob.socket, "invite", "team")), "forbidden");
  assert.equal(code(await ask(bob.socket, "members", "team")), "forbidden");
  const invited = await ask(ada.socket, "invite", "team", { uses: 1, expiresIn: 3600 });
  assert.ok(Math.abs(invited.expiresAt - Date.now() - 3_600_000) < 60_000);
  const { room, role } = await ask(bob.socket, "accept invitation", invited.code.toLowerCase());
  assert.deepEqual([room, role], ["team", "member"]);
  await until((answer) => !answer.error, bob.socket, "join", "team");
  assert.equal(code(await ask(eve.socket, "accept invitation", invited.code)), "invalid_code");
  const { members } = await ask(bob.socket, "members", "team");
  assert.deepEqual(members.map(({ role }) => role).sort(), ["member", "owner"]);

  // Roles: moderators add and remove members, owners do all, and nobody acts on a greater one.
  assert.equal(code(await ask(bob.socket, "set role", "team", "Eve", "member")), "forbidden");
  assert.deepEqual(await ask(ada.socket, "set role", "team", "Bob", "moderator"), { changed: true });
  assert.deepEqual(await ask(bob.socket, "set role", "team", "Eve", "member"), { changed: true });
  assert.equal(code(await ask(bob.socket, "set role", "team", "Eve", "owner")), "forbidden");
  assert.equal(code(await ask(bob.socket, "set role", "team", "Ada", "none")), "forbidden");
  await until((answer) => !answer.error, eve.socket, "join", "team");
  const out = once(eve.socket, "not joined");
  await ask(bob.socket, "set role", "team", "Eve", "none");
  assert.equal((await out)[0].rooms[0].error.code, "forbidden");
  assert.equal(code(await ask(ada.socket, "set role", "team", "Ada", "none")), "last_owner");
  assert.deepEqual(await ask(bob.socket, "set role", "team", "Bob", "none"), { changed: true });
});

test("moderators kick, ban and mute, over nodes, and it is in the log", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const other = await Server.start(t, { env: ROOMS, store: server.store });
  const [ada] = await users(t, server.url, "Ada");
  const [eve, bob] = await users(t, other.url, "Eve", "Bob");
  await ask(ada.socket, "create room", "rust");
  await ask(ada.socket, "set role", "rust", "Bob", "moderator");
  for (const { socket } of [ada, eve, bob]) await ask(socket, "join", "rust");
  assert.equal(code(await ask(eve.socket, "kick", "rust", "Ada")), "forbidden");
  assert.equal(code(await ask(bob.socket, "kick", "rust", "Ada")), "forbidden");
  assert.equal(code(await ask(bob.socket, "ban", "Eve")), "forbidden", "not everywhere");

  const kicked = once(eve.socket, "not joined");
  assert.deepEqual(await ask(bob.socket, "kick", "RUST", "Eve", { reason: "spam" }), { changed: true });
  assert.equal(code(await ask(eve.socket, "chat message", "x", { room: "rust" })), "not_in_room", "at once on the same node");
  const { rooms: [{ room, error }] } = (await kicked)[0];
  assert.deepEqual([room, error.message], ["rust", "you were sent out of the room: spam"]);
  assert.equal((await ask(eve.socket, "join", "rust")).error, undefined, "she may come back");

  await ask(ada.socket, "mute", "Eve", { room: "rust", for: 3600 });
  await until((answer) => code(answer) === "forbidden", eve.socket, "chat message", "x", { room: "rust" });
  const banned = once(eve.socket, "not joined");
  await ask(bob.socket, "ban", "Eve", { room: "rust", reason: "more spam" });
  assert.equal((await banned)[0].rooms[0].error.message, "you are banned from this room: more spam");
  assert.equal(code(await ask(eve.socket, "join", "rust")), "forbidden");
  assert.deepEqual(await ask(bob.socket, "lift", "Eve", { room: "rust" }), { changed: true });
  await until((answer) => !answer.error, eve.socket, "join", "rust");

  assert.equal(code(await ask(eve.socket, "moderation log", "rust")), "forbidden");
  assert.equal(code(await ask(ada.socket, "moderation log")), "forbidden");
  const { entries } = await ask(bob.socket, "moderation log", "rust");
  const expected = ["liftMute", "liftBan", "ban", "mute", "kick", "addMember", "createRoom"];
  assert.deepEqual(entries.map(({ action }) => action), expected);
  const { user } = await ask(bob.socket, "nickname", "Bob", tokenOf("Bob"));
  assert.deepEqual([entries[2].by, entries[2].reason, entries[2].room], [user, "more spam", "rust"]);
});

test("those in a room are told of its new topic, on all nodes, and nobody else", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const other = await Server.start(t, { env: ROOMS, store: server.store });
  const [ada] = await users(t, server.url, "Ada");
  const [bob, eve] = await users(t, other.url, "Bob", "Eve");
  await ask(ada.socket, "create room", "Rust");
  await ask(ada.socket, "set role", "Rust", "Bob", "member");
  for (const socket of [ada.socket, eve.socket]) await ask(socket, "join", "Rust");
  await ask(bob.socket, "join", "rust");
  // They may be told of its creation, too, which every node reads from the store.
  const hears = ({ socket }, topic) => within(10, "room changed", new Promise((resolve) => {
    socket.on("room changed", (changed) => changed.topic === topic && resolve(changed));
  }));
  const told = [ada, bob, eve].map((user) => hears(user, "Crates"));
  await ask(ada.socket, "change room", "RUST", { topic: "Crates" });
  const expected = { topic: "Crates", visibility: "public", posting: "everyone" };
  const rooms = (await Promise.all(told)).map(({ room, ...rest }) => (assert.deepEqual(rest, expected), room));
  assert.deepEqual(rooms, ["Rust", "rust", "Rust"], "in the spelling that each has joined");

  // Eve has to leave, and does not learn what the members are told.
  const secrets = [];
  eve.socket.on("room changed", (changed) => secrets.push(changed));
  const out = once(eve.socket, "not joined");
  const members = [ada, bob].map((user) => hears(user, "Plans"));
  await ask(ada.socket, "change room", "Rust", { topic: "Plans", visibility: "private" });
  for (const { visibility } of await Promise.all(members)) assert.equal(visibility, "private");
  assert.equal((await out)[0].rooms[0].error.code, "forbidden");
  // The answer comes after what was told before.
  await ask(eve.socket, "rooms");
  assert.deepEqual(secrets, []);
});

test("lists come in pages", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada] = await users(t, url, "Ada", "Bob", "Eve");
  /** Reads page by page, each asked for with what the one before ends in. */
  const pages = async (next, ...request) => {
    for (let options = { limit: 2 }, all = []; ; ) {
      const page = await ask(ada.socket, ...request, options);
      const items = page.rooms ?? page.members ?? page.entries;
      assert.equal(items.length, page.more ? 2 : Math.min(items.length, 2));
      all.push(...items);
      if (!page.more) return all;
      options = { limit: 2, ...next(items.at(-1)) };
    }
  };
  for (const room of ["a", "b", "c"]) await ask(ada.socket, "create room", room);
  for (const name of ["Bob", "Eve"]) await ask(ada.socket, "set role", "a", name, "member");
  const rooms = await pages(({ room }) => ({ after: room }), "rooms");
  assert.deepEqual(rooms.map(({ room }) => room), ["a", "b", "c"]);
  const members = await pages(({ user }) => ({ after: user }), "members", "a");
  assert.equal(new Set(members.map(({ user }) => user)).size, 3);
  assert.deepEqual(members.map(({ role }) => role).sort(), ["member", "member", "owner"]);
  const entries = await pages(({ number }) => ({ before: number }), "moderation log", "a");
  const expected = [["addMember", "member"], ["addMember", "member"], ["createRoom", "owner"]];
  assert.deepEqual(entries.map(({ action, role }) => [action, role]), expected);
  for (const request of [["members", "a", { after: "Ada" }], ["moderation log", "a", { before: -1 }]]) {
    assert.equal(code(await ask(ada.socket, ...request)), "invalid_arguments");
  }
});

test("an invitation that was revoked is one no more, and one of two sanctions is lifted", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, bob, eve] = await users(t, url, "Ada", "Bob", "Eve");
  await ask(ada.socket, "create room", "team", { visibility: "private" });
  const { code: invitation } = await ask(ada.socket, "invite", "team", { uses: 2 });
  assert.equal((await ask(bob.socket, "accept invitation", invitation)).role, "member");
  await until((answer) => !answer.error, bob.socket, "join", "team");
  assert.equal(code(await ask(bob.socket, "revoke invitation", "team", invitation)), "forbidden");
  assert.equal(code(await ask(eve.socket, "revoke invitation", "team", invitation)), "forbidden");
  assert.deepEqual(await ask(ada.socket, "revoke invitation", "team", invitation), { changed: true });
  assert.deepEqual(await ask(ada.socket, "revoke invitation", "team", invitation), { changed: false });
  assert.equal(code(await ask(eve.socket, "accept invitation", invitation)), "invalid_code");
  assert.equal((await ask(bob.socket, "members", "team")).members.length, 2, "who has come by it stays");

  for (const kind of ["mute", "ban"]) await ask(ada.socket, kind, "Bob", { room: "team" });
  assert.deepEqual(await ask(ada.socket, "lift", "Bob", { room: "team", kind: "ban" }), { changed: true });
  assert.deepEqual(await ask(ada.socket, "lift", "Bob", { room: "team", kind: "ban" }), { changed: false });
  await until((answer) => !answer.error, bob.socket, "join", "team");
  const muted = await until((answer) => answer.error, bob.socket, "chat message", "x", { room: "team" });
  assert.equal(muted.error.message, "you are muted");
  assert.deepEqual(await ask(ada.socket, "lift", "Bob", { room: "team" }), { changed: true });
});

test("a moderator who is banned from a room does nothing there, but may give up the role", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, bob] = await users(t, url, "Ada", "Bob", "Eve");
  await ask(ada.socket, "create room", "rust");
  await ask(ada.socket, "set role", "rust", "Bob", "moderator");
  await ask(bob.socket, "mute", "Eve", { room: "rust" });
  await ask(ada.socket, "ban", "Bob", { room: "rust" });
  await until((answer) => code(answer) === "forbidden", bob.socket, "moderation log", "rust");
  for (const request of [
    ["change room", "rust", { topic: "Mine" }],
    ["set role", "rust", "Eve", "member"],
    ["invite", "rust"],
    ["kick", "rust", "Eve"],
    ["ban", "Eve", { room: "rust" }],
    ["lift", "Eve", { room: "rust" }],
    ["moderation log", "rust"],
  ]) {
    const { error } = await ask(bob.socket, ...request);
    assert.equal(error?.message, "you are banned from this room", JSON.stringify(request));
  }
  const { entries } = await ask(ada.socket, "moderation log", "rust");
  assert.deepEqual(entries.map(({ action }) => action), ["ban", "mute", "addMember", "createRoom"]);
  assert.deepEqual(await ask(bob.socket, "set role", "rust", "Bob", "none"), { changed: true });
});

test("what is not kept, not there, or too much is refused", async (t) => {
  const plain = await Server.start(t);
  const [bob] = await users(t, plain.url, "Bob");
  assert.equal(code(await ask(bob.socket, "create room", "x")), "unknown_event");
  const { url } = await Server.start(t, { env: { ...ROOMS, CHAT_MAX_NEW_ROOMS_PER_HOUR: "3" } });
  const [ada] = await users(t, url, "Ada");
  for (let n = 0; n < 3; n++) {
    assert.equal((await ask(ada.socket, "create room", `room ${n}`)).error, undefined);
    // As after an answer that got lost.
    assert.equal((await ask(ada.socket, "create room", `room ${n}`)).role, "owner");
  }
  const slow = await ask(ada.socket, "create room", "room 3");
  assert.ok(slow.error.retryAfter > 0);
  const others = await users(t, url, "Bob", "Cy", "Dan", "Eve", "Flo");
  assert.equal(code(await ask(others[0].socket, "create room", "ROOM 0")), "room_exists");
  // All users at one address together may create five times as many.
  let made = 3;
  for (const { socket } of others) {
    for (let n = 0; n < 3; n++) made += (await ask(socket, "create room", `of ${socket.id} ${n}`)).role === "owner";
  }
  assert.equal(made, 15);
  assert.deepEqual(await ask(ada.socket, "set role", "room 0", "Bob", "none"), { changed: false });
  for (const [request, expected] of [
    [["create room", "General", { visibility: "private" }], "forbidden"],
    [["change room", "nowhere", { topic: "x" }], "unknown_room"],
    [["members", "nowhere"], "unknown_room"],
    [["set role", "nowhere", "Ada", "member"], "unknown_room"],
    [["set role", "room 0", "Nobody", "member"], "unknown_nickname"],
    [["set role", "room 0", "Ada", "king"], "invalid_arguments"],
    [["invite", "room 0", { uses: 0 }], "invalid_arguments"],
    [["accept invitation", "ABCDE-FGHJK"], "invalid_code"],
    [["kick", "room 0", "Ada"], "forbidden"],
    [["ban", "Ada", { room: "room 0" }], "forbidden"],
    [["ban", "Ada", { for: -1 }], "invalid_arguments"],
    [["rooms", { limit: 1000 }], "invalid_arguments"],
  ]) {
    assert.equal(code(await ask(ada.socket, ...request)), expected, JSON.stringify(request));
  }
});

test("a user makes only so many changes", async (t) => {
  const { url } = await Server.start(t, { env: { ...ROOMS, CHAT_MAX_ROOM_CHANGES_PER_HOUR: "20" } });
  const [ada, bob] = await users(t, url, "Ada", "Bob");
  await ask(ada.socket, "create room", "rust");
  for (let n = 0; n < 3; n++) assert.equal((await ask(ada.socket, "change room", "rust", { topic: `${n}` })).topic, `${n}`);
  for (const request of [["change room", "rust", { topic: "x" }], ["invite", "rust"], ["mute", "Bob", { room: "rust" }],
    ["kick", "rust", "Bob"], ["set role", "rust", "Bob", "member"]]) {
    const { error } = await ask(ada.socket, ...request);
    assert.deepEqual([error.code, error.retryAfter > 0], ["slow_down", true], request[0]);
  }
  assert.equal((await ask(bob.socket, "create room", "other")).role, "owner", "others may");
});

test("a moderator whose token is for some rooms moderates nothing else", async (t) => {
  const { url } = await withKey(t, SECRET, { env: ROOMS });
  const as = async (name, claims) => {
    const client = connect(t, url, { auth: { token: hs256({ sub: name, name, ...claims }) } });
    await once(client, "connect");
    return client;
  };
  const [everywhere, here, eve] = await Promise.all([
    as("Ada", { roles: ["moderator"] }), as("Bob", { roles: ["moderator"], rooms: ["rust"] }), as("Eve", {}),
  ]);
  await ask(eve, "join", "rust");
  for (const request of [["ban", "Eve"], ["mute", "Eve"], ["lift", "Eve"], ["moderation log"], ["mute", "Eve", { room: "go" }]]) {
    assert.equal(code(await ask(here, ...request)), "forbidden", JSON.stringify(request));
  }
  assert.deepEqual(await ask(here, "mute", "Eve", { room: "rust" }), { changed: true });
  assert.deepEqual(await ask(everywhere, "mute", "Eve"), { changed: true });
  assert.equal((await ask(everywhere, "moderation log")).entries.length, 2);
});

test("a room that its owner deletes is gone for everybody, and its name stays taken", async (t) => {
  const server = await Server.start(t, { env: ROOMS });
  const other = await Server.start(t, { env: ROOMS, store: server.store });
  const [ada, bob] = await users(t, server.url, "Ada", "Bob");
  const [eve] = await users(t, other.url, "Eve");
  await ask(ada.socket, "create room", "team", { visibility: "private" });
  for (const name of ["Bob", "Eve"]) await ask(ada.socket, "set role", "team", name, name === "Bob" ? "moderator" : "member");
  const { code: invitation } = await ask(ada.socket, "invite", "team", { uses: 9 });
  for (const { socket } of [ada, bob, eve]) await until((answer) => !answer.error, socket, "join", "team");
  await ask(ada.socket, "chat message", "what only members may know", { room: "team" });
  assert.equal(code(await ask(bob.socket, "delete room", "team")), "forbidden");
  assert.equal(code(await ask(ada.socket, "change room", "team", { visibility: "deleted" })), "invalid_arguments");
  const out = [ada, bob, eve].map(({ socket }) => once(socket, "not joined"));
  assert.deepEqual(await ask(ada.socket, "delete room", "TEAM"), { changed: true });
  for (const [told] of await Promise.all(out)) {
    assert.deepEqual([told.rooms[0].room, told.rooms[0].error.message], ["team", "this room was deleted"]);
  }
  assert.deepEqual(await ask(ada.socket, "delete room", "team"), { changed: false }, "the answer may have been lost");
  for (const { socket } of [ada, bob, eve]) {
    const refused = [["join", "team"], ["history", { room: "team" }], ["members", "team"], ["invite", "team"],
      ["chat message", "x", { room: "Team" }], ["change room", "team", { visibility: "public" }]];
    for (const request of refused) {
      assert.ok(["forbidden", "not_in_room"].includes(code(await ask(socket, ...request))), request[0]);
    }
    assert.deepEqual((await ask(socket, "rooms")).rooms, []);
    assert.equal(code(await ask(socket, "create room", "TEAM")), "room_exists");
    assert.equal(code(await ask(socket, "accept invitation", invitation)), "unknown_room");
  }
  const log = (await command(server, "audit")).split("\n");
  assert.match(log[0], /deleteRoom in "team"$/);
  // Those who run the chat bring it back, with its members and all that was said.
  await command(server, "room", "team", "--visibility", "private");
  await until((answer) => !answer.error, bob.socket, "join", "team");
  const { messages } = await ask(bob.socket, "history", { room: "team" });
  assert.deepEqual(messages.map(({ content }) => content), ["what only members may know"]);
});

test("invitations are listed, and revoked without their codes", async (t) => {
  const { url } = await Server.start(t, { env: ROOMS });
  const [ada, bob, eve] = await users(t, url, "Ada", "Bob", "Eve");
  await ask(ada.socket, "create room", "team", { visibility: "private" });
  const later = await ask(ada.socket, "invite", "team", { uses: 3, expiresIn: 7200 });
  const sooner = await ask(ada.socket, "invite", "team", { expiresIn: 3600 });
  assert.equal(code(await ask(eve.socket, "invitations", "team")), "forbidden");
  assert.equal((await ask(bob.socket, "accept invitation", later.code)).role, "member");
  assert.equal(code(await ask(bob.socket, "invitations", "team")), "forbidden", "for moderators");
  const { room, invitations } = await ask(ada.socket, "invitations", "TEAM");
  assert.equal(room, "team");
  const { user } = await ask(ada.socket, "nickname", "Ada");
  assert.deepEqual(invitations.map(({ id, ...rest }) => rest), [
    { usesLeft: 1, expiresAt: sooner.expiresAt, by: user, nickname: "Ada" },
    { usesLeft: 2, expiresAt: later.expiresAt, by: user, nickname: "Ada" },
  ]);
  assert.ok(!JSON.stringify(invitations).includes(sooner.code));
  assert.deepEqual(await ask(ada.socket, "revoke invitation", "team", invitations[1].id), { changed: true });
  assert.deepEqual(await ask(ada.socket, "revoke invitation", "team", invitations[1].id), { changed: false });
  assert.equal(code(await ask(eve.socket, "accept invitation", later.code)), "invalid_code");
  assert.equal((await ask(eve.socket, "accept invitation", sooner.code)).role, "member");
  const left = await ask(ada.socket, "invitations", "team");
  assert.deepEqual(left.invitations.map(({ usesLeft }) => usesLeft), [0]);
  // Names, so that a list can be shown; those of now.
  await ask(bob.socket, "nickname", "Robert");
  const { members } = await ask(ada.socket, "members", "team");
  assert.deepEqual(members.map(({ nickname, role }) => [nickname, role]).sort(), [["Ada", "owner"], ["Eve", "member"], ["Robert", "member"]]);
  await ask(ada.socket, "mute", "Eve", { room: "team" });
  const { entries } = await ask(ada.socket, "moderation log", "team");
  assert.deepEqual([entries[0].action, entries[0].nickname, entries[0].byNickname], ["mute", "Eve", "Ada"]);
});

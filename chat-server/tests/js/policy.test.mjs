// Who may do what, and what happens to connections when that changes.
// The servers are those of tests/it/policy.rs: two nodes of one chat, whose rules a test changes over HTTP.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defer, once, within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { ask, tokenOf, User } from "./support/users.mjs";

const { CHAT_POLICY_URL: url, CHAT_POLICY_OTHER_URL: otherUrl } = process.env;

let count = 0;
/** A name that no other test uses. */
const fresh = (text) => `${text} ${++count}`;

/** Changes the rules, and announces it on a node if `changed` says what; what was refused is allowed after the test. */
async function rules(t, change, { at = url, lasts = false } = {}) {
  const response = await fetch(`${at}/rules`, { method: "POST", body: JSON.stringify(change) });
  assert.equal(response.status, 200);
  if (change.refuse && !lasts) defer(t, () => rules(t, { allow: change.refuse, changed: "all" }));
}

const asked = async (text) => (await (await fetch(`${url}/asked`)).json())[text] ?? 0;

/** Notes every event of a socket. */
function noted(socket) {
  const events = [];
  socket.onAny((...event) => events.push(event));
  return events;
}

/** A user in these rooms, and what it is told. */
async function user(t, name, rooms, { at = url, auth, ...options } = {}) {
  const it = new User(t, at, name, { auth: { rooms, ...auth }, ...options });
  it.events = noted(it.socket);
  await once(it.socket, "connect");
  return it;
}

/** Asserts that a request is refused by the policy. */
async function forbidden(socket, ...args) {
  const { error } = await ask(socket, ...args);
  assert.equal(error?.code, "forbidden", `${args[0]}: ${JSON.stringify(error)}`);
  assert.match(error.message, /^not you: /);
}

/** Resolves when the client has got everything that was sent to it so far; it is in this room. */
async function flushed(writer, reader, room) {
  const content = fresh("flush");
  const arrived = new Promise((resolve) => {
    reader.on("chat message", (got) => got === content && resolve());
  });
  await send(writer, content, null, { room });
  await within(20, "what was sent", arrived);
}

async function until(is, what) {
  const end = Date.now() + 20_000;
  while (!(await is())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const contents = (events) => events.filter(([name]) => name === "chat message").map(([, content]) => content);
const outOf = (events) =>
  events.filter(([name]) => name === "not joined").flatMap(([, { rooms }]) => rooms.map(({ room, error }) => `${room}: ${error.code}`));

for (const transport of ["websocket", "polling"]) {
  const transports = TRANSPORTS[transport];

  test(`${transport}: each request is refused before it has an effect`, async (t) => {
    const [room, closed, name, friend] = ["room", "closed", "Eve", "Ada"].map(fresh);
    const reader = await user(t, friend, [room, closed]);
    await send(reader.socket, "first", null, { room: closed });
    const eve = await user(t, name, [room], { transports });
    await eve.whisper(friend, "hello");
    const other = fresh("Mallory");
    await rules(t, {
      refuse: [`${name} joins ${closed}`, `${name} writes ${room}`, `${name} whispers`, `${name} rereads`]
        .concat(`${name} types ${room}`, `${name} sees ${room}`, `${name} takes ${other}`),
      changed: "all",
    });
    await forbidden(eve.socket, "join", closed);
    await forbidden(eve.socket, "join", closed, { after: 0 });
    await forbidden(eve.socket, "chat message", "no", "key", { room });
    await forbidden(eve.socket, "private message", friend, "no");
    await forbidden(eve.socket, "history", { with: friend });
    await forbidden(eve.socket, "users", room);
    await forbidden(eve.socket, "typing", room, true);
    await forbidden(eve.socket, "nickname", other, tokenOf(other));
    // What is not refused still works, and what is refused for another reason says so.
    assert.deepEqual((await ask(eve.socket, "history", { room })).messages, []);
    assert.equal((await ask(eve.socket, "chat message", "no", null, { room: closed })).error.code, "not_in_room");
    await flushed(reader.socket, eve.socket, room);
    await flushed(reader.socket, reader.socket, closed);
    assert.deepEqual(contents(eve.events).filter((it) => !it.startsWith("flush")), []);
    assert.deepEqual(contents(reader.events).filter((it) => !it.startsWith("flush")), ["first"]);
    assert.deepEqual(reader.privates.map(({ content }) => content), ["hello"]);
    assert.ok(!reader.events.some(([event]) => event === "typing"));
    const taken = await user(t, other, [room]);
    assert.equal((await ask(taken.socket, "users", room)).nicknames.includes(other), true);
  });

  test(`${transport}: who may not connect gets a reason and nothing else`, async (t) => {
    const name = fresh("Eve");
    const eve = await user(t, name, ["general"], { transports });
    await rules(t, { refuse: [`${name} connects`] });
    const again = connect(t, url, { transports, auth: { nickname: name, token: tokenOf(name) }, reconnection: false });
    const events = noted(again);
    const [{ data }] = await once(again, "connect_error");
    assert.deepEqual(data, { code: "forbidden", message: `not you: ${name} connects` });
    assert.deepEqual(events, []);
    assert.ok(eve.socket.connected, "the change was not announced");
    await rules(t, { refuse: [`somebody takes ${name}`] });
    again.connect();
    const [{ data: other }] = await once(again, "connect_error");
    assert.equal(other.message, `not you: somebody takes ${name}`);
  });

  test(`${transport}: rooms of auth that one may not join or read are named, and nothing of them comes`, async (t) => {
    const [room, unread, closed, name] = ["room", "unread", "closed", "Eve"].map(fresh);
    const writer = await user(t, fresh("Ada"), [room, unread, closed]);
    await send(writer.socket, "secret", null, { room: unread });
    await send(writer.socket, "secret", null, { room: closed });
    await send(writer.socket, "public", null, { room });
    await rules(t, { refuse: [`${name} reads ${unread}`, `${name} joins ${closed}`] });
    const eve = await user(t, name, [room, unread, closed, "no room "], { transports });
    await flushed(writer.socket, eve.socket, room);
    assert.deepEqual(contents(eve.events).slice(0, 1), ["public"]);
    assert.equal(contents(eve.events).length, 2);
    const told = outOf(eve.events).sort();
    assert.deepEqual(told, [`${closed}: forbidden`, "no room : invalid_arguments", `${unread}: forbidden`].sort());
    for (const one of [unread, closed]) {
      assert.equal((await ask(eve.socket, "history", { room: one })).error.code, "not_in_room");
      assert.equal((await ask(writer.socket, "users", one)).users, 1);
    }
    await forbidden(eve.socket, "join", unread, { after: 0 });
  });

  test(`${transport}: a room that may not be read any more is left at once`, async (t) => {
    const [room, staff, name] = ["room", "staff", "Eve"].map(fresh);
    const writer = await user(t, fresh("Ada"), [room, staff]);
    const eve = await user(t, name, [room, staff], { transports });
    await send(writer.socket, "before", null, { room: staff });
    await eve.reads(1);
    await rules(t, { refuse: [`${name} reads ${staff}`], changed: { room: staff } });
    await send(writer.socket, "secret", null, { room: staff });
    await flushed(writer.socket, eve.socket, room);
    assert.deepEqual(contents(eve.events).filter((it) => !it.startsWith("flush")), ["before"]);
    assert.deepEqual(outOf(eve.events), [`${staff}: forbidden`]);
    assert.equal((await ask(writer.socket, "users", staff)).users, 1);
    assert.ok(writer.events.some(([event, change]) => event === "user left" && change.room === staff));
    assert.equal((await ask(eve.socket, "chat message", "no", null, { room: staff })).error.code, "not_in_room");

    // Its session knows it: what it missed there does not come.
    await cutOff(eve.socket, () => send(writer.socket, "more", null, { room: staff }));
    assert.equal(eve.socket.recovered, true);
    await flushed(writer.socket, eve.socket, room);
    assert.deepEqual(contents(eve.events).filter((it) => !it.startsWith("flush")), ["before"]);
  });

  test(`${transport}: a session that comes back is out of what it may not read by then`, async (t) => {
    const [room, staff, name] = ["room", "staff", "Eve"].map(fresh);
    const writer = await user(t, fresh("Ada"), [room, staff]);
    const eve = await user(t, name, [room, staff], { transports });
    await send(writer.socket, "before", null, { room: staff });
    await eve.reads(1);
    await cutOff(eve.socket, async () => {
      await send(writer.socket, "secret", null, { room: staff });
      await send(writer.socket, "public", null, { room });
      // Not announced: a client that connects is asked about in any case.
      await rules(t, { refuse: [`${name} reads ${staff}`] });
    });
    assert.equal(eve.socket.recovered, true);
    await flushed(writer.socket, eve.socket, room);
    assert.deepEqual(contents(eve.events).filter((it) => !it.startsWith("flush")), ["before", "public"]);
    assert.deepEqual(outOf(eve.events), [`${staff}: forbidden`]);
  });

  test(`${transport}: who may not be connected any more is cut off, and the session is over`, async (t) => {
    const [room, name] = ["room", "Eve"].map(fresh);
    const writer = await user(t, fresh("Ada"), [room]);
    const eve = await user(t, name, [room], { transports });
    await send(writer.socket, "before", null, { room });
    await eve.reads(1);
    const { id } = eve.socket;
    const gone = once(eve.socket, "disconnect");
    const refused = once(eve.socket, "connect_error");
    const refuse = [`${name} connects`];
    await rules(t, { refuse, changed: { user: name } }, { lasts: true });
    assert.equal((await ask(writer.socket, "users", room)).users, 1, "it has left, without a grace period");
    await send(writer.socket, "missed", null, { room });
    await gone;
    assert.equal((await refused)[0].data.code, "forbidden");
    assert.deepEqual(contents(eve.events), ["before"]);
    await rules(t, { allow: refuse, changed: { user: name } });
    eve.socket.connect();
    await once(eve.socket, "connect");
    assert.equal(eve.socket.recovered, false);
    assert.notEqual(eve.socket.id, id);
  });

  test(`${transport}: who may not see the users of a room is told of none`, async (t) => {
    const [room, name] = ["room", "Eve"].map(fresh);
    await rules(t, { refuse: [`${name} sees ${room}`] });
    const eve = await user(t, name, ["general"], { transports });
    assert.equal((await ask(eve.socket, "join", room)).users, 0);
    const tab = await user(t, name, [room], { transports });
    const ada = await user(t, fresh("Ada"), [room]);
    await ask(ada.socket, "typing", room, true);
    assert.equal((await ask(ada.socket, "users", room)).users, 2, "others see it");
    ada.socket.disconnect();
    const writer = await user(t, fresh("Ada"), [room]);
    for (const { socket, events } of [eve, tab]) {
      await flushed(writer.socket, socket, room);
      const about = ([, argument]) => argument?.room === room;
      assert.deepEqual(events.filter(about), []);
    }
    await rules(t, { allow: [`${name} sees ${room}`], changed: { room } });
    const told = once(eve.socket, "user joined");
    await user(t, fresh("Ada"), [room]);
    assert.equal((await told)[0].room, room);
    await rules(t, { refuse: [`${name} sees ${room}`], changed: { room } }, { lasts: true });
  });
}

test("a message costs no question while the decision is remembered", async (t) => {
  const [room, name] = ["room", "Ada"].map(fresh);
  const ada = await user(t, name, [room]);
  for (let n = 0; n < 200; n++) ada.socket.emit("chat message", `${n}`, null, { room });
  await flushed(ada.socket, ada.socket, room);
  assert.deepEqual(contents(ada.events).slice(0, -1), Array.from({ length: 200 }, (_, n) => `${n}`));
  assert.equal(await asked(`${name} writes ${room}`), 1);
  assert.equal(await asked(`${name} reads ${room}`), 1);
  await rules(t, { changed: { room } });
  await send(ada.socket, "after a change", null, { room });
  assert.equal(await asked(`${name} writes ${room}`), 2);
  assert.equal(await asked(`${name} reads ${room}`), 2);
  assert.equal(await asked(`${name} connects`), 1, "nothing about the room");
});

test("a change on one node counts on the other within a second", async (t) => {
  const [room, staff, name, banned] = ["room", "staff", "Eve", "Mallory"].map(fresh);
  const writer = await user(t, fresh("Ada"), [room, staff]);
  const eve = await user(t, name, [room, staff], { at: otherUrl });
  const mallory = await user(t, banned, [room, staff], { at: otherUrl });
  await send(writer.socket, "before", null, { room: staff });
  await Promise.all([eve.reads(1), mallory.reads(1)]);
  const [told, gone] = [once(eve.socket, "not joined", 1), once(mallory.socket, "disconnect", 1)];
  await rules(t, { refuse: [`${name} reads ${staff}`, `${banned} connects`], changed: "all" });
  await Promise.all([told, gone]);
  await send(writer.socket, "secret", null, { room: staff });
  await flushed(writer.socket, eve.socket, room);
  assert.deepEqual(contents(eve.events).filter((it) => !it.startsWith("flush")), ["before"]);
  await once(mallory.socket, "connect_error");
  assert.deepEqual(contents(mallory.events), ["before"]);
});

test("a policy that cannot decide makes clients wait, and loses nothing", async (t) => {
  const [room, name] = ["room", "Eve"].map(fresh);
  const writer = await user(t, fresh("Ada"), [room]);
  const eve = await user(t, name, [room]);
  await send(writer.socket, "known", null, { room });
  await eve.reads(1);
  await rules(t, { fails: true, changed: { user: name } });
  defer(t, () => rules(t, { fails: false }));
  const { error } = await ask(eve.socket, "chat message", "now or later", "key", { room });
  assert.equal(error.code, "unavailable");
  assert.ok(error.retryAfter > 0);
  // The writer is remembered, and the reader is not: it waits.
  await send(writer.socket, "while it fails", null, { room });
  const late = connect(t, url, { auth: { nickname: name, token: tokenOf(name), rooms: [room] } });
  await until(async () => (await asked(`somebody takes ${name}`)) > 2, "it tries again");
  assert.equal(late.connected, false);
  assert.deepEqual(contents(eve.events), ["known"]);
  await rules(t, { fails: false });
  assert.deepEqual(await eve.reads(2), ["known", "while it fails"]);
  await until(() => late.connected, "it connects");
  const { duplicate } = await ask(eve.socket, "chat message", "now or later", "key", { room });
  assert.equal(duplicate, false, "it was not stored when it was refused");
});

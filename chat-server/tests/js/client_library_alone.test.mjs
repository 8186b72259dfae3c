// The client library without a server: the clock, the storage, the page and the connection are played.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeServer, settle } from "./support/fakes.mjs";
import { contents, Page, Store } from "./support/library.mjs";

const GENERAL = "#general";
const open = (chat) => chat.snapshot().open;

test("where the chat is decides the path, and under which names things are kept", () => {
  const server = new FakeServer();
  const local = new Store();
  const chat = server.client({ local, name: "Ada" });
  const [[url, { path, transports }]] = server.options;
  assert.deepEqual([url, path, transports[0]], ["https://chat.example", "/team/socket.io/", "websocket"]);
  chat.send(GENERAL, "hello");
  assert.ok(local.names().length >= 2);
  for (const name of local.names()) assert.match(name, /^chathttps:\/\/chat\.example\/team\/\./);
  const [{ nickname, token, rooms, echo, serverOffset }] = server.handshakes;
  assert.deepEqual([nickname, token.length, rooms, echo, serverOffset], ["Ada", 32, ["general"], false, 0]);
  chat.stop();
});

test("a websocket comes first, and polling where nothing comes of it or there is none", () => {
  const server = new FakeServer();
  server.isUp = false;
  const chat = server.client();
  const [[, { transports, timeout }]] = server.options;
  assert.deepEqual([transports, timeout], [["websocket", "polling"], 5_000]);
  // As the server is away: it is not the websocket's fault.
  server.socket.arrives("connect_error", new Error("websocket error"));
  assert.deepEqual(server.socket.io.opts, {});
  server.socket.arrives("connect_error", new Error("timeout"));
  assert.deepEqual(server.socket.io.opts.transports, ["polling", "websocket"]);
  chat.stop();
  server.client({ hasWebsockets: false }).stop();
  assert.deepEqual(server.options.at(-1)[1].transports, ["polling", "websocket"]);
});

test("a signed token is asked for at each connection", async () => {
  const server = new FakeServer();
  let count = 0;
  const chat = server.client({ signedToken: async () => `token ${(count += 1)}` });
  await settle();
  server.breaks();
  server.socket.connect();
  await settle();
  assert.deepEqual(server.handshakes.map(({ token, nickname }) => [token, nickname]), [
    ["token 1", undefined],
    ["token 2", undefined],
  ]);
  chat.stop();
});

test("messages are sent one after the other, and again without an answer, with the same key", async () => {
  const server = new FakeServer();
  const chat = server.client();
  chat.send(GENERAL, "one");
  chat.send(GENERAL, "two");
  await settle();
  assert.equal(server.of("chat message").length, 1, "the second waits for the first");
  await server.clock.pass(10_000);
  const [[, key], [content, again]] = server.of("chat message");
  assert.deepEqual([content, again], ["one", key]);
  let offset = 0;
  server.answers["chat message"] = () => ({ offset: (offset += 1), duplicate: false });
  await server.clock.pass(10_000);
  assert.deepEqual(contents(open(chat)), ["one", "two"]);
  assert.equal(open(chat).waiting.length, 0);
  chat.stop();
});

test("who is told to wait waits, and those behind too; who is refused does not", async () => {
  const server = new FakeServer();
  const chat = server.client();
  server.answers["chat message"] = { error: { code: "slow_down", message: "too often", retryAfter: 3_000 } };
  chat.send(GENERAL, "one");
  const two = chat.send(GENERAL, "two");
  await server.clock.pass(2_999);
  assert.equal(server.of("chat message").length, 1);
  server.answers["chat message"] = (content) => content === "two"
    ? { error: { code: "forbidden", message: "not here" } }
    : { offset: 1, duplicate: false };
  await server.clock.pass(1);
  await assert.rejects(two, { name: "Refusal", code: "forbidden" });
  assert.deepEqual(open(chat).waiting.map(({ content, state }) => [content, state]), [["two", "failed"]]);
  // Again, as a new message.
  const [, [, refused]] = server.of("chat message").slice(-2);
  server.answers["chat message"] = { offset: 2, duplicate: false };
  chat.retry(open(chat).waiting[0].key);
  await settle();
  assert.notEqual(server.of("chat message").at(-1)[1], refused);
  assert.deepEqual(contents(open(chat)), ["one", "two"]);
  chat.stop();
});

test("what the storage does not take waits all the same, and the page asks before it is left", async () => {
  const server = new FakeServer();
  server.isUp = false;
  const local = Object.assign(new Store(), { full: true });
  const chat = server.client({ local });
  const asks = () => {
    let asked = false;
    server.page.happens("beforeunload", { preventDefault: () => (asked = true) });
    return asked;
  };
  assert.ok(!asks());
  chat.send(GENERAL, "one");
  assert.ok(asks());
  chat.discard(open(chat).waiting[0].key);
  assert.ok(!asks());
  chat.stop();
});

test("another tab sends what this one leaves, and hears when it is stored", async () => {
  const server = new FakeServer();
  server.isUp = false;
  const local = new Store();
  const pages = [new Page(), new Page()];
  const [first, second] = pages.map((page) => server.client({ local, page }));
  const stored = first.send(GENERAL, "one");
  const [name] = local.names().filter((name) => name.includes("outbox."));
  pages[0].happens("pagehide");
  const [left] = local.names().filter((name) => name.endsWith("outbox-left"));
  pages[1].happens("storage", { key: left, newValue: local.getItem(left), oldValue: null });
  assert.deepEqual(open(second).waiting.map(({ content }) => content), ["one"]);
  pages[0].happens("storage", { key: name, newValue: JSON.stringify({ offset: 7 }), oldValue: null });
  assert.deepEqual(await stored, { offset: 7 });
  assert.deepEqual([open(first).waiting.length, contents(open(first))], [0, ["one"]]);
  for (const chat of [first, second]) chat.stop();
});

test("what a crashed page has not sent is sent by another one that is open", async () => {
  const [here, crashed, slow] = [new FakeServer(), new FakeServer(), new FakeServer()];
  const local = new Store();
  here.answers["chat message"] = { offset: 1, duplicate: false };
  const chat = here.client({ local });
  await slow.clock.pass(25_000);
  for (const server of [crashed, slow]) server.isUp = false;
  crashed.client({ local }).send(GENERAL, "from the crashed page").catch(() => {});
  await here.clock.pass(25_000);
  assert.deepEqual(here.of("chat message"), []);
  // Its page may still be sending it.
  slow.client({ local }).send(GENERAL, "from a page that is open").catch(() => {});
  await here.clock.pass(20_000);
  assert.deepEqual(here.of("chat message").map(([content]) => content), ["from the crashed page"]);
  chat.stop();
});

test("messages count as unread while the page is hidden, or another conversation is shown", async () => {
  const server = new FakeServer();
  const chat = server.client({ rooms: ["general", "rust"] });
  server.says(1, "seen");
  assert.equal(chat.snapshot().unread, 0);
  server.page.hidden = true;
  server.says(2, "unseen");
  server.says(3, "elsewhere", { room: "rust" });
  // Again, as after a lost connection.
  server.says(2, "unseen");
  assert.deepEqual(chat.snapshot().rooms.map(({ unread, newAfter }) => [unread, newAfter]), [[1, 1], [1, 0]]);
  chat.markRead(GENERAL);
  assert.deepEqual(chat.snapshot().rooms.map(({ unread }) => unread), [0, 1]);
  server.page.hidden = false;
  chat.readBack(true);
  server.says(4, "below");
  assert.equal(open(chat).unread, 1);
  chat.stop();
});

test("after a lost connection it is told how much was missed, once", async () => {
  const server = new FakeServer();
  const chat = server.client();
  const counts = [];
  chat.on("caughtUp", (count) => counts.push(count));
  server.says(1, "before");
  server.breaks();
  server.answers.join = (room) => ({ room, users: 1, tail: 4 });
  server.socket.connect();
  for (const offset of [2, 3, 4]) server.says(offset, "missed");
  server.says(5, "live");
  await server.clock.pass(1_000);
  assert.deepEqual(counts, [3]);
  chat.stop();
});

test("without the end of the log, what has come until it is quiet was missed", async () => {
  const server = new FakeServer();
  const chat = server.client();
  const counts = [];
  chat.on("caughtUp", (count) => counts.push(count));
  server.breaks();
  delete server.answers.join;
  server.socket.connect();
  server.says(7, "missed");
  await server.clock.pass(300);
  assert.deepEqual(counts, []);
  await server.clock.pass(100);
  assert.deepEqual(counts, [1]);
  // Told late.
  await server.clock.pass(20_000);
  assert.deepEqual(counts, [1]);
  chat.stop();
});

test("the position of the last message is said when connecting, also by a page that is loaded anew", async () => {
  const server = new FakeServer();
  const local = new Store();
  let chat = server.client({ local });
  const meta = { room: "general", from: null, at: 1, clientOffset: null };
  server.socket.arrives("chat message", "hi", 7, meta, "epoch-7-00c0ffee");
  chat.stop();
  chat = server.client({ local });
  const { serverOffset, offset } = server.handshakes.at(-1);
  assert.deepEqual([serverOffset, offset], [7, "epoch-7-00c0ffee"]);
  chat.stop();
});

test("a client that is told of another log begins anew, and takes what comes on that connection", async () => {
  const server = new FakeServer();
  const chat = server.client();
  for (const offset of [1, 2, 3]) server.says(offset, "of the end that was lost");
  server.breaks();
  server.connects(server.socket);
  const { socket } = server;
  assert.equal(server.handshakes.at(-1).offset, "epoch-3");
  socket.arrives("other log", { epoch: "epoch", tail: 2 });
  server.says(1, "kept");
  server.says(2, "said since");
  assert.equal(server.socket, socket, "it is connected already");
  assert.deepEqual(open(chat).messages.map(({ content }) => content), ["kept", "said since"]);
  chat.stop();
});

test("a message of another log begins all anew", async () => {
  const server = new FakeServer();
  const chat = server.client();
  server.says(1, "of the first log");
  const { socket } = server;
  socket.arrives("chat message", "of another", 1, { room: "general", from: null, at: 1, clientOffset: null }, "other-1");
  assert.notEqual(server.socket, socket);
  assert.equal(server.handshakes.at(-1).serverOffset, 0);
  assert.equal(open(chat).messages.length, 0);
  chat.stop();
});

test("an event of an application is told by its name, and has a place in the log", async () => {
  const server = new FakeServer();
  const chat = server.client();
  const told = [];
  const stop = chat.onEvent("order updated", (...args) => told.push(args));
  // It does not get in the way of what the client itself tells.
  chat.on("message", ({ content }) => told.push(content));
  server.socket.arrives("order updated", { id: 7 }, 3, { room: "general" }, "epoch-3");
  server.socket.arrives("message", "an event with this name", 4, { room: "general" }, "epoch-4");
  stop();
  server.socket.arrives("order updated", { id: 8 }, 5, { room: "general" }, "epoch-5");
  assert.deepEqual(told, [[{ id: 7 }, 3, { room: "general" }, "epoch-3"]]);
  server.breaks();
  server.socket.connect();
  assert.equal(server.handshakes.at(-1).serverOffset, 5);
  chat.stop();
});

test("somebody who types and says nothing more is forgotten", async () => {
  const server = new FakeServer();
  const chat = server.client();
  server.socket.arrives("typing", { room: "general", nickname: "Bob", typing: true });
  await server.clock.pass(6_999);
  assert.deepEqual(open(chat).typing, ["Bob"]);
  await server.clock.pass(1);
  assert.deepEqual(open(chat).typing, []);
  chat.stop();
});

test("one's own typing is told once in two seconds, and when it ends", async () => {
  const server = new FakeServer();
  const chat = server.client();
  for (let n = 0; n < 5; n++) {
    chat.typing(GENERAL);
    await server.clock.pass(900);
  }
  chat.typing(GENERAL, false);
  chat.typing(GENERAL, false);
  assert.deepEqual(server.of("typing").map(([, is]) => is), [true, true, false]);
  chat.stop();
});

test("a refused connection is tried again when the server says so", async () => {
  const server = new FakeServer();
  server.isUp = false;
  const chat = server.client();
  server.refuses({ code: "slow_down", message: "too often", retryAfter: 5_000 });
  assert.deepEqual(chat.snapshot().connection, {
    state: "waiting",
    problem: { code: "slow_down", message: "too often", retryAfter: 5_000 },
  });
  server.isUp = true;
  await server.clock.pass(4_999);
  assert.equal(server.handshakes.length, 1);
  await server.clock.pass(1);
  assert.equal(chat.snapshot().connection.state, "connected");
  chat.stop();
});

test("what is read is told to the server, once for many messages, by those who have a name", async () => {
  const server = new FakeServer();
  const ada = server.client({ name: "Ada" });
  server.says(1, "one");
  server.says(2, "two");
  await server.clock.pass(600);
  assert.deepEqual(server.of("read"), [[{ room: "general", offset: 2 }]]);
  ada.stop();
  const nobody = server.client();
  server.says(1, "one");
  await server.clock.pass(600);
  assert.equal(server.of("read").length, 1);
  nobody.stop();
});

test("when it is stopped, no timer and no listener is left", async () => {
  const server = new FakeServer();
  const chat = server.client({ name: "Ada" });
  server.says(1, "one");
  server.socket.arrives("typing", { room: "general", nickname: "Bob", typing: true });
  const sent = chat.send(GENERAL, "never answered");
  const asked = chat.request("never answered");
  await settle();
  assert.ok(server.clock.timers > 3 && server.page.listeners > 5);
  chat.stop();
  await assert.rejects(sent, { name: "NoAnswer" });
  await assert.rejects(asked, { name: "NoAnswer" });
  await settle();
  assert.deepEqual([server.clock.timers, server.page.listeners], [0, 0]);
  assert.equal(server.socket.connected, false);
  const told = chat.snapshot();
  server.socket.arrives("chat message", "late", 2, { room: "general", from: null, at: 1, clientOffset: null }, "epoch-2");
  assert.equal(chat.snapshot(), told);
});

/** What the server says of messages in a page of history. */
const said = (...numbers) =>
  numbers.map((offset) => ({ content: String(offset), offset, room: "general", from: "Bob", user: "b", at: 1, clientOffset: null }));

test("what was read before is there without a connection, and made whole when there is one", async () => {
  const server = new FakeServer();
  const local = new Store();
  server.answers.history = { messages: said(1, 2, 3), more: false };
  const before = server.client({ local, keepMessages: true });
  await settle();
  server.says(4, "4");
  before.stop();

  server.isUp = false;
  const chat = server.client({ local, keepMessages: true });
  assert.deepEqual(contents(open(chat)), ["1", "2", "3", "4"]);
  assert.equal(open(chat).loaded, false);
  // Other tabs have moved the cursor on meanwhile: what this one had is not the newest.
  server.isUp = true;
  server.answers.history = (request) => {
    assert.equal(request.before, undefined, "the newest page");
    return { messages: said(5, 6, 7), more: true };
  };
  server.socket.connect();
  server.says(8, "8");
  await settle();
  assert.deepEqual(contents(open(chat)), ["5", "6", "7", "8"]);
  assert.deepEqual([open(chat).loaded, open(chat).more], [true, true]);
  // One's own, which the server does not take for that, as its author had no name.
  server.answers["chat message"] = { offset: 9, duplicate: true };
  await chat.send(GENERAL, "9", { key: "mine" });
  assert.deepEqual(open(chat).messages.map(({ key }) => key), [null, null, null, null, "mine"]);
  server.answers.history = (request) => ({ messages: said(4), more: request.before !== 5 });
  await chat.loadEarlier(GENERAL);
  assert.deepEqual([contents(open(chat))[0], open(chat).more], ["4", false]);
  chat.stop();
});

test("what is passed is read, and what comes after it is not", async () => {
  const server = new FakeServer();
  const chat = server.client();
  chat.readBack(true);
  for (let n = 1; n <= 4; n++) server.says(n, `${n}`);
  const counts = () => ["read", "unread", "newAfter"].map((name) => open(chat)[name]);
  assert.deepEqual(counts(), [0, 4, 0]);
  chat.markRead(GENERAL, 3);
  assert.deepEqual(counts(), [3, 1, 0]);
  chat.markRead(GENERAL, 2);
  assert.deepEqual(counts(), [3, 1, 0]);
  chat.markRead(GENERAL);
  assert.deepEqual(counts(), [4, 0, 0]);
  chat.stop();
});

test("what is made unread stays so, whatever was told before, until it is read again", async () => {
  const server = new FakeServer();
  const local = new Store();
  const before = server.client({ local, name: "Ada" });
  server.answers.unread = { rooms: [{ room: "general", read: 4, unread: 0 }], conversations: [] };
  server.answers.history = { messages: said(1, 2, 3, 4), more: false };
  for (let n = 1; n <= 4; n++) server.says(n, `${n}`);
  await settle();
  server.socket.arrives("nickname", { nickname: "Ada", user: "a" });
  before.markUnread(GENERAL, 3);
  const counts = (chat) => ["read", "unread", "newAfter"].map((name) => open(chat)[name]);
  assert.deepEqual(counts(before), [2, 2, 2]);
  // Another device comes with what it knows.
  const elsewhere = (offset) => server.socket.arrives("read", { room: "general", user: "a", nickname: "Ada", offset });
  elsewhere(4);
  assert.deepEqual(counts(before), [2, 2, 2]);
  before.stop();

  const chat = server.client({ local, keepPlace: true });
  await server.clock.pass(500);
  assert.deepEqual(counts(chat), [2, 2, 2]);
  chat.markRead(GENERAL);
  assert.deepEqual(counts(chat), [4, 0, 2]);
  // What another device reads from now on counts.
  server.socket.arrives("nickname", { nickname: "Ada", user: "a" });
  chat.readBack(true);
  server.says(5, "5");
  server.says(6, "6");
  elsewhere(5);
  assert.deepEqual(counts(chat), [5, 1, 5]);
  chat.stop();
});

test("a program that keeps the place reads nothing before it is known what was missed", async () => {
  const server = new FakeServer();
  const local = new Store();
  const first = server.client({ local, name: "Ada" });
  server.says(1, "read");
  await settle();
  first.stop();
  server.answers.join = (room) => ({ room, users: 1, tail: 3 });
  const chat = server.client({ local, keepPlace: true });
  assert.equal(chat.snapshot().caughtUp, false);
  server.says(2, "missed");
  await settle();
  assert.equal(chat.snapshot().caughtUp, false);
  server.says(3, "missed, too");
  await settle();
  assert.deepEqual([chat.snapshot().caughtUp, open(chat).unread, open(chat).newAfter], [true, 2, 1]);
  chat.markRead(GENERAL);
  server.says(4, "live");
  assert.equal(open(chat).unread, 0);
  // After the connection was lost, too.
  server.breaks();
  server.socket.connect();
  server.says(5, "missed again");
  assert.deepEqual([chat.snapshot().caughtUp, open(chat).unread], [false, 1]);
  chat.stop();
});

test("history is loaded back to a message", async () => {
  const server = new FakeServer();
  const chat = server.client();
  server.answers.history = ({ before = 1_001, limit }) => {
    const start = Math.max(1, before - limit);
    return { messages: said(...Array.from({ length: before - start }, (_, n) => start + n)), more: start > 1 };
  };
  await chat.loadBackTo(GENERAL, 300);
  const { messages } = open(chat);
  assert.ok(messages[0].offset <= 300 && messages[0].offset > 100, `${messages[0].offset}`);
  assert.deepEqual(messages.map(({ offset }) => offset), messages.map((_, index) => messages[0].offset + index));
  chat.stop();
});

test("what is kept of messages has bounds, and none stay that could miss some", async () => {
  const server = new FakeServer();
  const local = new Store();
  const rooms = Array.from({ length: 30 }, (_, n) => `room ${n}`);
  const chat = server.client({ local, rooms, keepMessages: true });
  for (const [n, room] of rooms.entries()) server.says(n + 1, "x".repeat(30_000), { room });
  for (let n = 31; n < 200; n++) server.says(n, `${n}`, { room: "room 29" });
  await server.clock.pass(300);
  const kept = () => local.names().filter((name) => name.includes(".messages."));
  assert.equal(kept().length, 20);
  const newest = kept().find((name) => name.endsWith("#room 29"));
  assert.equal(JSON.parse(local.getItem(newest)).length, 50);
  local.full = true;
  server.says(200, "no room", { room: "room 29" });
  await server.clock.pass(300);
  assert.ok(!kept().includes(newest));
  chat.stop();
});

test("without being asked to, it keeps no messages", async () => {
  const server = new FakeServer();
  const local = new Store();
  const chat = server.client({ local });
  server.says(1, "secret");
  await server.clock.pass(300);
  chat.stop();
  assert.ok(!JSON.stringify([...local.values]).includes("secret"));
});

test("a message that turns out to be one's own stays so, whatever order the answers come in", async () => {
  const server = new FakeServer();
  const local = new Store();
  server.answers.history = { messages: said(1), more: false };
  const before = server.client({ local, keepMessages: true });
  await settle();
  before.stop();

  // No answer at first.
  delete server.answers.history;
  const chat = server.client({ local, keepMessages: true });
  server.says(2, "2");
  assert.deepEqual(open(chat).messages.map(({ own }) => own), [false, false]);
  server.answers["chat message"] = { offset: 2, duplicate: true };
  server.answers.history = { messages: said(1, 2), more: false };
  await chat.send(GENERAL, "2", { key: "mine" });
  const [, stored] = open(chat).messages;
  assert.deepEqual([stored.own, stored.key], [true, "mine"]);
  // The newest page, which was asked for before, is asked for again.
  await server.clock.pass(13_000);
  assert.equal(open(chat).loaded, true);
  const [, now] = open(chat).messages;
  assert.deepEqual([now.own, now.key], [true, "mine"]);
  chat.stop();
});

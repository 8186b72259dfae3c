// Edits, deletions, reactions and replies: seen by everybody who has the message or gets it later, by whom they may be
// made, and the past as it is now.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, msgpack, Reader, send, TRANSPORTS } from "./support/client.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server, spawnBinary } from "./support/server.mjs";
import { ask, User } from "./support/users.mjs";

const EVENTS = ["chat message", "private message", "message edited", "message deleted", "reaction"];

/** A client that keeps what it shows, as a page would. */
class Page {
  shown = new Map();
  seen = [];
  #look = () => {};

  constructor(t, url, options = {}) {
    this.socket = connect(t, url, { ...options, auth: { serverOffset: 0, ...options.auth } });
    for (const event of EVENTS) this.socket.on(event, (...args) => this.#take(event, args));
  }

  #take(event, args) {
    const [offset, meta] = args.slice(-3);
    this.seen.push(offset);
    this.socket.auth.serverOffset = offset;
    const of = this.shown.get(meta.of);
    if (event.endsWith(" message")) this.shown.set(offset, { content: args[0], edited: meta.edited ?? false, reactions: [], replyTo: meta.replyTo });
    else if (event === "message edited") Object.assign(of ?? {}, { content: args[0], edited: true });
    else if (event === "message deleted") this.shown.delete(meta.of);
    else if (of && meta.on) of.reactions.push([meta.from, args[0]]);
    else if (of) of.reactions = of.reactions.filter(([from, emoji]) => from !== meta.from || emoji !== args[0]);
    this.#look();
  }

  /** Resolves with what it shows when it has got the event at an offset. */
  async upTo(offset) {
    const there = new Promise((resolve) => {
      this.#look = () => this.seen.at(-1) >= offset && resolve();
      this.#look();
    });
    await within(20, () => `${this.seen} up to ${offset}`, there);
    assert.deepEqual([...new Set(this.seen)].sort((a, b) => a - b), this.seen, "each once, in order");
    return [...this.shown].map(([at, { content, edited, reactions }]) => [at, content, edited, reactions.flat().join(" ")]);
  }
}

const code = (answer) => answer.error?.code;

for (const [transport, transports] of Object.entries(TRANSPORTS)) {
  test(`${transport}: everybody shows the same, whenever they come and wherever they were`, async (t) => {
    const server = await Server.start(t);
    const { url } = server;
    const ada = await User.connected(t, url, "Ada", { transports });
    const bob = await User.connected(t, url, "Bob", { transports });
    const live = new Page(t, url, { transports });
    const packed = new Page(t, url, { transports, parser: msgpack });
    const away = new Page(t, url, { transports });
    const recovering = new Page(t, url, { transports, auth: { serverOffset: undefined } });
    await once(recovering.socket, "connect");
    for (const text of ["one", "two", "three", "four"]) await send(ada.socket, text);
    await Promise.all([live, packed, away, recovering].map((page) => page.upTo(4)));
    await cutOff(recovering.socket, async () => {
      away.socket.disconnect();
      assert.deepEqual(await ask(ada.socket, "edit message", 1, "uno"), { offset: 5, duplicate: false });
      assert.deepEqual(await ask(ada.socket, "edit message", 1, "eins \u{0} 😀"), { offset: 6, duplicate: false });
      assert.deepEqual(await ask(ada.socket, "delete message", 2), { offset: 7, duplicate: false });
      assert.deepEqual(await ask(bob.socket, "react", 3, "👍"), { offset: 8, duplicate: false });
      await ask(ada.socket, "react", 3, "🎉", true, "a key");
      await ask(bob.socket, "react", 3, "👍", false);
      assert.deepEqual(await ask(bob.socket, "chat message", "an answer", null, { replyTo: 3 }), { offset: 11, duplicate: false });
    });
    assert.equal(recovering.socket.recovered, true);
    away.socket.connect();
    const late = new Page(t, url, { transports });
    const expected = [
      [1, "eins \u{0} 😀", true, ""],
      [3, "three", false, "Ada 🎉"],
      [4, "four", false, ""],
      [11, "an answer", false, ""],
    ];
    for (const page of [live, packed, away, recovering, late]) {
      assert.deepEqual(await page.upTo(11), expected);
      assert.equal(page.shown.get(11).replyTo, 3);
    }
    // What is gone is not sent, and one offset after the other is.
    assert.deepEqual(late.seen, [1, 3, 4, 6, 7, 8, 9, 10, 11]);
    await server.kill();
    await server.restart();
    const after = new Page(t, url, { transports });
    assert.deepEqual(await after.upTo(11), expected);
    for (const page of [live, recovering]) {
      await send(after.socket, "the last");
      assert.equal((await page.upTo(12)).at(-1)[1], "the last");
    }
  });
}

test("a stock client that knows no changes shows what is there now", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  for (const text of ["one", "two", "three"]) await send(ada.socket, text);
  await ask(ada.socket, "edit message", 1, "uno");
  await ask(ada.socket, "delete message", 2);
  const stock = connect(t, url, { auth: { serverOffset: 0 } });
  const contents = [];
  stock.on("chat message", (content) => contents.push(content));
  await once(stock, "connect");
  await send(stock, "four");
  await within(10, "the last message", (async () => { while (contents.at(-1) !== "four") await sleep(10); })());
  assert.deepEqual(contents, ["uno", "three", "four"]);
});

test("retries are recognised, also of what was changed since", async (t) => {
  const server = await Server.start(t);
  const ada = await User.connected(t, server.url, "Ada");
  const first = await send(ada.socket, "one", "k1");
  const edit = ["edit message", 1, "uno", "k2"];
  const edited = await ask(ada.socket, ...edit);
  const react = ["react", 1, "👍", true, "k3"];
  const reacted = await ask(ada.socket, ...react);
  const deletion = ["delete message", 1, "k4"];
  const deleted = await ask(ada.socket, ...deletion);
  await server.kill();
  await server.restart();
  await once(ada.socket, "connect");
  const again = (answer) => ({ ...answer, duplicate: true });
  assert.deepEqual(await send(ada.socket, "one", "k1"), again(first));
  assert.deepEqual(await ask(ada.socket, ...edit), again(edited));
  assert.deepEqual(await ask(ada.socket, ...react), again(reacted));
  assert.deepEqual(await ask(ada.socket, ...deletion), again(deleted));
  assert.deepEqual(await ask(ada.socket, "delete message", 1), again(deleted));
  for (const other of [["edit message", 1, "due", "k2"], ["react", 1, "👍", false, "k3"], ["edit message", 1, "uno", "k4"]]) {
    assert.equal(code(await ask(ada.socket, ...other)), "client_offset_conflict", other.join());
  }
  assert.equal(code(await send(ada.socket, "uno", "k1")), "client_offset_conflict");
  // Under a new key, of what is gone.
  for (const late of [["edit message", 1, "x"], ["react", 1, "👍"]]) {
    assert.equal(code(await ask(ada.socket, ...late)), "unknown_message", late.join());
  }
});

test("nobody changes what others have said, and nobody learns of what is not for it", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada", { auth: { rooms: ["general", "rust"] } });
  const bob = await User.connected(t, url, "Bob");
  const stranger = connect(t, url);
  const other = connect(t, url);
  await send(ada.socket, "one");
  await send(ada.socket, "two", null, { room: "rust" });
  await ada.whisper("Bob", "three");
  const own = await send(stranger, "four");
  for (const socket of [bob.socket, stranger]) {
    for (const change of [["edit message", 1, "x"], ["delete message", 1]]) {
      assert.equal(code(await ask(socket, ...change)), "forbidden", change.join());
    }
    for (const change of [["edit message", 2, "x"], ["delete message", 2], ["react", 2, "👍"], ["delete message", 99]]) {
      assert.equal(code(await ask(socket, ...change)), "unknown_message", change.join());
    }
  }
  for (const change of [["edit message", 3, "x"], ["delete message", 3], ["react", 3, "👍"]]) {
    assert.equal(code(await ask(stranger, ...change)), "unknown_message", change.join());
  }
  assert.equal(code(await ask(bob.socket, "delete message", 3)), "forbidden");
  assert.equal(code(await ask(other, "edit message", 4, "x")), "forbidden");
  // Without a name, one's own session is the author.
  assert.deepEqual(await ask(stranger, "edit message", own.offset, "vier"), { offset: 5, duplicate: false });
  await ask(ada.socket, "leave", "rust");
  assert.equal(code(await ask(ada.socket, "edit message", 2, "x")), "not_in_room");
  for (const change of [
    ["edit message", 1, ""],
    ["edit message", 1],
    ["edit message", 0, "x"],
    ["edit message", "one", "x"],
    ["delete message"],
    ["react", 1],
    ["react", 1, "a b"],
    ["react", 1, "👍", "yes"],
    ["chat message", "x", null, { replyTo: -1 }],
  ]) {
    assert.match(code(await ask(ada.socket, ...change)), /^invalid_/, change.join());
  }
  assert.equal((await send(ada.socket, "the next")).offset, 6);
});

test("private messages are changed between the two", async (t) => {
  const { url } = await Server.start(t);
  const [ada, bob] = [await User.connected(t, url, "Ada"), await User.connected(t, url, "Bob")];
  const eve = new Page(t, url, { auth: { nickname: "Eve" } });
  await once(eve.socket, "connect");
  await ada.whisper("Bob", "one");
  await bob.whisper("Ada", "two", null, { replyTo: 1 });
  const heard = Promise.all([ada, bob].map(({ socket }) => once(socket, "message edited")));
  await ask(ada.socket, "edit message", 1, "uno");
  for (const [content, offset, { of, from, to, room }] of await heard) {
    assert.deepEqual([content, offset, of, from, to, room], ["uno", 3, 1, "Ada", "Bob", undefined]);
  }
  const reacted = Promise.all([ada, bob].map(({ socket }) => once(socket, "reaction")));
  await ask(bob.socket, "react", 1, "👍");
  for (const [emoji, , { of, on, from, to }] of await reacted) {
    assert.deepEqual([emoji, of, on, from, to], ["👍", 1, true, "Bob", "Ada"]);
  }
  const deleted = Promise.all([ada, bob].map(({ socket }) => once(socket, "message deleted")));
  await ask(bob.socket, "delete message", 2);
  for (const [offset, { of, from }] of await deleted) assert.deepEqual([offset, of, from], [5, 2, "Bob"]);
  for (const [socket, other] of [[ada.socket, "Bob"], [bob.socket, "Ada"]]) {
    const { messages } = await ask(socket, "history", { with: other });
    assert.deepEqual(messages.map(({ content, edited, deleted }) => [content, edited, deleted]), [["uno", true, undefined], ["", undefined, true]]);
  }
  await send(ada.socket, "for all");
  assert.deepEqual((await eve.upTo(6)).map(([, content]) => content), ["for all"]);
});

test("moderators delete; who is muted takes back what it said and edits nothing", async (t) => {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
  const { url } = server;
  const ada = await User.connected(t, url, "Ada");
  await ask(ada.socket, "create room", "team");
  await ask(ada.socket, "join", "team");
  const bob = await User.connected(t, url, "Bob", { auth: { rooms: ["general", "team"] } });
  const mod = await User.connected(t, url, "Moe", { auth: { rooms: ["general", "team"] } });
  await ask(ada.socket, "set role", "team", "Moe", "moderator");
  for (const text of ["one", "two", "three"]) await send(bob.socket, text, null, { room: "team" });
  await send(bob.socket, "four");
  const heard = once(bob.socket, "message deleted");
  assert.deepEqual(await ask(mod.socket, "delete message", 1), { offset: 5, duplicate: false });
  const [, { of, from, room }] = await heard;
  assert.deepEqual([of, from, room], [1, "Moe", "team"]);
  assert.equal(code(await ask(mod.socket, "edit message", 2, "x")), "forbidden");
  assert.equal(code(await ask(mod.socket, "delete message", 4)), "forbidden", "in another room");
  const muted = await ask(mod.socket, "mute", "Bob", { room: "team", for: 600 });
  assert.deepEqual(muted, { changed: true });
  assert.equal(code(await ask(bob.socket, "edit message", 2, "x")), "forbidden");
  assert.equal(code(await ask(bob.socket, "react", 2, "👍")), "forbidden");
  assert.deepEqual(await ask(bob.socket, "delete message", 2), { offset: 6, duplicate: false });
  await ask(mod.socket, "ban", "Bob", { room: "team" });
  assert.match(code(await ask(bob.socket, "delete message", 3)), /^(forbidden|not_in_room)$/);
});

test("the past has the reactions as they are now, and a message has room for some", async (t) => {
  const { url } = await Server.start(t, { env: { CHAT_MAX_REACTIONS_PER_MESSAGE: "2" } });
  const [ada, bob] = [await User.connected(t, url, "Ada"), await User.connected(t, url, "Bob")];
  const [eve, mallory] = [connect(t, url), connect(t, url)];
  for (const text of ["one", "two", "three"]) await send(ada.socket, text);
  for (const { socket } of [ada, bob, { socket: eve }]) await ask(socket, "react", 1, "👍");
  await ask(bob.socket, "react", 1, "👍", false);
  await ask(bob.socket, "react", 1, "🎉");
  await ask(bob.socket, "react", 1, "🎉");
  await ask(eve, "react", 2, "👀");
  await ask(ada.socket, "delete message", 2);
  assert.equal(code(await ask(ada.socket, "react", 1, "👀")), "too_many_reactions");
  const reactions = async (socket) => {
    const { messages } = await ask(socket, "history", { room: "general" });
    assert.deepEqual(messages.slice(1).map(({ reactions }) => reactions), [undefined, undefined]);
    return messages[0].reactions.map(({ emoji, count, own }) => [emoji, count, own]);
  };
  const expected = (ada, bob) => [["👍", 2, ada], ["🎉", 1, bob]];
  assert.deepEqual(await reactions(ada.socket), expected(true, false));
  assert.deepEqual(await reactions(bob.socket), expected(false, true));
  assert.deepEqual(await reactions(eve), expected(true, false));
  assert.deepEqual(await reactions(mallory), expected(false, false));
  await ask(bob.socket, "react", 1, "🎉", false);
  assert.deepEqual(await ask(bob.socket, "react", 1, "👀"), { offset: 13, duplicate: false });
});

test("who takes a name after a reaction gives it once, and takes it back", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  await send(socket, "one");
  const given = async () => (await ask(socket, "history", { room: "general" })).messages[0].reactions;
  await ask(socket, "react", 1, "👍");
  await ask(socket, "nickname", "Ada");
  await ask(socket, "react", 1, "👍");
  assert.deepEqual(await given(), [{ emoji: "👍", count: 1, own: true }]);
  await ask(socket, "react", 1, "👍", false);
  assert.equal(await given(), undefined);
});

test("a message has no more reactions however many are sent at once", async (t) => {
  const { url } = await Server.start(t, { env: { CHAT_MAX_REACTIONS_PER_MESSAGE: "5" } });
  const sockets = [1, 2, 3].map(() => connect(t, url));
  await send(sockets[0], "one");
  const all = sockets.flatMap((socket, n) => Array.from({ length: 40 }, (_, i) => ask(socket, "react", 1, `${n}:${i}`)));
  const answers = await Promise.all(all);
  assert.equal(answers.filter(({ offset }) => offset).length, 5);
  assert.equal(answers.filter((answer) => code(answer) === "too_many_reactions").length, 115);
  const { messages } = await ask(sockets[0], "history", { room: "general" });
  assert.equal(messages[0].reactions.length, 5);
});

test("the newest message is found behind any number of changes", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  await send(ada.socket, "one");
  await send(ada.socket, "two");
  for (let n = 0; n < 30; n++) await Promise.all(Array.from({ length: 100 }, (_, i) => ask(ada.socket, "react", 1, "👍", i % 2 === 0)));
  const { messages, more } = await ask(ada.socket, "history", { room: "general", limit: 1 });
  assert.deepEqual([messages.map(({ content }) => content), more], [["two"], true]);
});

test("the past can be opened anywhere", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada", { auth: { rooms: ["general", "rust"] } });
  const begin = Date.now();
  for (let n = 1; n <= 20; n++) await send(ada.socket, String(n), null, { room: n % 2 ? "rust" : "general" });
  await sleep(20);
  const middle = Date.now();
  for (let n = 21; n <= 40; n++) await send(ada.socket, String(n), null, { room: n % 2 ? "rust" : "general" });
  const page = async (options) => {
    const { messages, more, moreAfter } = await ask(ada.socket, "history", { room: "rust", ...options });
    return [messages.map(({ content }) => content).join(" "), more, moreAfter];
  };
  assert.deepEqual(await page({ after: 0, limit: 3 }), ["1 3 5", false, true]);
  assert.deepEqual(await page({ after: 5, limit: 3 }), ["7 9 11", true, true]);
  assert.deepEqual(await page({ after: 35, limit: 3 }), ["37 39", true, false]);
  assert.deepEqual(await page({ after: 39 }), ["", true, false]);
  assert.deepEqual(await page({ after: 9_000 }), ["", true, false]);
  assert.deepEqual(await page({ around: 19, limit: 4 }), ["15 17 19 21", true, true]);
  assert.deepEqual(await page({ around: 20, limit: 4 }), ["17 19 21 23", true, true]);
  assert.deepEqual(await page({ around: 1, limit: 4 }), ["1 3", false, true]);
  assert.deepEqual(await page({ around: 39, limit: 4 }), ["35 37 39", true, false]);
  assert.deepEqual(await page({ around: 19, limit: 1 }), ["19", true, true]);
  assert.deepEqual(await page({ around: { at: middle }, limit: 4 }), ["17 19 21 23", true, true]);
  assert.deepEqual(await page({ after: { at: middle }, limit: 3 }), ["21 23 25", true, true]);
  assert.deepEqual(await page({ before: { at: middle }, limit: 3 }), ["15 17 19", true, undefined]);
  assert.deepEqual(await page({ before: { at: begin } }), ["", false, undefined]);
  assert.deepEqual(await page({ after: { at: Date.now() + 60_000 } }), ["", true, false]);
  for (const bad of [{ after: 1, before: 2 }, { around: { at: "noon" } }, { around: {} }, { after: -1 }, { around: [1] }]) {
    assert.equal(code(await ask(ada.socket, "history", { room: "rust", ...bad })), "invalid_arguments", JSON.stringify(bad));
  }
});

test("a deleted text is in no file, not even after a crash", async (t) => {
  const server = await Server.start(t);
  const ada = await User.connected(t, server.url, "Ada");
  const secrets = ["the first secret", `the second secret ${"x".repeat(20_000)}`];
  for (const secret of secrets) await send(ada.socket, secret);
  const directory = dirname(server.store.replace("sqlite:", ""));
  const found = () =>
    readdirSync(directory).filter((name) => {
      const bytes = readFileSync(join(directory, name));
      return secrets.some((secret) => bytes.includes(secret.slice(0, 17)));
    });
  assert.notDeepEqual(found(), []);
  await ask(ada.socket, "edit message", 1, "harmless");
  await ask(ada.socket, "delete message", 2);
  await server.kill();
  await server.restart();
  await within(20, () => `secrets in ${found()}`, (async () => { while (found().length > 0) await sleep(50); })());
});

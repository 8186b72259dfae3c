// The client library against the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NoAnswer, Refusal } from "../../web/client/index.js";
import { within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { chatting, connected, contents, Page, shows, Store, until } from "./support/library.mjs";
import { freePort, Server } from "./support/server.mjs";

const GENERAL = "#general";

test("two clients chat, change what they have said, and see it the same", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  const bob = chatting(t, url, { name: "Bob" });
  await Promise.all([connected(ada), connected(bob)]);
  const { offset } = await ada.send(GENERAL, "Lunch?");
  await bob.send(GENERAL, "Yes", { replyTo: offset });
  await shows(ada, "Lunch?", "Yes");
  const [question, answer] = (await shows(bob, "Lunch?", "Yes")).open.messages;
  assert.deepEqual([question.from, question.own, answer.own, answer.replyTo], ["Ada", false, true, offset]);

  await bob.react(GENERAL, offset, "👍");
  await ada.edit(GENERAL, offset, "Lunch at one?");
  await bob.delete(GENERAL, answer.offset);
  for (const chat of [ada, bob]) {
    const { open } = await until(chat, "changed", ({ open: { messages: [first, second] } }) =>
      first.edited && first.reactions.length === 1 && second.deleted);
    assert.deepEqual(contents(open), ["Lunch at one?", ""]);
    const [{ emoji, count, own }] = open.messages[0].reactions;
    assert.deepEqual([emoji, count, own], ["👍", 1, chat === bob]);
  }
  await bob.react(GENERAL, offset, "👍", false);
  await until(ada, "taken back", ({ open }) => open.messages[0].reactions.length === 0);
});

test("snapshots never change, and what is the same stays the same object", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada", rooms: ["general", "rust"] });
  const bob = chatting(t, url, { name: "Bob", rooms: ["rust"] });
  await Promise.all([connected(ada), connected(bob)]);
  await ada.send(GENERAL, "one");
  const before = await until(ada, "all has come", ({ open, rooms }) => open.loaded && open.users === 1 && rooms[1].users === 2);
  assert.equal(ada.snapshot(), before);
  await bob.send("#rust", "two");
  const after = await until(ada, "it has come", ({ rooms }) => rooms[1].messages.length === 1);
  assert.deepEqual([before.rooms[1].messages.length, before.unread, after.unread], [0, 0, 1]);
  assert.equal(after.rooms[0], before.rooms[0]);
  assert.equal(after.open, after.rooms[0]);
  assert.throws(() => after.rooms[1].messages.push({}), TypeError);
  assert.throws(() => (after.rooms[1].messages[0].content = "changed"), TypeError);
  const calls = [];
  const unsubscribe = ada.subscribe(() => calls.push(ada.snapshot()));
  await ada.send(GENERAL, "three");
  assert.ok(calls.length > 0);
  unsubscribe();
  const count = calls.length;
  await ada.send(GENERAL, "four");
  assert.equal(calls.length, count);
});

test("what waits when a program ends is sent by the next one, once, also after the server was killed", async (t) => {
  const server = await Server.start(t, { listen: `127.0.0.1:${await freePort()}` });
  const local = new Store();
  const ada = chatting(t, server.url, { name: "Ada", local });
  await connected(ada);
  await ada.send(GENERAL, "first");
  await server.kill();
  await until(ada, "lost", ({ connection }) => connection.state === "reconnecting");
  const lost = ["second", "third"].map((text) => ada.send(GENERAL, text));
  assert.deepEqual(ada.snapshot().open.waiting.map(({ content, state }) => [content, state]), [
    ["second", "pending"],
    ["third", "pending"],
  ]);
  ada.stop();
  for (const promise of lost) await assert.rejects(promise, NoAnswer);

  const again = chatting(t, server.url, { local });
  assert.equal(again.snapshot().me.name, "Ada");
  assert.equal(again.snapshot().open.waiting.length, 2);
  // As when two programs have it.
  const both = chatting(t, server.url, { local });
  await server.restart();
  await shows(again, "first", "second", "third");
  await shows(both, "first", "second", "third");
  const bob = chatting(t, server.url);
  const { open } = await shows(bob, "first", "second", "third");
  assert.deepEqual(open.messages.map(({ from }) => from), ["Ada", "Ada", "Ada"]);
});

test("each message is told once, over lost connections and in the next run", async (t) => {
  const { url } = await Server.start(t);
  const local = new Store();
  const told = [];
  const run = async () => {
    const bot = chatting(t, url, { local });
    bot.on("message", ({ content }, id) => told.push([id, content]));
    await connected(bot);
    return bot;
  };
  const ada = connect(t, url);
  await send(ada, "one");
  const bot = await run();
  await shows(bot, "one");
  await send(ada, "two");
  await shows(bot, "one", "two");
  bot.stop();
  await send(ada, "three");
  const next = await run();
  await shows(next, "one", "two", "three");
  assert.deepEqual(told, [[GENERAL, "one"], [GENERAL, "two"], [GENERAL, "three"]]);
});

test("a key that is used again is stored once", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  await connected(ada);
  const stored = await Promise.all([1, 2].map(() => ada.send(GENERAL, "once", { key: "the key" })));
  stored.push(await ada.send(GENERAL, "once", { key: "the key" }));
  assert.deepEqual(stored.map(({ offset }) => offset), [1, 1, 1]);
  await shows(ada, "once");
});

test("rooms and private conversations begin and end", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  const bob = chatting(t, url, { name: "Bob" });
  await Promise.all([connected(ada), connected(bob)]);
  const rust = await ada.join("rust");
  ada.show(rust);
  await ada.send(rust, "anybody?");
  await bob.join("rust");
  await until(ada, "Bob has come", ({ open }) => String(open.members) === "Ada,Bob");
  const id = await ada.writeTo("Bob");
  ada.show(id);
  await ada.send(id, "psst");
  const { people } = await until(bob, "it has come", ({ people }) => people.length === 1);
  assert.deepEqual([people[0].id, people[0].unread, people[0].here], ["@ada", 1, true]);
  ada.leave(id);
  assert.deepEqual([ada.snapshot().people.length, ada.snapshot().open.id], [0, GENERAL]);
  bob.leave(rust);
  await until(ada, "Bob has left", ({ rooms }) => String(rooms[1].members) === "Ada");
});

test("refusals are errors with a code", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  const bob = chatting(t, url);
  await Promise.all([connected(ada), connected(bob)]);
  const refused = (code) => (error) => error instanceof Refusal && error.code === code;
  await assert.rejects(bob.become("ADA"), refused("nickname_taken"));
  await assert.rejects(bob.writeTo("Ada"), refused("nickname_required"));
  await assert.rejects(ada.writeTo("ada"), refused("message_to_oneself"));
  await assert.rejects(ada.join("x".repeat(300)), refused("invalid_arguments"));
  await assert.rejects(ada.edit(GENERAL, 99, "none"), refused("unknown_message"));
  await assert.rejects(ada.request("no such event"), refused("unknown_event"));
  await assert.rejects(ada.send(GENERAL, "x".repeat(70_000)), refused("invalid_content"));
  const [failed] = ada.snapshot().open.waiting;
  assert.deepEqual([failed.state, failed.problem.code], ["failed", "invalid_content"]);
  ada.discard(failed.key);
  assert.equal(ada.snapshot().open.waiting.length, 0);
  const { users } = await ada.request("users", "general");
  assert.equal(users, 2);
  assert.throws(() => ada.send("#nowhere", "hello"), /no conversation #nowhere/);
});

test("a name is kept with its token, and told when it is lost", async (t) => {
  const { url } = await Server.start(t);
  const local = new Store();
  const ada = chatting(t, url, { local });
  await connected(ada);
  await ada.become("Ada");
  const { me } = await until(ada, "it has an id", ({ me }) => me.user !== null);
  assert.equal(me.name, "Ada");
  ada.stop();
  const again = chatting(t, url, { local });
  await until(again, "the same user", ({ me: { user } }) => user === me.user);
  again.becomeNobody();
  await until(again, "nobody", ({ me }) => me.name === null);
  // Another one, with another token.
  const thief = chatting(t, url, { name: "Ada" });
  const lost = new Promise((resolve) => thief.on("nameLost", (...args) => resolve(args)));
  const [name, problem] = await within(10, "it is told", lost);
  assert.deepEqual([name, problem.code], ["Ada", "nickname_taken"]);
  await connected(thief);
  assert.equal(thief.snapshot().me.name, null);
});

test("history is read back into the snapshot, and both ways beside it", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  for (let n = 1; n <= 130; n++) await send(writer, String(n));
  const ada = chatting(t, url, { history: 10 });
  const { open } = await until(ada, "the first page", ({ open }) => open.loaded);
  assert.deepEqual([open.messages.at(-1).content, open.more], ["130", true]);
  while (ada.snapshot().open.more) await ada.loadEarlier(GENERAL);
  assert.deepEqual(contents(ada.snapshot().open), Array.from({ length: 130 }, (_, n) => String(n + 1)));
  const page = await ada.history(GENERAL, { around: 60, limit: 4 });
  assert.deepEqual([contents(page), page.more, page.moreAfter], [["58", "59", "60", "61"], true, true]);
  const after = await ada.history(GENERAL, { after: 127 });
  assert.deepEqual([contents(after), after.moreAfter], [["128", "129", "130"], false]);
});

test("what is read on one device is read on the others, and the room sees it", async (t) => {
  const { url } = await Server.start(t);
  const options = { name: "Ada", token: "the secret of Ada, 16 long" };
  const bob = chatting(t, url, { name: "Bob" });
  await connected(bob);
  for (const text of ["one", "two", "three"]) await bob.send(GENERAL, text);
  const hidden = () => Object.assign(new Page(), { hidden: true });
  const pocket = hidden();
  const laptop = chatting(t, url, { ...options, page: hidden() });
  const phone = chatting(t, url, { ...options, page: pocket });
  for (const chat of [laptop, phone]) await until(chat, "three are unread", ({ unread }) => unread === 3);
  laptop.markRead(GENERAL, 3);
  const user = (await until(laptop, "known", ({ me }) => me.user !== null)).me.user;
  const { open } = await until(bob, "seen", ({ open }) => open.readers.length === 1);
  assert.deepEqual(open.readers, [{ user, name: "Ada", offset: 3 }]);
  // One that is there asks when it is looked at, with another conversation open.
  phone.show(await phone.join("elsewhere"));
  pocket.hidden = false;
  pocket.happens("visibilitychange");
  await until(phone, "nothing is unread there", ({ unread }) => unread === 0);
  // A device that comes later asks.
  const tablet = chatting(t, url, { ...options, page: hidden() });
  await until(tablet, "nothing is unread", ({ open }) => open.read === 3 && open.unread === 0 && open.messages.length === 3);
  const late = chatting(t, url, { name: "Eve" });
  await connected(late);
  await late.loadReaders(GENERAL);
  assert.deepEqual(late.snapshot().open.readers.map(({ user, offset }) => [user, offset]), [[user, 3]]);
});

test("typing is seen by others, until it is sent", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  const bob = chatting(t, url, { name: "Bob" });
  await Promise.all([connected(ada), connected(bob)]);
  bob.typing(GENERAL);
  await until(ada, "Bob types", ({ open }) => String(open.typing) === "Bob");
  await bob.send(GENERAL, "done");
  await until(ada, "Bob has sent it", ({ open }) => open.typing.length === 0 && open.messages.length === 1);
});

test("a client that is stopped leaves nothing, and can be replaced", async (t) => {
  const { url } = await Server.start(t);
  const witness = chatting(t, url, { name: "Witness" });
  await until(witness, "alone", ({ open }) => open.users === 1);
  const page = new Page();
  const before = process.getActiveResourcesInfo().length;
  const ada = chatting(t, url, { name: "Ada", page });
  await until(witness, "Ada has come", ({ open }) => open.users === 2);
  ada.typing(GENERAL);
  // Neither answer comes any more.
  const asked = ada.request("users", "general");
  const sent = ada.send(GENERAL, "too late");
  ada.stop();
  await assert.rejects(asked, NoAnswer);
  await assert.rejects(sent, NoAnswer);
  assert.equal(ada.snapshot().connection.state, "stopped");
  assert.equal(page.listeners, 0);
  await until(witness, "Ada has left", ({ open }) => open.users === 1);
  assert.ok(process.getActiveResourcesInfo().length <= before, process.getActiveResourcesInfo().join());
  let told = 0;
  ada.subscribe(() => (told += 1));
  page.happens("online");
  await witness.send(GENERAL, "after it");
  assert.equal(told, 0);
});

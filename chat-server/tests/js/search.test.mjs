// Full-text search over what a client may read now: words in any script, edits and deletions, rooms and private messages.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Server, spawnBinary } from "./support/server.mjs";
import { ask, User } from "./support/users.mjs";

const search = async (socket, query, more = {}) => {
  const answer = await ask(socket, "search", { query, ...more });
  assert.ok(answer.hits, JSON.stringify(answer));
  return answer;
};

const offsets = async (socket, query, more) => (await search(socket, query, more)).hits.map(({ offset }) => offset);

/** Resolves when a search finds exactly these offsets: the index follows the log. */
async function finds(socket, query, expected, seconds = 20) {
  let found;
  const end = Date.now() + seconds * 1000;
  do {
    const { hits, error } = await ask(socket, "search", { query });
    // While access changes.
    if (error) assert.equal(error.code, "unavailable", JSON.stringify(error));
    found = hits?.map(({ offset }) => offset);
    if (String(found) === String(expected)) return;
    await sleep(50);
  } while (Date.now() < end);
  assert.deepEqual(found, expected, query);
}

/** What was found in a hit, cut out as a page does it. */
const marked = ({ text, matches }) => matches.map(([start, end]) => text.slice(start, end));

const offsetOf = async (answer) => (await answer).offset;

test("words, phrases and beginnings of words are found in any script", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  const texts = [
    "Release notes for today", "notes of the release", "Crème brûlée à la carte", "我们明天开会讨论",
    "今日は東京タワーへ行きます", "회의는 내일입니다", "deployed 🚀🚀 👩‍💻", "STRASSE und Straße",
  ];
  for (const text of texts) await send(ada.socket, text);
  await finds(ada.socket, "strasse ", [8]);
  for (const [query, expected, found] of [
    ['"release notes" ', [1], ["Release notes"]],
    ["notes release ", [2, 1]],
    ["rele", [2, 1]],
    ["rele ", []],
    ["notes -today", [2]],
    ["BRULEE creme ", [3], ["Crème", "brûlée"]],
    ["明天 ", [4], ["明天"]],
    ["会 ", [4]],
    ["東京", [5], ["東京"]],
    ["내일 ", [6]],
    ["🚀", [7], ["🚀🚀"]],
    ["strasse ", [8], ["STRASSE", "Straße"]],
    ["from:ada in:general after:6 before:8", [7]],
    ["after:2020-01-01 before:2020-01-02", []],
    ["from:nobody", []],
  ]) {
    const { hits } = await search(ada.socket, query);
    assert.deepEqual(hits.map(({ offset }) => offset), expected, query);
    if (found) assert.deepEqual(marked(hits[0]).filter((text) => text.trim()), found, query);
  }
  const [hit] = (await search(ada.socket, "carte")).hits;
  const { at, user, ...rest } = hit;
  assert.deepEqual(rest, { offset: 3, room: "general", from: "Ada", text: texts[2], matches: [[18, 23]] });
  assert.equal(typeof at, "number");
  assert.match(user, /^[0-9a-f]{16}$/);
  assert.deepEqual(await offsets(ada.socket, `from:${user} carte`), [3]);
});

test("mistakes in a query are named, and pages follow each other", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  for (let n = 1; n <= 45; n++) await send(ada.socket, `number ${n} ${"x".repeat(400)}`);
  await finds(ada.socket, '"number 45"', [45]);
  const seen = [];
  let before;
  do {
    const page = await search(ada.socket, "number", { before });
    seen.push(...page.hits.map(({ offset }) => offset));
    before = page.before;
  } while (before);
  assert.deepEqual(seen, Array.from({ length: 45 }, (_, n) => 45 - n));
  assert.equal((await search(ada.socket, "number", { limit: 3 })).hits.length, 3);
  const long = (await search(ada.socket, "number", { limit: 1 })).hits[0].text;
  assert.ok(long.endsWith("x…") && long.length < 320, long);
  for (const [argument, expected] of [
    [{ query: 'a "b' }, "invalid_query"],
    [{ query: "" }, "invalid_query"],
    [{ query: "before:soon" }, "invalid_query"],
    [{ query: "in:elsewhere a" }, "not_in_room"],
    [{ query: "a", limit: 51 }, "invalid_arguments"],
    ["a", "invalid_arguments"],
  ]) {
    const { error } = await ask(ada.socket, "search", argument);
    assert.equal(error?.code, expected, JSON.stringify(argument));
  }
  const { error } = await ask(ada.socket, "search", { query: 'a "b' });
  assert.match(error.message, /not closed, at character 3$/);
});

test("what was edited or deleted long ago is found as it is, and deleted words are in no file", async (t) => {
  const server = await Server.start(t);
  const ada = await User.connected(t, server.url, "Ada");
  const first = await offsetOf(send(ada.socket, "the zanzibarqx plan"));
  const second = await offsetOf(send(ada.socket, "the wolframqzv plan"));
  await finds(ada.socket, "plan", [second, first]);
  await ask(ada.socket, "edit message", first, "the harmless plan");
  await ask(ada.socket, "delete message", second);
  await finds(ada.socket, "plan", [first]);
  await finds(ada.socket, "harmless", [first]);
  assert.deepEqual(await offsets(ada.socket, "zanzibarqx"), []);
  assert.equal((await search(ada.socket, "plan")).hits[0].edited, true);
  const folder = dirname(server.store.replace("sqlite:", ""));
  const isGone = async (word) => {
    for (;;) {
      const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
      if (!files.some((bytes) => bytes.includes(word))) return;
      await sleep(100);
    }
  };
  assert.ok(readdirSync(folder).includes("chat.db-search"), String(readdirSync(folder)));
  for (const word of ["zanzibarqx", "wolframqzv"]) await within(20, `${word} is gone`, isGone(word));
});

test("private messages are found by their two users, and rooms by those who are in them", async (t) => {
  const { url } = await Server.start(t);
  const [ada, bob, eve] = [
    await User.connected(t, url, "Ada", { auth: { rooms: ["general", "vault"] } }),
    await User.connected(t, url, "Bob"),
    await User.connected(t, url, "Eve"),
  ];
  const nameless = connect(t, url);
  await once(nameless, "connect");
  await ada.whisper("Bob", "the secret plan");
  await bob.whisper("Ada", "a better plan");
  await send(ada.socket, "the vault plan", null, { room: "vault" });
  await send(ada.socket, "the public plan");
  await finds(ada.socket, "plan", [4, 3, 2, 1]);
  await finds(bob.socket, "plan", [4, 2, 1]);
  assert.deepEqual(await offsets(eve.socket, "plan"), [4]);
  assert.deepEqual(await offsets(nameless, "plan"), [4]);
  assert.deepEqual(await offsets(ada.socket, "plan in:vault"), [3]);
  const hits = (await search(bob.socket, "plan -public")).hits;
  assert.deepEqual(hits.map(({ from, with: other, room }) => [from, other, room]), [
    ["Bob", "Ada", undefined],
    ["Ada", "Ada", undefined],
  ]);
  await ask(eve.socket, "join", "vault");
  assert.deepEqual(await offsets(eve.socket, "plan"), [4, 3]);
  await ask(eve.socket, "leave", "vault");
  assert.deepEqual(await offsets(eve.socket, "plan"), [4]);
});

test("nothing is found in a room any more by whom it is closed for", async (t) => {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
  const ada = await User.connected(t, server.url, "Ada", { auth: { rooms: ["general", "vault"] } });
  const eve = await User.connected(t, server.url, "Eve", { auth: { rooms: ["general", "vault"] } });
  await send(ada.socket, "the vault plan", null, { room: "vault" });
  await send(ada.socket, "the public plan");
  await finds(eve.socket, "plan", [2, 1]);
  const ban = spawnBinary(["ban", "--user", "Eve", "--room", "vault", "--store", server.store]);
  assert.equal((await within(20, "a ban", ban.closed)).code, 0, ban.stderr);
  await finds(eve.socket, "plan", [2]);
  const { error } = await ask(eve.socket, "search", { query: "plan in:vault" });
  assert.ok(["not_in_room", "forbidden"].includes(error.code), error.code);
  await finds(ada.socket, "plan", [2, 1]);
});

test("two nodes find the same", async (t) => {
  const server = await Server.start(t, { args: ["--workers", "2"] });
  const lines = () => [...server.process.stdout.matchAll(/^listening on (\S+)$/gm)].map(([, url]) => url);
  const both = async () => {
    while (lines().length < 2) await sleep(50);
  };
  await within(20, "both nodes listen", both());
  const [one, other] = lines();
  const ada = await User.connected(t, one, "Ada");
  const bob = await User.connected(t, other, "Bob");
  await send(ada.socket, "said here");
  await send(bob.socket, "said there");
  for (const { socket } of [ada, bob]) await finds(socket, "said", [2, 1]);
  await ask(bob.socket, "edit message", 2, "said elsewhere");
  for (const { socket } of [ada, bob]) await finds(socket, "elsewhere", [2]);
});

test("a log of before is indexed when the server starts, and not searched without an index", async (t) => {
  const server = await Server.start(t, { args: ["--search", "off"] });
  const ada = await User.connected(t, server.url, "Ada");
  const acks = Array.from({ length: 1000 }, (_, n) => send(ada.socket, `number ${n + 1} of many`));
  await Promise.all(acks);
  const { error } = await ask(ada.socket, "search", { query: "many" });
  assert.equal(error.code, "search_off");
  await server.kill();
  server.args = [];
  await server.restart();
  const back = await User.connected(t, server.url, "Ada");
  await finds(back.socket, '"number 1000"', [1000]);
  await finds(back.socket, '"number 1"', [1]);
  await server.kill();
  await server.restart();
  const again = await User.connected(t, server.url, "Ada");
  assert.deepEqual(await offsets(again.socket, '"number 1000"'), [1000]);
});

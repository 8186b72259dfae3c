// What other systems have exported becomes users, rooms and messages.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { once, temporaryDirectory } from "./support/bounds.mjs";
import { connect } from "./support/client.mjs";
import { command, failing } from "./support/commands.mjs";
import { OPERATOR, operatorOf } from "./support/metrics.mjs";
import { Server } from "./support/server.mjs";

const SECRET = "0123456789abcdef0123456789abcdef";

function write(folder, files) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
}

/** An export of Slack, as its help describes it. */
function slack(folder, more = {}) {
  const says = (user, ts, text, rest = {}) => ({ type: "message", user, ts, text, ...rest });
  write(folder, {
    "users.json": [
      { id: "U1", name: "ada", real_name: "Ada Lovelace", profile: { display_name: "Ada", real_name: "Ada Lovelace" } },
      { id: "U2", name: "grace", real_name: "Grace Hopper", profile: { display_name: "" } },
      { id: "U3", name: "ada2", profile: { display_name: "Ada" } },
    ],
    "channels.json": [
      { id: "C1", name: "general", creator: "U1", members: ["U1", "U2"], topic: { value: "Everything" }, purpose: { value: "" } },
      { id: "C2", name: "rust", creator: "U2", members: ["U2"], topic: { value: "" }, purpose: { value: "About Rust" } },
    ],
    "groups.json": [{ id: "G1", name: "staff", creator: "U1", members: ["U1", "U2"] }],
    "dms.json": [{ id: "D1", members: ["U1", "U2"] }],
    "general/2020-01-01.json": [
      says("U1", "1577880000.000100", "hello <@U2> :tada:", {
        thread_ts: "1577880000.000100",
        reactions: [{ name: "thumbsup", users: ["U2", "U3"], count: 2 }, { name: "our_logo", users: ["U2"], count: 1 }],
      }),
      says("U2", "1577880001.000200", "<@U2> has joined the channel", { subtype: "channel_join" }),
      says("U2", "1577880003.000300", "an answer", { thread_ts: "1577880000.000100", parent_user_id: "U1" }),
      { type: "message", subtype: "bot_message", username: "CI", ts: "1577880004.000000", text: "build *passed*" },
    ],
    "general/2020-01-03.json": [
      says("U3", "1578052800.000000", "", {
        files: [{ name: "plan.pdf", url_private: "https://files.example/plan.pdf" }, { mode: "tombstone" }],
      }),
      says("U9", "1578052801.000000", "from outside", { user_profile: { display_name: "Eve" } }),
    ],
    "rust/2020-01-01.json": [
      says("U2", "1577880002.000000", "1 &lt; 2"),
      // As somebody is called, and with nothing but what a program attaches.
      { type: "message", subtype: "bot_message", username: "Ada", ts: "1577880002.500000", text: "", attachments: [{ fallback: "deployed" }] },
      says("U3", "1577880002.600000", "<@U3> and <@U1>"),
    ],
    "staff/2020-01-02.json": [says("U1", "1577966400.000000", "only for us")],
    "D1/2020-01-02.json": [
      says("U1", "1577966401.000000", "to Grace"),
      says("U2", "1577966402.000000", "to Ada", { reactions: [{ name: "heart", users: ["U1"], count: 1 }] }),
    ],
    ...more,
  });
}

/** A server with rooms on a store, and what reads it as its operator. */
async function serve(t, store) {
  const file = join(temporaryDirectory(t), "token");
  writeFileSync(file, SECRET, { mode: 0o600 });
  const server = await Server.start(t, { store, args: [...OPERATOR, "--admin-token-file", file, "--rooms"] });
  const get = async (path) => {
    const response = await fetch(`${operatorOf(server)}/api/v1${path}`, { headers: { authorization: `Bearer ${SECRET}` } });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  };
  return { server, get };
}

/** A client of somebody who was imported, with a code that the operator prints. */
async function comesIn(t, server, store, name) {
  const code = (await command({ store }, "code", name)).trim();
  const socket = connect(t, server.url);
  await once(socket, "connect");
  const linked = await socket.timeout(5000).emitWithAck("link device", code, { label: "laptop" });
  assert.equal(linked.nickname, name, JSON.stringify(linked));
  return socket;
}

/** The history of a room that somebody joins. */
async function joined(socket, room) {
  const answer = await socket.timeout(5000).emitWithAck("join", room);
  assert.equal(answer.error, undefined, JSON.stringify(answer));
  return socket.timeout(5000).emitWithAck("history", { room });
}

test("an export of Slack becomes users, rooms, messages, answers and reactions", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  slack(join(folder, "export"));
  const said = await command({ store }, "import", "--from", "slack", join(folder, "export"));
  assert.match(said, /^imported 11 messages, 3 reactions, 3 rooms and 6 users$/m);
  assert.match(said, /^1 reactions were left out/m);
  assert.match(said, /^Ada is called Ada 2$/m);

  const { server, get } = await serve(t, store);
  const { messages } = await get("/rooms/general/messages");
  assert.deepEqual(
    messages.map(({ from, content, at }) => [from, content, at]),
    [
      ["Ada", "hello @Grace Hopper 🎉", 1577880000000],
      ["Grace Hopper", "an answer", 1577880003000],
      ["CI", "build **passed**", 1577880004000],
      ["Ada 2", "📎 [plan.pdf](https://files.example/plan.pdf)", 1578052800000],
      ["Eve", "from outside", 1578052801000],
    ],
  );
  assert.equal(messages[1].replyTo, messages[0].offset);
  assert.deepEqual(messages[0].reactions.map(({ emoji, count }) => [emoji, count]), [["👍", 2]]);
  // All rooms together in the order of time, and the messages of one day before their reactions.
  const [rust, ...others] = (await get("/rooms/rust/messages")).messages;
  assert.deepEqual(others.map(({ from, content }) => [from, content]), [["Ada 3", "deployed"], ["Ada 2", "@Ada 2 and @Ada"]]);
  assert.ok(others[0].user, "a program cannot be taken for Ada");
  assert.equal(rust.content, "1 < 2");
  assert.ok(messages[0].offset < rust.offset && rust.offset < messages[1].offset);
  const rooms = (await get("/rooms")).rooms.map(({ room, topic, visibility, members }) => [room, topic, visibility, members]);
  assert.deepEqual(rooms.toSorted(), [
    ["general", "Everything", "public", 1],
    ["rust", "About Rust", "public", 1],
    ["staff", "", "private", 2],
  ]);

  const grace = await comesIn(t, server, store, "Grace Hopper");
  const between = await grace.timeout(5000).emitWithAck("history", { with: "Ada" });
  assert.deepEqual(between.messages.map(({ content }) => content), ["to Grace", "to Ada"]);
  assert.deepEqual(between.messages[1].reactions.map(({ emoji, count }) => [emoji, count]), [["❤️", 1]]);
  const staff = await joined(grace, "staff");
  assert.deepEqual(staff.messages.map(({ content }) => content), ["only for us"]);
  // What one has written there is one's own here.
  await joined(grace, "rust");
  const edited = await grace.timeout(5000).emitWithAck("edit message", rust.offset, "1 < 3");
  assert.ok(edited.offset > 0, JSON.stringify(edited));
  const eve = connect(t, server.url, { auth: { nickname: "Mallory" } });
  await once(eve, "connect");
  const refused = await eve.timeout(5000).emitWithAck("join", "staff");
  assert.ok(refused.error, JSON.stringify(refused));
});

test("an import that was stopped goes on, and nothing is there twice", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const path = join(folder, "export");
  slack(path);
  const half = join(folder, "half");
  slack(half, { "general/2020-01-03.json": [], "D1/2020-01-02.json": [] });
  assert.match(await command({ store }, "import", "--from", "slack", half), /^imported 7 messages, 2 reactions/m);
  const again = await command({ store }, "import", "--from", "slack", path);
  assert.match(again, /^imported 4 messages, 1 reactions/m);
  assert.match(again, /^7 messages had been imported before$/m);
  assert.match(await command({ store }, "import", "--from", "slack", path), /^imported 0 messages, 0 reactions/m);
  const { get } = await serve(t, store);
  assert.equal((await get("/rooms/general/messages")).messages.length, 5);

  const other = join(folder, "other");
  slack(other, { "general/2020-01-01.json": [{ type: "message", user: "U1", ts: "1.0", text: "another workspace" }] });
  assert.match(await failing({ store }, "import", "--from", "slack", other), /the store is not empty/);
});

test("an export whose first message is left out goes on, too, and what is new in a later one is added", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const path = join(folder, "export");
  const first = { "rust/2019-01-01.json": [{ type: "message", user: "U1", ts: "1546300800.0", text: "" }] };
  slack(path, first);
  assert.match(await command({ store }, "import", "--from", "slack", path), /^imported 11 messages/m);
  slack(path, { ...first, "rust/2020-02-01.json": [{ type: "message", user: "U1", ts: "1580515200.0", text: "later" }] });
  const again = await command({ store }, "import", "--from", "slack", path);
  assert.match(again, /^imported 1 messages, 0 reactions/m);
});

test("a room that somebody else has made gets no messages, and reserved names are nobody's", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const path = join(folder, "export");
  slack(path, { "users.json": [{ id: "U1", name: "admin" }, { id: "U2", name: "ada", deleted: true }] });
  const { server, get } = await serve(t, store);
  await command(server, "room", "staff", "--visibility", "public");
  assert.match(await failing(server, "import", "--from", "slack", path), /there is a room staff that this import has not made/);
  assert.equal((await get("/rooms/staff/messages")).messages.length, 0);

  const other = { store: `sqlite:${join(folder, "other.db")}` };
  const said = await command(other, "import", "--from", "slack", path);
  assert.match(said, /^admin is called admin 2$/m);
  const there = await serve(t, other.store);
  const staff = (await there.get("/rooms")).rooms.find(({ room }) => room === "staff");
  assert.equal(staff.members, 1, "who has left the workspace is in no room");
});

test("an export of Slack leads to no file outside of it", { timeout: 60_000 }, async (t) => {
  const store = `sqlite:${join(temporaryDirectory(t), "chat.db")}`;
  const outside = temporaryDirectory(t);
  write(outside, { "2020-01-01.json": [{ type: "message", user: "U1", ts: "1577880000.0", text: "secret" }] });
  for (const name of ["../outside", outside, "..", "a/../../b", "/"]) {
    const path = temporaryDirectory(t);
    slack(path, { "channels.json": [{ id: "C1", name }] });
    assert.match(await failing({ store }, "import", "--from", "slack", path), /which is no name of a folder/, name);
  }
  const path = temporaryDirectory(t);
  slack(path);
  rmSync(join(path, "general"), { recursive: true });
  symlinkSync(outside, join(path, "general"));
  assert.match(await failing({ store }, "import", "--from", "slack", path), /general is a link, which no export has/);
  assert.equal(existsSync(store.slice("sqlite:".length)), false, "no store is made");
});

test("what is null or missing is nothing, and what belongs nowhere is counted", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const path = join(folder, "export");
  slack(path, {
    "users.json": [{ id: "U1", name: null, real_name: null, profile: null }, { id: "U2" }],
    "channels.json": [{ id: "C1", name: "general", creator: null, members: null, topic: null, purpose: { value: null } }],
    "dms.json": [{ id: "D1", members: null }],
    "general/2020-01-01.json": [
      { type: "message", user: "U1", ts: "1577880000.0", text: null, files: null, attachments: null, reactions: null, hidden: null },
      { type: "message", user: "U1", ts: "1577880001.0", text: "x", reactions: [{ name: "heart", users: null }, { name: "heart", users: ["U7"] }] },
    ],
  });
  const said = await command({ store }, "import", "--from", "slack", path);
  assert.match(said, /^2 messages were left out: the export does not say where they belong$/m);
  assert.match(said, /^1 messages were left out: they have no text$/m);
  assert.match(said, /^1 reactions were left out: the export does not have who gave them$/m);
  assert.match(await failing({ store: "memory:" }, "import", "--from", "slack", path), /a store in memory/);
  assert.match(await failing({ store }, "import", "--from", "slack", "-"), /name the file or the folder/);
});

test("a wrong file of Slack is named, and nothing is stored", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const fails = async (files, expected) => {
    const path = temporaryDirectory(t);
    slack(path, files);
    assert.match(await failing({ store }, "import", "--from", "slack", path), expected);
  };
  await fails({ "rust/2020-01-01.json": "[{" }, /rust\/2020-01-01\.json is wrong/);
  await fails({ "rust/2020-01-01.json": [{ ts: "noon", text: "x" }] }, /rust\/2020-01-01\.json: a message has the time "noon"/);
  await fails({ "users.json": {} }, /users\.json is wrong/);
  assert.match(await failing({ store }, "import", "--from", "slack", join(folder, "chat.db")), /is no folder; unpack the export first/);
  const path = join(folder, "export");
  slack(path);
  assert.match(await command({ store }, "import", "--from", "slack", path), /^imported 11 messages/m);
});

test("a bulk export of Mattermost becomes the same", { timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  const store = `sqlite:${join(folder, "chat.db")}`;
  const file = join(folder, "export.jsonl");
  const member = (name, ...channels) => [{ name, roles: "team_user", channels: channels.map(([name, roles = "channel_user"]) => ({ name, roles })) }];
  const lines = [
    { type: "version", version: 1 },
    { type: "team", team: { name: "t", display_name: "T", type: "I" } },
    { type: "channel", channel: { team: "t", name: "town", display_name: "Town Square", type: "O", header: "Everything", purpose: "" } },
    { type: "channel", channel: { team: "t", name: "staff", display_name: "Staff", type: "P", header: "", purpose: "" } },
    { type: "user", user: { username: "ada", nickname: "", first_name: "Ada", last_name: "Lovelace", teams: member("t", ["staff", "channel_user channel_admin"]) } },
    { type: "user", user: { username: "grace", teams: member("t", ["town"], ["staff"]) } },
    { type: "user", user: { username: "linus", nickname: null, teams: null } },
    { type: "direct_channel", direct_channel: { members: ["ada", "grace", "linus"], header: "" } },
    // Posts are in no order.
    { type: "post", post: { team: "t", channel: "town", user: "grace", message: "later", create_at: 3000 } },
    {
      type: "post",
      post: {
        team: "t",
        channel: "town",
        user: "ada",
        message: "first :tada: `:tada:`",
        create_at: 1000,
        reactions: [{ user: "grace", create_at: 1500, emoji_name: "+1" }],
        replies: [{ user: "grace", message: "an answer", create_at: 2000, reactions: null }],
        attachments: [{ path: "data/20200101/plan.pdf" }],
      },
    },
    { type: "post", post: { team: "t", channel: "town", user: "grace", type: "system_join_channel", message: "joined", create_at: 1 } },
    { type: "post", post: { team: "t", channel: "staff", user: "ada", message: "only for us", create_at: 4000 } },
    { type: "direct_post", direct_post: { channel_members: ["ada", "grace"], user: "grace", message: "to Ada", create_at: 5000, replies: [{ user: "ada", message: "to Grace", create_at: 6000 }] } },
    { type: "direct_post", direct_post: { channel_members: ["linus", "grace", "ada"], user: "linus", message: "all three", create_at: 7000 } },
  ];
  // Lines may be empty, as at the end.
  const write = (...lines) => writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n\n`);
  write(...lines);
  const said = await command({ store }, "import", "--from", "mattermost", file);
  assert.match(said, /^imported 7 messages, 1 reactions, 3 rooms and 3 users$/m);
  assert.match(await command({ store }, "import", "--from", "mattermost", file), /^imported 0 messages, 0 reactions/m);
  // A later export has them elsewhere in the file, and a new answer.
  const [town] = lines.filter(({ post }) => post?.create_at === 1000);
  town.post.replies.push({ user: "ada", message: "thanks, @grace and @ada", create_at: 8000 });
  write(lines[0], { type: "emoji", emoji: { name: "logo" } }, ...lines.slice(1).reverse());
  const later = await command({ store }, "import", "--from", "mattermost", file);
  assert.match(later, /^imported 1 messages, 0 reactions/m);
  assert.match(later, /^7 messages had been imported before$/m);

  const { server, get } = await serve(t, store);
  const { messages } = await get("/rooms/Town%20Square/messages");
  assert.deepEqual(
    messages.map(({ from, content, at }) => [from, content, at]),
    [
      ["Ada Lovelace", "first 🎉 `:tada:`\n📎 plan.pdf", 1000],
      ["grace", "an answer", 2000],
      ["grace", "later", 3000],
      ["Ada Lovelace", "thanks, @grace and @Ada Lovelace", 8000],
    ],
  );
  assert.equal(messages[1].replyTo, messages[0].offset);
  const grace = await comesIn(t, server, store, "grace");
  const between = await grace.timeout(5000).emitWithAck("history", { with: "Ada Lovelace" });
  assert.deepEqual(between.messages.map(({ content, from }) => [from, content]), [["grace", "to Ada"], ["Ada Lovelace", "to Grace"]]);
  assert.equal(between.messages[1].replyTo, between.messages[0].offset);
  for (const [room, expected] of [["Staff", "only for us"], ["ada, grace, linus", "all three"]]) {
    const history = await joined(grace, room);
    assert.deepEqual(history.messages.map(({ content }) => content), [expected], room);
  }
  const fails = async (content, expected) => {
    writeFileSync(file, content);
    const other = { store: `sqlite:${join(folder, "x.db")}` };
    assert.match(await failing(other, "import", "--from", "mattermost", file), expected);
  };
  await fails(`${JSON.stringify(lines[0])}\n{"type":"post","post":{"user":"ada"}}\n`, /line 2 of .* is wrong/);
  await fails(`${JSON.stringify(lines[0])}\n"\xff`, /line 2 of .* is wrong/);
  await fails("PK\x03\x04", /is packed; unpack it, and name the \.jsonl file/);
  await fails('{"type":"team"}\n', /its first line has no version/);
});

// What the operator of one node sees and does on all of them.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect } from "./support/client.mjs";
import { freePort, Server } from "./support/server.mjs";

const SECRET = "0123456789abcdef0123456789abcdef";

/** Two workers: their URLs for clients, and what asks the first one's operator. */
async function start(t, ...args) {
  const file = join(temporaryDirectory(t), "token");
  writeFileSync(file, SECRET, { mode: 0o600 });
  const first = await freePort();
  const options = ["--workers", "2", "--admin-listen", `127.0.0.1:${first}`, "--admin-token-file", file, ...args];
  const server = await Server.start(t, { args: options });
  const headers = { authorization: `Bearer ${SECRET}`, "content-type": "application/json" };
  const ask = (path, options) => fetch(`http://127.0.0.1:${first}${path}`, { headers, ...options });
  const json = async (path, options) => (await ask(path, options)).json();
  // Nodes hear each other within a second.
  const nodes = async () => {
    for (;;) {
      const { nodes, silent, obeyed } = await json("/admin/nodes");
      if (nodes.length === 2 && silent === 0) return { nodes, obeyed };
      await sleep(50);
    }
  };
  const known = await within(10, "both nodes are there", nodes());
  const [one, two] = [...server.process.stdout.matchAll(/listening on (\S+)/g)].map(([, url]) => url);
  return { one, two, ask, json, operator: first, ...known };
}

/** A client, once it has the nickname in `auth`. */
async function connected(t, url, auth = {}) {
  const socket = connect(t, url, { auth, transports: ["websocket"] });
  await once(socket, auth.nickname ? "nickname" : "connect");
  return socket;
}

test("all nodes are shown, with what they have counted", async (t) => {
  const { two, json, nodes, obeyed } = await start(t);
  assert.equal(obeyed, true);
  assert.deepEqual(nodes.map((node) => node.this), [true, false]);
  assert.notEqual(nodes[0].pid, nodes[1].pid);
  assert.ok(nodes.every(({ version }) => /^\d+\.\d+\.\d+$/.test(version)));
  await connected(t, two);
  const websockets = ({ metrics }) => Number(/^chat_connections\{transport="websocket"\} (\d+)$/m.exec(metrics)[1]);
  assert.deepEqual((await json("/admin/nodes")).nodes.map(websockets), [0, 1]);
});

test("connections of all nodes are listed and ended", async (t) => {
  const { one, two, ask, json, nodes } = await start(t);
  const here = await connected(t, one, { nickname: "Ada" });
  const there = await connected(t, two, { nickname: 'Ada "quoted"' });
  const ids = async (query) => (await json(`/admin/connections${query}`)).map(({ id }) => id).sort();
  assert.deepEqual(await ids(""), [here.id]);
  assert.deepEqual(await ids("?node=all"), [here.id, there.id].sort());
  assert.deepEqual(await ids(`?node=${nodes[1].node}`), [there.id]);
  assert.deepEqual(await ids("?node=all&user=Ada"), [here.id]);
  assert.equal((await ids("?node=all&limit=1")).length, 1);
  const [listed] = await json(`/admin/connections?node=${nodes[1].node}`);
  assert.deepEqual([listed.node, listed.user.nickname], [nodes[1].node, 'Ada "quoted"']);
  assert.equal((await ask("/admin/connections?node=x")).status, 400);
  assert.deepEqual(await ids("?node=0123456789abcdef"), [], "there is no such node");

  const end = async (query) => (await ask(`/admin/connections/${there.id}${query}`, { method: "DELETE" })).status;
  assert.equal(await end(""), 404, "it is not here");
  assert.equal(await end("?node=0123456789abcdef"), 404);
  const gone = once(there, "disconnect");
  assert.equal(await end("?node=all"), 204);
  await gone;
  assert.equal(here.connected, true);
});

test("another node is drained, and this one is not", async (t) => {
  const { one, two, ask, nodes } = await start(t);
  const here = await connected(t, one);
  const there = await connected(t, two);
  const gone = once(there, "disconnect");
  const drained = await ask(`/admin/drain?node=${nodes[1].node}&seconds=0`, { method: "POST" });
  assert.equal(drained.status, 202);
  assert.equal((await drained.json()).draining, true);
  await gone;
  const ready = async (url) => (await fetch(`${url}/readyz`)).status;
  assert.deepEqual(await Promise.all([one, two].map(ready)), [200, 503]);
  assert.equal(here.connected, true);
  const status = async (query) => (await ask(`/admin/drain?${query}`, { method: "POST" })).status;
  assert.equal(await status("node=0123456789abcdef"), 404);
  assert.deepEqual(await Promise.all(["seconds=3601", "second=1", "node=", "node=all"].map(status)), [400, 400, 400, 400]);
});

test("a node that is asked to do something and does not answer may have done it", async (t) => {
  const { two, ask, json, nodes } = await start(t);
  const there = await connected(t, two);
  const { node, pid } = nodes[1];
  process.kill(pid, "SIGSTOP");
  // Others think for five seconds that it is there.
  try {
    const end = (query) => ask(`/admin/connections/${there.id}${query}`, { method: "DELETE" });
    const answers = await Promise.all([end("?node=all"), end(`?node=${node}`), ask(`/admin/drain?node=${node}`, { method: "POST" })]);
    assert.deepEqual(answers.map(({ status }) => status), [504, 504, 504]);
    assert.match(await answers[0].text(), /no answer; it may have been done/);
    assert.equal((await end("?node=0123456789abcdef")).status, 404);
    const { nodes: shown, silent } = await json("/admin/nodes");
    assert.deepEqual([shown.length, silent], [1, 1]);
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("users are renamed, lose devices, and moderators' deeds are listed, over all nodes", async (t) => {
  const { one, two, ask, json } = await start(t, "--rooms");
  const ada = await connected(t, two, { nickname: "Ada" });
  await connected(t, one, { nickname: "Grace" });
  const write = (method, body) => ({ method, body: JSON.stringify(body) });
  const renamed = once(ada, "nickname");
  const answer = await ask("/api/v1/users/Ada/nickname", write("PUT", { nickname: "Ada L." }));
  assert.equal(answer.status, 200, await answer.clone().text());
  assert.equal((await answer.json()).nickname, "Ada L.");
  assert.equal((await renamed)[0].nickname, "Ada L.");
  const status = async (path, options) => (await ask(`/api/v1${path}`, options)).status;
  assert.equal(await status("/users/Grace/nickname", write("PUT", { nickname: "Ada L." })), 400, "it is taken");
  assert.equal(await status("/users/Grace/nickname", write("PUT", {})), 400);
  assert.equal(await status("/users/Nobody/nickname", write("PUT", { nickname: "Somebody" })), 404);

  const { devices } = await json("/api/v1/users/Ada%20L./devices");
  assert.equal(devices.length, 1);
  assert.equal(devices[0].current, false);
  assert.equal(await status(`/users/Grace/devices/${devices[0].id}`, { method: "DELETE" }), 404, "it is another user's");
  const gone = once(ada, "disconnect");
  assert.equal(await status(`/users/Ada%20L./devices/${devices[0].id}`, { method: "DELETE" }), 200);
  await gone;
  assert.deepEqual((await json("/api/v1/users/Ada%20L./devices")).devices, []);

  assert.equal(await status("/bans", write("POST", { nickname: "Ada L.", reason: "spam" })), 200);
  const { entries, more } = await json("/api/v1/moderation?limit=1");
  assert.equal(entries.length, 1);
  const [{ action, nickname, reason, by, room }] = entries;
  assert.deepEqual([action, nickname, reason, by, room], ["ban", "Ada L.", "spam", null, null]);
  assert.equal(more, true, "the new name is there, too");
  const rest = await json(`/api/v1/moderation?before=${entries[0].number}`);
  assert.ok(rest.entries.every(({ number }) => number < entries[0].number));
  assert.equal(await status("/moderation?limit=0"), 400);
});

test("a user is renamed completely or not at all when the program that asked is gone", async (t) => {
  const { one, ask, json, operator } = await start(t, "--rooms");
  const numbers = Array.from({ length: 24 }, (_, number) => number);
  const heard = new Map();
  for (const number of numbers) {
    const client = await connected(t, one, { nickname: `before ${number}` });
    heard.set(number, new Promise((resolve) => client.once("nickname", resolve)));
  }
  // Each hangs up at another moment.
  const hangUp = async (number) => {
    const body = JSON.stringify({ nickname: `after ${number}` });
    const lines = [
      `PUT /api/v1/users/before%20${number}/nickname HTTP/1.1`,
      "host: 127.0.0.1",
      `authorization: Bearer ${SECRET}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
    ];
    const socket = net.connect(operator, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    await sleep(number / 2);
    socket.destroy();
  };
  for (const number of numbers) await hangUp(number);
  const { status } = await ask("/api/v1/users/before%200/nickname", { method: "PUT", body: "{}" });
  assert.equal(status, 400);
  const renamed = [];
  for (const number of numbers) {
    if ((await ask(`/api/v1/users/after%20${number}`)).ok) renamed.push(number);
  }
  assert.ok(renamed.length > 0);
  for (const number of renamed) {
    const { nickname } = await within(10, `client ${number} hears of it`, heard.get(number));
    assert.equal(nickname, `after ${number}`);
  }
  const { entries } = await json("/api/v1/moderation?limit=100");
  const logged = entries.filter(({ action }) => action === "rename").map(({ nickname }) => nickname);
  for (const number of renamed) assert.ok(logged.includes(`after ${number}`), `${number} is in ${logged}`);
});

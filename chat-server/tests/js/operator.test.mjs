// What the operator sees of clients, and does to them.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { once, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect, pause, send } from "./support/client.mjs";
import { OPERATOR, operatorOf, scrape } from "./support/metrics.mjs";
import { Server } from "./support/server.mjs";

const SECRET = "0123456789abcdef0123456789abcdef";

/** A server whose operator has a token. */
async function withToken(t, ...args) {
  const file = join(temporaryDirectory(t), "token");
  writeFileSync(file, SECRET, { mode: 0o600 });
  return Server.start(t, { args: [...OPERATOR, "--admin-token-file", file, ...args] });
}

function ask(server, path, { secret = SECRET, ...options } = {}) {
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  return fetch(operatorOf(server) + path, { headers, ...options });
}

async function connected(t, server, options) {
  const socket = connect(t, server.url, options);
  await once(socket, "connect");
  return socket;
}

test("connections are listed with who they are, where they are and how far behind", async (t) => {
  const server = await Server.start(t, { args: OPERATOR });
  const rooms = ["general", "rust"];
  const ada = await connected(t, server, { transports: ["websocket"], auth: { nickname: "Ada", rooms } });
  const polled = await connected(t, server, { transports: ["polling"] });
  const list = async (query = "") => (await fetch(`${operatorOf(server)}/admin/connections${query}`)).json();
  const listed = await list();
  assert.equal(listed.length, 2);
  const [of] = listed.filter(({ id }) => id === ada.id);
  assert.deepEqual([of.address, of.transport, of.user.nickname, of.rooms, of.lag], ["127.0.0.1", "websocket", "Ada", rooms, 0]);
  assert.match(of.user.id, /^[0-9a-f]{16}$/);
  assert.ok(Math.abs(of.opened - Date.now()) < 60_000);
  const [other] = listed.filter(({ id }) => id === polled.id);
  assert.deepEqual([other.transport, other.user], ["polling", null]);
  assert.deepEqual((await list("?user=Ada")).map(({ id }) => id), [ada.id]);
  assert.deepEqual(await list("?user=Grace"), []);
  assert.equal((await fetch(`${operatorOf(server)}/admin/connections?limits=1`)).status, 400);

  // One that does not read is the first, and the only one if there is one line.
  pause(ada);
  const writer = await connected(t, server, { transports: ["websocket"], auth: { echo: false } });
  const text = "x".repeat(10_000);
  const behind = async () => {
    for (;;) {
      const acks = Array.from({ length: 100 }, () => send(writer, text));
      for (const ack of await Promise.all(acks)) assert.ok(ack.offset > 0);
      const [first, ...others] = await list("?limit=1");
      assert.deepEqual(others, []);
      if (first.id === ada.id && first.lag > 100) return;
    }
  };
  await within(30, "it is behind", behind());
});

test("the operator ends a connection and its session, and the client may come back", async (t) => {
  const server = await Server.start(t, { args: OPERATOR });
  const client = await connected(t, server, { transports: ["websocket"] });
  const other = await connected(t, server, { transports: ["websocket"] });
  assert.ok((await send(client, "hello")).offset > 0);
  const { id } = client;
  const end = (id) => fetch(`${operatorOf(server)}/admin/connections/${id}`, { method: "DELETE" });
  const back = once(client, "connect", 20);
  assert.equal((await end(id)).status, 204);
  await back;
  assert.deepEqual([client.recovered, client.id === id], [false, false]);
  assert.equal((await end(id)).status, 404);
  assert.equal(other.connected, true);
});

test("with its token, the operator has the API", async (t) => {
  const server = await withToken(t, "--rooms");
  const client = await connected(t, server, { transports: ["websocket"] });
  const named = await client.emitWithAck("nickname", "Ada");
  assert.equal(named.nickname, "Ada");
  const heard = once(client, "chat message");
  const sent = await ask(server, "/api/v1/rooms/general/messages", {
    method: "POST",
    body: JSON.stringify({ content: "the server restarts at noon" }),
  });
  assert.equal(sent.status, 201, await sent.clone().text());
  await heard;
  const user = await (await ask(server, "/api/v1/users/Ada")).json();
  assert.equal(user.nickname, "Ada");

  const gone = once(client, "disconnect");
  const banned = await ask(server, "/api/v1/bans", {
    method: "POST",
    body: JSON.stringify({ nickname: "Ada", reason: "spam" }),
  });
  assert.ok(banned.ok, await banned.clone().text());
  await gone;

  assert.equal((await ask(server, "/api/v1/users/Ada", { secret: "fedcba9876543210fedcba9876543210" })).status, 401);
  // It is no token for where clients are.
  const headers = { authorization: `Bearer ${SECRET}` };
  assert.equal((await fetch(`${server.url}/api/v1/users/Ada`, { headers })).status, 404);
});

test("requests to the API are counted by the code of the answer", async (t) => {
  const server = await withToken(t);
  const status = async (path, options) => (await ask(server, `/api/v1${path}`, options)).status;
  const headers = { authorization: `Bearer ${SECRET}` };
  const before = await scrape(server, headers);
  assert.equal(await status("/rooms"), 200);
  assert.equal(await status("/rooms/general/messages?limit=x"), 400);
  assert.equal(await status("/users/Nobody"), 404);
  assert.equal(await status("/nothing"), 404);
  assert.equal(await status("/rooms", { method: "DELETE" }), 405);
  const after = await scrape(server, headers);
  const counted = (code) => after.since(before, "chat_api_requests_total", `code="${code}"`);
  const codes = ["ok", "invalid_arguments", "unknown_nickname", "unsuitable", "slow_down"];
  assert.deepEqual(codes.map(counted), [1, 1, 1, 2, 0]);
});

test("without a token there is no API for the operator", async (t) => {
  const server = await Server.start(t, { args: OPERATOR });
  assert.equal((await ask(server, "/api/v1/rooms")).status, 404);
});

test("without a token, other machines have the metrics and health only", async (t) => {
  const server = await Server.start(t, { args: ["--admin-listen", "0.0.0.0:0"] });
  const operator = operatorOf(server).replace("0.0.0.0", "127.0.0.1");
  const status = async (path) => (await fetch(operator + path)).status;
  const open = ["/metrics", "/healthz", "/readyz", "/admin/", "/admin/page/admin.js"];
  assert.deepEqual(await Promise.all(open.map(status)), open.map(() => 200));
  const closed = ["/admin/nodes", "/admin/connections", "/admin/connections?node=all", "/admin/drain", "/api/v1/rooms", "/metrics/"];
  assert.deepEqual(await Promise.all(closed.map(status)), closed.map(() => 403));
  assert.match(await (await fetch(`${operator}/admin/nodes`)).text(), /--admin-token-file/);
});

test("on a loopback address, a name that is not this machine's is refused", async (t) => {
  const server = await Server.start(t, { args: OPERATOR });
  const { port } = new URL(operatorOf(server));
  const status = (host, path) =>
    new Promise((resolve, reject) => {
      const request = get({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
    });
  for (const path of ["/metrics", "/admin/nodes", "/admin/"]) {
    assert.deepEqual([await status("localhost", path), await status("example.org", path)], [200, 403], path);
  }
});

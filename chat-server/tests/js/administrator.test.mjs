// The first start of a server with rules prints a link, and whoever opens it is the administrator.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { Server } from "./support/server.mjs";
import { SECRET, withKey } from "./support/tokens.mjs";
import { ask, User } from "./support/users.mjs";

const LINK = /^administrator: (http:\/\/\S+)#device=([0-9A-Z]{5}-[0-9A-Z]{5}) \(works once, until (\S+Z)\)$/m;

/** The line for the administrator, which comes before the one that says that the server listens; null if there is none. */
const line = (server) => LINK.exec(server.process.stdout);

/** Links a new device by the code of the line that a server has printed. */
async function administrator(t, server) {
  const [, , code] = line(server);
  const socket = connect(t, server.url);
  await once(socket, "connect");
  return { socket, code, named: await ask(socket, "link device", code) };
}

for (const registration of ["open", "invite", "closed"]) {
  test(`registration ${registration}: the link makes an administrator, once, who keeps that under another name`, async (t) => {
    const env = { CHAT_ROOMS: "true", CHAT_REGISTRATION: registration };
    const server = await Server.start(t, { env });
    const [, base, , until] = line(server);
    assert.equal(base, `${server.url}/`);
    const hours = (Date.parse(until) - Date.now()) / 3_600_000;
    assert.ok(hours > 23.9 && hours <= 24, until);
    const { socket, code, named } = await administrator(t, server);
    assert.equal(named.nickname, "Administrator");
    const late = connect(t, server.url);
    await once(late, "connect");
    assert.equal((await ask(late, "link device", code)).error.code, "invalid_code");
    assert.equal((await ask(socket, "rooms")).role, "owner");

    const { user } = await ask(socket, "nickname", "Ada", named.token);
    assert.equal(user, named.user);
    await ask(socket, "create room", "team", { visibility: "private" });
    const { code: invitation } = await ask(socket, "invite", "team", {});
    if (registration === "closed") return;
    const bob = await User.connected(t, server.url, "Bob", { auth: { invitation } });
    if (registration === "open") await ask(bob.socket, "accept invitation", invitation);
    assert.equal((await ask(bob.socket, "rooms")).role, undefined);
    // In a room of somebody else's, too, and everywhere.
    await ask(bob.socket, "create room", "Bob's");
    await ask(socket, "join", "Bob's");
    assert.deepEqual(await ask(socket, "change room", "Bob's", { posting: "moderators" }).then(({ error, posting }) => [error, posting]), [undefined, "moderators"]);
    assert.equal((await ask(bob.socket, "ban", "Ada", { room: "Bob's" })).error, undefined);
    assert.equal((await send(socket, "no ban counts", null, { room: "Bob's" })).error, undefined);
    const gone = once(bob.socket, "disconnect");
    assert.equal((await ask(socket, "ban", "Bob", { for: 60 })).changed, true);
    await gone;
  });
}

test("there is a link at each start until one is used, and again when no device is left", async (t) => {
  const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
  const [, , first] = line(server);
  await server.kill();
  await server.restart();
  const { socket, code, named } = await administrator(t, server);
  assert.notEqual(code, first);
  await server.kill();
  await server.restart();
  assert.equal(line(server), null);
  await once(socket, "connect");
  // After a restart, in its session or a new one, it is what it was.
  const again = connect(t, server.url, { auth: { nickname: named.nickname, token: named.token } });
  await once(again, "connect");
  assert.equal((await ask(again, "rooms")).role, "owner");
  assert.equal((await ask(again, "moderation log")).error, undefined);
  const { devices } = await ask(again, "devices");
  const gone = once(again, "disconnect");
  await ask(again, "unlink device", devices[0].id).catch(() => {});
  await gone;
  await server.kill();
  await server.restart();
  const { named: next } = await administrator(t, server);
  assert.equal(next.user, named.user);
});

test("a server without rules, or with signed tokens, prints no link", async (t) => {
  assert.equal(line(await Server.start(t)), null);
  assert.equal(line(await withKey(t, SECRET, { env: { CHAT_ROOMS: "true" } })), null);
});

test("of several workers there is one link, and the log has no code", async (t) => {
  const server = await Server.start(t, { args: ["--workers", "2"], env: { CHAT_ROOMS: "true" }, listen: "127.0.0.1:0" });
  const [, , code] = line(server);
  assert.equal(server.process.stdout.match(/#device=/g).length, 1);
  assert.ok(!server.process.stderr.includes(code));
  const { named } = await administrator(t, server);
  assert.equal(named.nickname, "Administrator");
});

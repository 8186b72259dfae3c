// Names: claimed by the first, kept by a token, the same however they are written.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { ask, User, refused, tokenOf } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

test("messages carry the name of who sends them, and none when anonymous", async (t) => {
  const { url } = await Server.start(t);
  const ada = await User.connected(t, url, "Ada");
  const anonymous = connect(t, url);
  await send(anonymous, "from nobody");
  await send(ada.socket, "from Ada");
  await ada.reads(2);
  assert.deepEqual(ada.messages.map(({ from }) => from), [null, "Ada"]);
});

test("a name is claimed by the first and kept by its token", async (t) => {
  const { url } = await Server.start(t);
  const [first, second] = [connect(t, url), connect(t, url)];
  const claimed = await ask(first, "nickname", "  Ada   Lovelace ");
  assert.equal(claimed.nickname, "Ada Lovelace");
  assert.match(claimed.token, /^.{32,}$/);
  for (const name of ["Ada Lovelace", "ADA lovelace", "Ａｄａ Lovelace", "ada\u00a0\u00a0lovelace "]) {
    const { error } = await ask(second, "nickname", name);
    assert.equal(error?.code, "nickname_taken", name);
    const other = await ask(second, "nickname", name, "a token that is another one");
    assert.equal(other.error?.code, "nickname_taken", name);
    assert.match(await refused(t, url, { nickname: name }), /^nickname_taken: /);
  }
  const again = await ask(second, "nickname", "ada lovelace", claimed.token);
  assert.deepEqual(again, { ...claimed, nickname: "ada lovelace" });
  // A claim that is repeated, as after a lost ack, is the same claim.
  assert.deepEqual(await ask(first, "nickname", "ada lovelace", claimed.token), again);
});

test("a client that connects with a name is told it, with the token that keeps it", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url, { auth: { nickname: "Ada " } });
  const [{ nickname, token, user }] = await once(socket, "nickname");
  assert.equal(nickname, "Ada");
  assert.match(user, /^[0-9a-f]{16}$/);
  const other = connect(t, url, { auth: { nickname: "ada", token } });
  assert.deepEqual(await once(other, "nickname"), [{ nickname: "ada", token, user }]);
});

test("a name belongs to one of many who claim it at once", async (t) => {
  const { url } = await Server.start(t);
  const sockets = Array.from({ length: 20 }, () => connect(t, url));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const answers = await Promise.all(sockets.map((socket) => ask(socket, "nickname", "Ada")));
  assert.equal(answers.filter(({ error }) => error?.code === "nickname_taken").length, 19);
  assert.equal(answers.filter(({ nickname }) => nickname === "Ada").length, 1);
});

test("a name holds from the message after its claim on, also when both are sent at once", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  const senders = [];
  socket.on("chat message", (_content, _offset, { from }) => senders.push(from));
  socket.emit("chat message", "before");
  socket.emit("nickname", "Ada");
  socket.emit("chat message", "between");
  socket.emit("nickname", "Grace");
  await send(socket, "after");
  await send(socket, "the end");
  assert.deepEqual(senders.slice(0, 3), [null, "Ada", "Grace"]);
});

test("recovery keeps the name, also one that was taken later and after kill -9", async (t) => {
  const server = await Server.start(t);
  const socket = connect(t, server.url);
  await once(socket, "connect");
  await ask(socket, "nickname", "Ada");
  await cutOff(socket, async () => {
    await server.kill();
    await server.restart();
  });
  assert.equal(socket.recovered, true);
  const [[, , { from }]] = await Promise.all([once(socket, "chat message"), send(socket, "hi")]);
  assert.equal(from, "Ada");
});

test("a name is kept over restarts, and lost when its time is over", async (t) => {
  const server = await Server.start(t, { args: ["--nickname-lifetime", "2s", "--recovery-window", "0s"] });
  const ada = await User.connected(t, server.url, "Ada");
  await sleep(3000);
  assert.match(await refused(t, server.url, { nickname: "Ada" }), /^nickname_taken/, "she is here");
  ada.socket.disconnect();
  await server.terminate("SIGTERM");
  await server.restart();
  assert.match(await refused(t, server.url, { nickname: "Ada" }), /^nickname_taken/, "not yet");
  await sleep(2500);
  const heir = await User.connected(t, server.url, "Ada", { auth: { token: "the heir's own secret token" } });
  assert.equal(heir.socket.connected, true);
  assert.match(await refused(t, server.url, { nickname: "Ada", token: tokenOf("Ada") }), /^nickname_taken/);
});

test("odd names and tokens are refused with a code", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  const odd = ["", "   ", "a\u0000b", "a\nb", "\u202eevil", "a\u200bb", "x".repeat(41), "x".repeat(10_000), "\ud800"];
  for (const name of odd) {
    const { error } = await ask(socket, "nickname", name);
    assert.match(error?.code, /^invalid_(nickname|arguments)$/, JSON.stringify(name).slice(0, 40));
  }
  for (const args of [[], [5], [null], [{}], ["Ada", 5], ["Ada", {}]]) {
    const { error } = await ask(socket, "nickname", ...args);
    assert.equal(error?.code, "invalid_arguments", JSON.stringify(args).slice(0, 40));
  }
  for (const token of ["", "short", "x".repeat(9000)]) {
    assert.equal((await ask(socket, "nickname", "Ada", token)).error?.code, "invalid_token");
  }
  assert.match(await refused(t, url, { nickname: "\u202eevil" }), /^invalid_nickname: /);
  assert.match(await refused(t, url, { nickname: "Ada", token: "short" }), /^invalid_token: /);
  // What is no name at all counts as none.
  const client = connect(t, url, { auth: { nickname: { a: 1 }, token: 5 } });
  await once(client, "connect");
});

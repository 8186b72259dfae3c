// The JavaScript of the READMEs, run as it stands there.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { connect, send } from "./support/client.mjs";
import { User } from "./support/users.mjs";
import { Server } from "./support/server.mjs";

/** The blocks of JavaScript in a file of the repository. */
function snippets(file) {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
}

/** Runs code as a page of the server would; resolves with its socket and what the callbacks of its events get. */
function run(t, server, code) {
  const storage = new Map();
  const localStorage = { getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => storage.set(key, value) };
  let [wrapped, sent] = [false];
  const answers = new Promise((resolve) => (sent = resolve));
  const io = (...args) => {
    const options = args.find((arg) => typeof arg === "object") ?? {};
    const socket = connect(t, server.url, options);
    const emit = socket.emit;
    socket.emit = function (event, ...rest) {
      const callback = rest.at(-1);
      // The first: to try again, the client calls itself.
      if (typeof callback === "function" && !wrapped) {
        wrapped = true;
        rest[rest.length - 1] = (...got) => {
          callback(...got);
          assert.equal(got.length, callback.length, "the callback takes what it gets");
          sent(got);
        };
      }
      return emit.call(this, event, ...rest);
    };
    return socket;
  };
  const socket = new Function("io", "crypto", "localStorage", `${code}\nreturn socket;`)(io, webcrypto, localStorage);
  return { socket, storage, answers: within(10, "an answer", answers) };
}

test("the README", async (t) => {
  const server = await Server.start(t);
  const code = snippets("README.md");
  assert.equal(code.length, 1);
  assert.match(code[0], /127\.0\.0\.1:3000/);
  const { socket, answers } = run(t, server, code[0]);
  assert.deepEqual(await answers, [null, { offset: 1, duplicate: false }]);
  const { offset } = await send(connect(t, server.url), "more");
  await within(10, "the offset", (async () => {
    while (socket.auth.serverOffset !== offset) await new Promise((resolve) => socket.once("chat message", resolve));
  })());
});

test("chat-server's README", async (t) => {
  const server = await Server.start(t);
  const grace = await User.connected(t, server.url, "Grace");
  const code = snippets("chat-server/README.md");
  assert.equal(code.length, 3);
  const { socket, storage, answers } = run(t, server, code[0]);
  assert.deepEqual(await answers, [{ offset: 1, duplicate: false }]);
  assert.deepEqual(await grace.hears(1), ["psst"]);
  assert.match(storage.get("token"), /^.{32,}$/);
  assert.ok(socket.connected);

  const shown = new Promise((show) => new Function("socket", "show", code[1])(socket, show));
  const phone = connect(t, server.url);
  const removed = once(socket, "disconnect");
  const token = new Promise((setItem) => {
    const localStorage = { setItem: (_, token) => setItem(token) };
    shown.then((made) => new Function("socket", "code", "localStorage", code[2])(phone, made, localStorage));
  });
  assert.match(await within(10, "a token", token), /^.{32,}$/);
  await removed;
  assert.ok(phone.connected);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inbox, once, Program } from "./support/program.mjs";

async function post(program, path, body) {
  const response = await fetch(`${program.url}${path}`, { method: "POST", body });
  return [response.status, await response.text()];
}

// With what it hears from the beginning.
async function named(program, nickname, auth = {}) {
  const socket = program.client({ auth: { nickname, serverOffset: 0, token: `the token of ${nickname}, x9Qk2Lm7`, ...auth } });
  const [moves, texts, invoices] = ["move", "chat message", "invoice"].map((event) => new Inbox(socket, event));
  await once(socket, "connect");
  return { socket, moves, texts, invoices };
}

test("what the application says and hears lasts, once, for everybody", async (t) => {
  const program = await Program.start(t);
  const { socket: ada, moves } = await named(program, "Ada");
  const played = await ada.emitWithAck("move", { piece: "pawn", to: "e4", extra: true }, "k1");
  assert.deepEqual(played, { offset: 1, duplicate: false });
  assert.deepEqual(await ada.emitWithAck("move", { piece: "pawn", to: "e4" }, "k1"), { offset: 1, duplicate: true });
  assert.deepEqual((await moves.has(1))[0][0], { piece: "pawn", to: "e4" });
  assert.equal((await ada.emitWithAck("move", { piece: "pawn" })).error.code, "invalid_arguments");
  assert.equal((await ada.emitWithAck("move", { piece: "cheat", to: "e5" })).error.message, "fair play, please");

  ada.disconnect();
  assert.deepEqual(await post(program, "/builds/123", "has failed"), [200, "2"]);
  assert.deepEqual(await post(program, "/builds/123", "has failed"), [200, "2"], "the same report again");
  assert.equal((await post(program, "/builds/123", "has passed"))[0], 409);
  assert.deepEqual(await post(program, "/invoices/Ada", "12.50"), [200, "3"]);
  assert.equal((await post(program, "/invoices/Nobody", "1"))[0], 404);

  const again = await named(program, "Ada", { serverOffset: 1 });
  const bob = await named(program, "Bob");
  assert.equal((await again.texts.has(1))[0][0], "Build 123 has failed");
  assert.equal((await again.invoices.has(1))[0][0], "12.50");
  assert.equal((await bob.texts.has(1))[0][0], "Build 123 has failed");
  const after = await post(program, "/builds/124", "has passed");
  assert.deepEqual([after, (await bob.texts.has(2))[1][0]], [[200, "4"], "Build 124 has passed"]);
  assert.deepEqual([(await bob.moves.has(1)).length, (await bob.invoices.has(0)).length], [1, 0], "the invoice is Ada's");
});

test("the page shows all three", async (t) => {
  const program = await Program.start(t);
  const page = await (await fetch(program.url)).text();
  for (const part of ['"move"', '"invoice"', "/socket.io/socket.io.js"]) assert.ok(page.includes(part), part);
});

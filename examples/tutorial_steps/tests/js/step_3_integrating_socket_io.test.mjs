import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./support/program.mjs";

test("the server says who comes and who goes", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const first = await program.join();
  const second = await program.join();
  const { id } = first;
  first.disconnect();
  await program.says(new RegExp(`^a user disconnected: ${id}, client has manually disconnected`, "m"));
  assert.equal(second.connected, true);
  assert.doesNotMatch(program.stdout, new RegExp(`disconnected: ${second.id}`));
});

test("the page loads the client that this server has", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [, script] = /<script src="([^"]+)">/.exec(await program.get("/"));
  assert.match(await program.get(script), /^\/\*!\n \* Socket\.IO v4\./);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./support/program.mjs";

test("the server says hello", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  assert.match(await program.get("/"), /Hello, world/);
});

test("the address is the first thing it prints", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  assert.match(program.stdout, /^listening on http:\/\/127\.0\.0\.1:\d+\n/);
});

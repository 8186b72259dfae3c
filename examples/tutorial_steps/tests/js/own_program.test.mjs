import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./support/program.mjs";

test("the page names a client that is there", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const [, script] = /<script src="([^"]+)">/.exec(await program.get("/"));
  assert.match(await program.get(script), /Socket\.IO/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Program } from "./support/program.mjs";

test("the page has a list and a form", { timeout: 30_000 }, async (t) => {
  const program = await Program.start(t);
  const page = await program.get("/");
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /<ul id="messages"/);
  assert.match(page, /<form id="form"/);
});

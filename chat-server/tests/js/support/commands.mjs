// Commands for those who run the chat.

import assert from "node:assert/strict";

import { within } from "./bounds.mjs";
import { spawnBinary } from "./server.mjs";

/** Runs a command on the store of a server; resolves with what it prints. */
export async function command(server, ...args) {
  const process = spawnBinary([...args, "--store", server.store]);
  const { code } = await within(20, args.join(" "), process.closed);
  assert.equal(code, 0, process.stderr);
  return process.stdout;
}

/** Runs a command that cannot be carried out; resolves with the line that says why. */
export async function failing(server, ...args) {
  const process = spawnBinary([...args, "--store", server.store]);
  const { code } = await within(20, args.join(" "), process.closed);
  assert.equal(code, 1, process.stdout);
  assert.equal(process.stderr.trim().split("\n").length, 1, process.stderr);
  return process.stderr;
}

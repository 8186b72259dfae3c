// What the server gives to browsers, as the Node.js server gives it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DIST } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const SCRIPTS = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];

test("the official client is served whole, with its maps and the right types", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  const files = SCRIPTS.flatMap((script) => [script, `${script}.map`]);
  assert.deepEqual(readdirSync(DIST).sort(), [...files].sort(), "these are all");
  for (const file of files) {
    const response = await fetch(`${server.url}/socket.io/${file}`);
    assert.equal(response.status, 200, file);
    const type = file.endsWith(".map") ? /^application\/json\b/ : /^(application|text)\/javascript\b/;
    assert.match(response.headers.get("content-type"), type, file);
    const body = Buffer.from(await response.arrayBuffer());
    assert.ok(body.equals(readFileSync(join(DIST, file))), `${file} is the official one`);
  }
});

test("a client that is still current is not sent again", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  const url = `${server.url}/socket.io/socket.io.js?v=1`;
  const first = await fetch(url);
  const tag = first.headers.get("etag");
  await first.arrayBuffer();
  assert.match(tag, /^(W\/)?"[^"]+"$/);
  for (const known of [tag, `W/${tag.replace(/^W\//, "")}`, `"other", ${tag}`, "*"]) {
    const again = await fetch(url, { headers: { "if-none-match": known } });
    assert.equal(again.status, 304, `known as ${known}`);
    assert.equal((await again.arrayBuffer()).byteLength, 0);
    assert.equal(again.headers.get("etag"), tag);
  }
  const other = await fetch(url, { headers: { "if-none-match": '"other"' } });
  assert.equal(other.status, 200);
  await other.arrayBuffer();
});

test("a file of the client that there is not is not found", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  for (const path of ["socket.io/nonsense.js", "socket.io/../Cargo.toml", "socket.io/%2e%2e/Cargo.toml", "nonsense"]) {
    const response = await fetch(`${server.url}/${path}`);
    await response.text();
    assert.ok([400, 404].includes(response.status), `${path}: ${response.status}`);
  }
});

test("the page and all that it loads is there", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  const page = await fetch(`${server.url}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html; ?charset=utf-8$/i);
  const html = await page.text();
  const loaded = [...html.matchAll(/(?:src|href)="(?!data:|#|https?:|mailto:)([^"]+)"/g)].map(([, url]) => url);
  assert.ok(loaded.length > 0, "it loads something");
  const texts = [html];
  for (const url of loaded) {
    const response = await fetch(new URL(url, `${server.url}/`));
    assert.equal(response.status, 200, url);
    texts.push(await response.text());
  }
  assert.ok(texts.some((text) => text.includes("Socket.IO v4.")), "it loads the official client");
});

test("/healthz says that the server works", { timeout: 20_000 }, async (t) => {
  const server = await Server.start(t);
  const response = await fetch(`${server.url}/healthz`);
  assert.equal(response.status, 200);
  await response.text();
});

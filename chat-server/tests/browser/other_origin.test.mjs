// A page of another server, in a real browser.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { defer } from "../js/support/bounds.mjs";
import { Server } from "../js/support/server.mjs";
import { browser } from "./support/browser.mjs";

/** Opens an empty page of another server that has the client of the chat's. */
async function openPage(t, server) {
  const script = `<script src="${server.url}/socket.io/socket.io.js"></script>`;
  const other = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>another page</title>${script}`);
  });
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  defer(t, () => other.close());
  const context = await (await browser()).newContext();
  defer(t, () => context.close());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  return page;
}

/** Connects from the page and sends a message; resolves with the answer, or with what is wrong. */
const chat = (page, url, options) =>
  page.evaluate(
    ([url, options]) =>
      new Promise((resolve) => {
        const socket = io(url, { reconnection: false, forceNew: true, ...options });
        socket.on("connect_error", (error) => resolve({ error: error.message }));
        socket.on("connect", async () => {
          const answer = await socket.timeout(10_000).emitWithAck("chat message", "hello");
          socket.close();
          resolve(answer);
        });
      }),
    [url, options],
  );

const WAYS = [
  { transports: ["polling"], withCredentials: true },
  { transports: ["polling"], withCredentials: true, extraHeaders: { "x-page": "1" } },
  { transports: ["websocket"] },
  { withCredentials: true },
];

test("a page of another origin cannot use the chat", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const page = await openPage(t, server);
  for (const way of WAYS) {
    const { error } = await chat(page, server.url, way);
    assert.match(error, /^(xhr poll|websocket) error$/, JSON.stringify(way));
  }
  assert.match(server.process.stderr, /--allowed-origin http:\/\/127\.0\.0\.1:\d+/);
});

test("one that is allowed polls, with credentials, and has websockets", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--allowed-origin", "http://127.0.0.1:*"] });
  const page = await openPage(t, server);
  for (const way of WAYS) {
    const { offset } = await chat(page, server.url, way);
    assert.ok(offset > 0, JSON.stringify(way));
  }
});

test("with * pages poll without credentials, and not with them", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--allowed-origin", "*"] });
  const page = await openPage(t, server);
  assert.ok((await chat(page, server.url, { transports: ["polling"] })).offset > 0);
  const { error } = await chat(page, server.url, { transports: ["polling"], withCredentials: true });
  assert.equal(error, "xhr poll error");
});

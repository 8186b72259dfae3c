// The page where it is not at the top of its host: behind a proxy that takes the path off, and one that passes it on.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { defer, once } from "../js/support/bounds.mjs";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

/** A proxy that has a server below `/chat/`, and nothing else. `taken` says whether it takes the path off. */
async function proxy(t, server, { taken }) {
  const target = (url) => (taken ? url.slice("/chat".length) : url);
  const listener = http.createServer((request, response) => {
    if (!request.url.startsWith("/chat/")) return response.writeHead(404).end();
    const { method, headers } = request;
    const options = { port: server.port, host: "127.0.0.1", path: target(request.url), method, headers };
    const upstream = http.request(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
  });
  const upgraded = new Set();
  listener.on("upgrade", (request, client) => {
    if (!request.url.startsWith("/chat/")) return client.destroy();
    const upstream = net.connect(server.port, "127.0.0.1");
    const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    upstream.write(`GET ${target(request.url)} HTTP/1.1\r\n${headers.join("")}\r\n`);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      upgraded.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  defer(t, () => {
    listener.close();
    listener.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  });
  return `http://127.0.0.1:${listener.address().port}`;
}

for (const [what, taken, args] of [
  ["takes the path off", true, []],
  ["passes the path on", false, ["--base-path", "/chat"]],
]) {
  test(`a chat below a path, behind a proxy that ${what}`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t, { args });
    const url = await proxy(t, server, { taken });
    const failed = [];
    const ada = await Visitor.open(t, `${url}/chat/`, { name: "Ada" });
    ada.page.on("response", (response) => response.status() < 400 || failed.push(response.url()));
    await ada.send("from the page");
    await ada.shows(["from the page"]);
    const path = taken ? "/socket.io/" : "/chat/socket.io/";
    const bob = connect(t, server.url, { path });
    await send(bob, "from a program");
    await ada.shows(["from the page", "from a program"]);
    await ada.page.reload();
    await ada.shows(["from the page", "from a program"]);
    assert.deepEqual(failed, []);
    const resources = await ada.page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    assert.ok(resources.every((name) => new URL(name).pathname.startsWith("/chat/")), resources.join());
    const kept = await ada.page.evaluate(() => Object.keys(localStorage));
    assert.ok(kept.length > 0 && kept.every((name) => name.startsWith("chat/chat/.")), kept.join());
  });
}

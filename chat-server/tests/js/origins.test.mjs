// The official client with an Origin, as a browser sends it for the page that it runs in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const PAGE = "https://app.example.org";

const from = (Origin, transports) => ({ extraHeaders: { Origin }, transports, reconnection: false });

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`${name}: a page of another origin is refused`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t);
    const socket = connect(t, server.url, from(PAGE, transports));
    const [error] = await once(socket, "connect_error");
    // The client keeps nothing of the answer but its status.
    const { description } = error;
    assert.match(String(description.message ?? description), /403/);
  });

  test(`${name}: an allowed page and the server's own chat`, { timeout: 20_000 }, async (t) => {
    const server = await Server.start(t, { args: ["--allowed-origin", "https://*.example.org"] });
    for (const origin of [PAGE, server.url]) {
      const { offset } = await send(connect(t, server.url, from(origin, transports)), "hello");
      assert.ok(offset > 0);
    }
  });
}

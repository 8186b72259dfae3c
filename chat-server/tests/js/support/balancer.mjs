// A balancer as the manual asks for: it passes each new TCP connection to the first node that says it is ready.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { defer } from "./bounds.mjs";

/** Starts a balancer in front of these servers; it ends with the test. Resolves with its URL. */
export async function balance(t, servers) {
  const sockets = new Set();
  const listener = createServer(async (client) => {
    sockets.add(client);
    client.on("error", () => {}).on("close", () => sockets.delete(client));
    const server = await firstReady(servers);
    if (!server) return client.destroy();
    const upstream = connect(server.port, "127.0.0.1");
    client.on("close", () => upstream.destroy());
    upstream.on("error", () => {}).on("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  defer(t, () => {
    listener.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return `http://127.0.0.1:${listener.address().port}`;
}

async function firstReady(servers) {
  for (const server of servers) {
    const response = await fetch(`${server.url}/readyz`).catch(() => undefined);
    if (response?.ok) return server;
  }
}

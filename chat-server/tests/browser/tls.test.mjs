// The page over TLS of the server's own.

import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { issue, issueFor } from "../js/support/certificates.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

// Nobody has signed the certificate.
const TRUSTING = { ignoreHTTPSErrors: true };

for (const withoutWebsocket of [false, true]) {
  const way = withoutWebsocket ? "polling" : "a websocket";
  test(`visitors talk over TLS, by ${way}, also when the certificate changes`, { timeout: 60_000 }, async (t) => {
    const { args, directory } = issueFor(t);
    const server = await Server.start(t, { args });
    const ada = await Visitor.open(t, server.url, { name: "Ada", withoutWebsocket, ...TRUSTING });
    assert.match(ada.page.url(), /^https:/);
    const bob = await Visitor.open(t, server.url, { name: "Bob", withoutWebsocket, ...TRUSTING });
    await bob.send("over TLS");
    await ada.sees("over TLS");
    const secure = await ada.page.evaluate(() => [isSecureContext, location.protocol]);
    assert.deepEqual(secure, [true, "https:"]);

    const second = issue(directory, "second");
    renameSync(second.certificate, join(directory, "first.pem"));
    renameSync(second.key, join(directory, "first.key"));
    server.process.child.kill("SIGHUP");
    await ada.until("the new one is used", () => /(valid until[^]*){2}/.test(server.process.stderr));
    await bob.send("over the same connection");
    await ada.sees("over the same connection");
    await ada.page.reload();
    await ada.sees("over the same connection");
    await ada.send("over a new one");
    await bob.sees("over a new one");
  });
}

// TLS of the server's own listeners.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { defer, once, sleep, within } from "./support/bounds.mjs";
import { issue, issueExpired, issueFor } from "./support/certificates.mjs";
import { connect, pause, Reader, resume, send, TRANSPORTS } from "./support/client.mjs";
import { OPERATOR, operatorOf } from "./support/metrics.mjs";
import { Server, spawnBinary } from "./support/server.mjs";

const DEBUG = { env: { CHAT_LOG: "debug" } };

/** Asks for a path; resolves with the status, the text and the certificate. */
function get(url, { ca, path = "/healthz", headers = {} }) {
  const asked = new Promise((resolve, reject) => {
    const asking = request(url + path, { ca, headers, agent: false }, (response) => {
      const { fingerprint256: fingerprint } = response.socket.getPeerCertificate();
      let text = "";
      response.setEncoding("utf8").on("data", (more) => (text += more));
      response.on("end", () => resolve({ status: response.statusCode, text, fingerprint }));
    });
    asking.once("error", reject).end();
  });
  return within(10, `an answer to ${path}`, asked);
}

/** Waits until the log of a server matches. */
async function logged(server, pattern, seconds = 15) {
  const said = async () => {
    while (!pattern.test(server.process.stderr)) await sleep(20);
  };
  await within(seconds, () => `${pattern} is logged: ${server.process.stderr}`, said());
}

/** Waits until new connections get this certificate. */
async function served(server, { fingerprint, pem }, seconds = 15) {
  const got = async () => {
    for (;;) {
      const answer = await get(server.url, { ca: pem }).catch(() => undefined);
      if (answer?.fingerprint === fingerprint) return;
      await sleep(50);
    }
  };
  await within(seconds, "the new certificate is used", got());
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`the stock client talks over TLS: ${name}`, async (t) => {
    const { args, pem: ca } = issueFor(t);
    const server = await Server.start(t, { args });
    assert.match(server.url, /^https:/);
    const reader = new Reader(t, server.url, { ca, transports });
    const writer = connect(t, server.url, { ca, transports });
    for (let number = 1; number <= 50; number++) {
      assert.equal((await send(writer, `message ${number}`)).offset, number);
    }
    await reader.reached(50);
    assert.deepEqual(reader.faults, []);
    const stranger = connect(t, server.url, { transports });
    await once(stranger, "connect_error");
    assert.equal(stranger.connected, false, "it does not know the authority");
  });
}

test("the client recovers its session over TLS after kill -9", async (t) => {
  const { args, pem: ca } = issueFor(t);
  const server = await Server.start(t, { args });
  const socket = connect(t, server.url, { ca });
  const told = once(socket, "chat message");
  await send(socket, "before");
  await told;
  await server.kill();
  await server.restart();
  await once(socket, "connect");
  assert.equal(socket.recovered, true);
});

test("a client that does not read gets the rest as soon as it does", async (t) => {
  const { args, pem: ca } = issueFor(t);
  // Nothing else makes the server write.
  const server = await Server.start(t, { args: [...args, "--ping-interval", "5m"] });
  const reader = new Reader(t, server.url, { ca });
  await once(reader.socket, "connect");
  pause(reader.socket);
  const writer = connect(t, server.url, { ca, auth: { echo: false } });
  const text = randomBytes(4000).toString("hex");
  for (let sent = 0; sent < 2000; sent += 100) {
    await Promise.all(Array.from({ length: 100 }, () => send(writer, text)));
  }
  resume(reader.socket);
  await reader.reached(2000, 20);
  assert.deepEqual(reader.faults, []);
});

test("TLS 1.2 and 1.3 work, older ones and other protocols do not", async (t) => {
  const { args, pem: ca } = issueFor(t);
  const server = await Server.start(t, { args });
  const dial = (options) => {
    const socket = connectTls({ port: server.port, host: "127.0.0.1", servername: "localhost", ca, ...options });
    defer(t, () => socket.destroy());
    return socket;
  };
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const socket = dial({ minVersion: version, maxVersion: version, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], [version, "http/1.1"]);
  }
  await once(dial({ minVersion: "TLSv1", maxVersion: "TLSv1.1" }), "error");
  await once(dial({ ALPNProtocols: ["gopher"] }), "error");
});

test("a client comes back without a whole handshake, also after the certificate has changed", async (t) => {
  const { args, pem, directory } = issueFor(t);
  const server = await Server.start(t, { args });
  const dial = async (options) => {
    const socket = connectTls({ port: server.port, servername: "localhost", ...options });
    defer(t, () => socket.destroy());
    let session;
    socket.on("session", (given) => (session = given));
    await once(socket, "secureConnect");
    const reused = socket.isSessionReused();
    socket.end("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.resume();
    await once(socket, "close");
    return { session, reused };
  };
  const { session, reused } = await dial({ ca: pem });
  assert.equal(reused, false);
  assert.equal((await dial({ ca: pem, session })).reused, true);
  const second = issue(directory, "second");
  renameSync(second.certificate, join(directory, "first.pem"));
  renameSync(second.key, join(directory, "first.key"));
  server.process.child.kill("SIGHUP");
  await served(server, second);
  assert.equal((await dial({ ca: second.pem, session })).reused, true);
});

test("plain bytes get no answer, a line at debug, and nobody else is bothered", async (t) => {
  const { args, pem: ca } = issueFor(t);
  const server = await Server.start(t, { args, ...DEBUG });
  for (const bytes of ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", randomBytes(2000), "\x16\x03\x01\xff\xff"]) {
    const socket = connectPlain(server.port, "127.0.0.1");
    defer(t, () => socket.destroy());
    let got = Buffer.alloc(0);
    socket.on("data", (more) => (got = Buffer.concat([got, more])));
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.end(bytes);
    await closed;
    // An alert of TLS at most.
    assert.ok(got.length <= 7 && !got.includes("HTTP"), got.toString("latin1"));
  }
  await logged(server, /DEBUG.*a TLS handshake has failed/);
  assert.doesNotMatch(server.process.stderr, /WARN|ERROR/);
  assert.equal((await get(server.url, { ca })).text, "ok");
});

test("a client that stops in the handshake has as long as for its headers, and a place of its address", async (t) => {
  const { args, pem: ca } = issueFor(t);
  const limits = ["--header-timeout", "5s", "--max-connections-per-address", "3"];
  const server = await Server.start(t, { args: [...args, ...limits], ...DEBUG });
  const silent = Array.from({ length: 3 }, (_, number) => {
    const socket = connectPlain(server.port, "127.0.0.1");
    defer(t, () => socket.destroy());
    socket.on("error", () => {});
    socket.closed_ = once(socket, "close");
    // Nothing, or the beginning of a ClientHello; one byte more each time does not buy time.
    if (number > 0) socket.write(Buffer.from("160301020001", "hex"));
    return socket;
  });
  const drip = setInterval(() => silent[2].writable && silent[2].write(Buffer.from([0])), 100);
  defer(t, () => clearInterval(drip));
  await Promise.all(silent.map((socket) => (socket.connecting ? once(socket, "connect") : undefined)));
  const began = performance.now();
  const refused = await get(server.url, { ca, path: "/" });
  assert.equal(refused.status, 429, "the three have all places of the address");
  await Promise.all(silent.map(({ closed_ }) => closed_));
  const seconds = (performance.now() - began) / 1000;
  // Without this limit, a minute.
  assert.ok(seconds < 20, `they were there for ${seconds} s`);
  await logged(server, /a client has not ended its TLS handshake/);
  assert.equal((await get(server.url, { ca, path: "/" })).status, 200);
});

test("pages of the server are those with https", async (t) => {
  const { args, pem: ca } = issueFor(t);
  const server = await Server.start(t, { args });
  const path = "/socket.io/?EIO=4&transport=polling";
  const asked = (origin) => get(server.url, { ca, path, headers: { origin } });
  const host = `127.0.0.1:${server.port}`;
  assert.equal((await asked(`https://${host}`)).status, 200);
  assert.equal((await asked(`http://${host}`)).status, 403);
  assert.equal((await asked("https://evil.example")).status, 403);
});

test("a new certificate is used under load, without a lost message or connection", async (t) => {
  const { args, pem, directory, fingerprint } = issueFor(t);
  const server = await Server.start(t, { args });
  const second = issue(directory, "second");
  const ca = [pem, second.pem];
  assert.equal((await get(server.url, { ca })).fingerprint, fingerprint);
  const readers = Object.values(TRANSPORTS).map((transports) => new Reader(t, server.url, { ca, transports }));
  const socket = connect(t, server.url, { ca });
  let writing = true;
  let last = 0;
  const written = (async () => {
    while (writing) last = (await send(socket, "under load")).offset;
  })();
  // As certbot: one after the other.
  renameSync(second.certificate, join(directory, "first.pem"));
  await sleep(100);
  renameSync(second.key, join(directory, "first.key"));
  await served(server, second);
  writing = false;
  await written;
  assert.ok(last > 10, `${last} messages`);
  for (const reader of readers) {
    await reader.reached(last);
    assert.deepEqual([reader.faults, reader.disconnects], [[], []]);
  }
  await logged(server, /INFO.*the TLS certificate is valid until \d{4}-\d\d-\d\dT/);
});

test("files that cannot be used are named once, and the certificate of before stays", async (t) => {
  const { args, pem: ca, directory, fingerprint } = issueFor(t);
  const server = await Server.start(t, { args });
  const second = issue(directory, "second");
  copyFileSync(second.certificate, join(directory, "first.pem"));
  await logged(server, /ERROR.*the TLS certificate stays as it was: .*first\.key is not the key of the certificate/);
  // Longer than until the files are looked at again.
  await sleep(7000);
  assert.equal(server.process.stderr.match(/stays as it was/g).length, 1, server.process.stderr);
  assert.equal((await get(server.url, { ca })).fingerprint, fingerprint);
  copyFileSync(second.key, join(directory, "first.key"));
  server.process.child.kill("SIGHUP");
  await served(server, second, 2);
});

test("the program says what is wrong with the files", { timeout: 60_000 }, async (t) => {
  const { certificate, key, directory } = issueFor(t);
  const other = issue(directory, "other");
  const missing = join(directory, "missing");
  writeFileSync(join(directory, "empty"), "");
  for (const [cert, secret, said] of [
    [missing, key, `${missing} cannot be read: No such file`],
    [certificate, missing, `${missing} cannot be read: No such file`],
    [certificate, other.key, "other.key is not the key of the certificate"],
    [certificate, certificate, "first.pem has no private key in PEM"],
    [join(directory, "empty"), key, "empty has no certificate in PEM"],
    [certificate, undefined, "--tls-key"],
    [undefined, key, "--tls-cert"],
  ]) {
    const options = [cert && ["--tls-cert", cert], secret && ["--tls-key", secret]].filter(Boolean).flat();
    const process = spawnBinary(["--listen", "127.0.0.1:0", "--store", "memory:", ...options]);
    defer(t, () => process.child.kill("SIGKILL"));
    const { code } = await within(10, "it ends", process.closed);
    assert.ok(code > 0 && process.stderr.includes(said), `${said}: ${process.stderr}`);
    assert.doesNotMatch(process.stdout, /listening/);
  }
});

test("an expired certificate is a warning with the date", async (t) => {
  const { directory } = issueFor(t);
  const old = issueExpired(directory);
  const args = ["--tls-cert", old.certificate, "--tls-key", old.key];
  const server = await Server.start(t, { args });
  await logged(server, /WARN.*the TLS certificate has expired on 2019-12-31T23:59:59Z; clients refuse it/);
});

test("workers, their operator and the first link use TLS, too", async (t) => {
  const { args, pem: ca, directory } = issueFor(t);
  const port = 10_000 + Math.floor(Math.random() * 4_000);
  const options = [...args, "--workers", "2", "--rooms", "--admin-listen", `127.0.0.1:${port}`, "--admin-tls"];
  const server = await Server.start(t, { args: options });
  const urls = [...server.process.stdout.matchAll(/^listening on (https:\S+)$/gm)].map(([, url]) => url);
  assert.equal(urls.length, 2, server.process.stdout);
  assert.match(server.process.stdout, /^administrator: https:\/\/127\.0\.0\.1:\d+\/#device=/m);
  for (const url of [...urls, `https://127.0.0.1:${port}`, `https://127.0.0.1:${port + 1}`]) {
    assert.equal((await get(url, { ca })).text, "ok", url);
  }
  const second = issue(directory, "second");
  renameSync(second.certificate, join(directory, "first.pem"));
  renameSync(second.key, join(directory, "first.key"));
  server.process.child.kill("SIGHUP");
  for (const url of [...urls, `https://127.0.0.1:${port}`]) await served({ url }, second);
});

test("the operator's listener stays without TLS if it is not asked for", async (t) => {
  const { args } = issueFor(t);
  const server = await Server.start(t, { args: [...args, ...OPERATOR] });
  assert.match(operatorOf(server), /^http:/);
  assert.equal((await fetch(`${operatorOf(server)}/healthz`)).status, 200);
});

test("curl trusts the certificate", async (t) => {
  const { args, certificate } = issueFor(t);
  const server = await Server.start(t, { args });
  const said = execFileSync("curl", ["-sS", "--max-time", "10", "--cacert", certificate, `${server.url}/readyz`]);
  assert.equal(String(said), "ready\n");
});

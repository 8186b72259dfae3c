// What one client, and many at one address, may take of the room for files.

import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { links, patch, share, upload } from "./support/files.mjs";
import { OPERATOR, scrape } from "./support/metrics.mjs";
import { Server } from "./support/server.mjs";
import { ask, User } from "./support/users.mjs";

const code = (answer) => answer.error?.code;

/** A server on disk behind a proxy, which says from where each client comes. */
const start = (t, ...limits) => Server.start(t, { args: [...OPERATOR, "--trusted-proxy", "127.0.0.1", ...limits] });

const from = (address) => ({ "x-forwarded-for": address });

const user = (t, server, name, address = "192.0.2.1") =>
  User.connected(t, server.url, name, { reconnection: false, extraHeaders: from(address) });

const begin = ({ socket }, bytes = 10) => ask(socket, "upload", { name: "x", bytes });

/** Begins to send a part and stalls; resolves when the server has seen it. */
async function stall(t, server, ticket, address = "192.0.2.1") {
  const raw = createConnection(server.port, "127.0.0.1");
  t.after(() => raw.destroy());
  raw.on("error", () => {});
  await once(raw, "connect");
  raw.write(
    `PATCH /${ticket.url} HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: ${address}\r\nauthorization: Bearer ${ticket.token}\r\n` +
      `upload-offset: 0\r\ncontent-length: ${ticket.bytes}\r\n\r\n`,
  );
  return raw;
}

const open = async (server) => (await scrape(server)).get("chat_uploads_open");

const areOpen = (server, number) => within(10, `${number} uploads are open`, (async () => {
  while (await open(server) !== number) await sleep(20);
})());

test("many names of one address upload no more bytes than the address may", async (t) => {
  const server = await start(t, "--max-file-bytes-per-day-per-address", "1000");
  const names = [];
  for (const name of ["Ada", "Bob", "Cyd"]) names.push(await user(t, server, name));
  assert.equal((await begin(names[0], 600)).received, 0);
  const refusal = await begin(names[1], 600);
  assert.equal(code(refusal), "quota_exceeded");
  assert.ok(refusal.error.retryAfter > 60_000 && refusal.error.retryAfter <= 24 * 3_600_000);
  assert.match(refusal.error.message, /address/);
  assert.equal((await begin(names[2], 400)).received, 0, "what was refused does not count");
  assert.equal(code(await begin(names[2], 100)), "quota_exceeded");
  assert.equal((await begin(await user(t, server, "Eve", "192.0.2.2"), 600)).received, 0);
});

test("tiny files are counted", async (t) => {
  const perUser = await start(t, "--max-files-per-day", "3");
  const ada = await user(t, perUser, "Ada");
  for (let file = 0; file < 3; file++) await share(perUser.url, ada.socket, "x", "x");
  const refusal = await begin(ada);
  assert.equal(code(refusal), "quota_exceeded");
  assert.ok(refusal.error.retryAfter > 0);
  assert.equal((await begin(await user(t, perUser, "Bob"))).received, 0);

  const perAddress = await start(t, "--max-files-per-day-per-address", "3");
  const answers = [];
  for (const name of ["A", "B", "C", "D"]) answers.push(code(await begin(await user(t, perAddress, `User ${name}`))));
  assert.deepEqual(answers, [undefined, undefined, undefined, "quota_exceeded"]);
  assert.equal(code(await begin(await user(t, perAddress, "Eve", "192.0.2.2"))), undefined);

  const inAll = await start(t, "--max-files", "2");
  const [cyd, dan] = [await user(t, inAll, "Cyd"), await user(t, inAll, "Dan", "192.0.2.2")];
  assert.deepEqual([await begin(cyd), await begin(dan), await begin(dan)].map(code), [undefined, undefined, "quota_exceeded"]);
});

test("files that are in no message are few, and sending or taking them back makes room", async (t) => {
  const server = await start(t, "--max-unsent-files-per-user", "2", "--max-unsent-files", "3");
  const [ada, bob] = [await user(t, server, "Ada"), await user(t, server, "Bob")];
  const sent = await upload(server.url, ada.socket, "a", "a");
  const begun = await begin(ada);
  const refusal = await begin(ada);
  assert.deepEqual([code(refusal), refusal.error.retryAfter > 0], ["slow_down", true]);
  assert.equal(code(await begin(bob)), undefined);
  assert.equal(code(await begin(bob)), "slow_down", "there are three in all");
  const { offset } = await ask(ada.socket, "chat message", sent.line);
  await within(10, "there is room again", (async () => {
    while (code(await begin(ada)) === "slow_down") await sleep(50);
  })());
  assert.equal((await links(ada.socket, offset)).length, 1);
  const headers = { authorization: `Bearer ${begun.token}` };
  assert.equal((await fetch(`${server.url}/${begun.url}`, { method: "DELETE", headers })).status, 200);
  assert.equal(code(await begin(ada)), undefined);
});

test("uploads that stall take no more places than their address has, and give them back", async (t) => {
  const server = await start(t, "--max-uploads-per-address", "2", "--max-uploads", "3", "--body-timeout", "2s");
  const [ada, bob] = [await user(t, server, "Ada"), await user(t, server, "Bob", "192.0.2.2")];
  const tickets = [];
  for (let file = 0; file < 3; file++) tickets.push(await begin(ada));
  const others = [await begin(bob), await begin(bob)];
  const stalled = [await stall(t, server, tickets[0]), await stall(t, server, tickets[1])];
  await areOpen(server, 2);
  const mine = await patch(server.url, tickets[2], 0, "0123456789", from("192.0.2.1"));
  assert.deepEqual([mine.status, mine.headers.get("retry-after")], [429, "2"]);
  assert.deepEqual([(await mine.json()).code], ["slow_down"]);
  await stall(t, server, others[0], "192.0.2.2");
  await areOpen(server, 3);
  const full = await patch(server.url, others[1], 0, "0123456789", from("192.0.2.2"));
  assert.deepEqual([full.status, (await full.json()).code], [503, "slow_down"]);
  // Whoever has no token takes no place, and learns nothing.
  assert.equal((await patch(server.url, { ...others[1], token: "1-0" }, 0, "x", from("192.0.2.3"))).status, 403);
  stalled[0].destroy();
  await areOpen(server, 2);
  assert.equal((await patch(server.url, tickets[2], 0, "0123456789", from("192.0.2.1"))).status, 200);
  // Those that only wait are ended by the server.
  await areOpen(server, 0);
  const metrics = await scrape(server);
  assert.equal(metrics.get("chat_uploads_refused_total", 'code="slow_down"'), 2);
  assert.equal(metrics.get("chat_uploads_total", 'what="begun"'), 5);
  assert.equal(metrics.get("chat_uploads_total", 'what="finished"'), 1);
  assert.equal(metrics.get("chat_files_transferred_bytes_total", 'direction="in"'), 10);
});

test("a flood of uploads from one address leaves others theirs", async (t) => {
  const server = await start(t);
  const [eve, bob] = [await user(t, server, "Eve"), await user(t, server, "Bob", "192.0.2.2")];
  const tickets = [];
  for (let file = 0; file < 60; file++) tickets.push(await begin(eve, 1000));
  for (const ticket of tickets) await stall(t, server, ticket);
  await areOpen(server, 32);
  // A thousand requests without a body, or without a file.
  const empty = await Promise.all(Array.from({ length: 1000 }, async (_, index) => {
    const ticket = index % 2 ? tickets[index % 60] : { url: "files/00000000000000000000000000000000", token: "1-0" };
    return (await patch(server.url, ticket, 0, "", from("192.0.2.1"))).status;
  }));
  // Bound by the connections of an address, by its uploads, by the writer that is there, or without a token.
  assert.deepEqual([...new Set(empty)].filter((status) => ![403, 423, 429].includes(status)), []);
  const before = performance.now();
  const { line } = await upload(server.url, bob.socket, "mine", "mine");
  const { offset } = await ask(bob.socket, "chat message", line);
  assert.equal((await links(bob.socket, offset)).length, 1);
  assert.ok(performance.now() - before < 5000);
});

test("of two edits at once, none names a file that is gone", async (t) => {
  const server = await start(t);
  const ada = await user(t, server, "Ada");
  const messages = [];
  for (let number = 0; number < 30; number++) messages.push(await share(server.url, ada.socket, "x", "x"));
  const second = await user(t, server, "Ada");
  await Promise.all(messages.map(async ({ offset, line }, index) => {
    const edits = [
      () => ask(ada.socket, "edit message", offset, "without"),
      () => ask(second.socket, "edit message", offset, `with ${line}\n${line}`),
    ];
    if (index % 2) edits.reverse();
    await Promise.all(edits.map((edit) => edit()));
  }));
  // Longer than an edit is waited for.
  await sleep(4000);
  let kept = 0;
  for (const { offset, line, file } of messages) {
    const { messages: [now] } = await ask(ada.socket, "history", { room: "general", before: offset + 1, limit: 1 });
    const has = now.content.includes(file);
    assert.equal((await links(ada.socket, offset)).length, has ? 1 : 0, line);
    kept += has;
  }
  t.diagnostic(`${kept} of ${messages.length} have kept their file`);
});

test("what is kept and served is counted", async (t) => {
  const server = await start(t);
  const ada = await user(t, server, "Ada");
  const { offset } = await share(server.url, ada.socket, "x", "0123456789");
  const [link] = await links(ada.socket, offset);
  assert.equal(await (await fetch(`${server.url}/${link.url}`)).text(), "0123456789");
  let metrics = await scrape(server);
  assert.deepEqual(["chat_files_kept", "chat_files_kept_bytes", "chat_uploads_open"].map((name) => metrics.get(name)), [1, 10, 0]);
  assert.ok(metrics.get("chat_files_disk_free_bytes") > 0);
  // With the first bytes, by which it is known what it is.
  assert.ok(metrics.get("chat_files_transferred_bytes_total", 'direction="out"') >= 10);
  await ask(ada.socket, "delete message", offset);
  await within(10, "the file is removed", (async () => {
    while (metrics.get("chat_files_removed_total") !== 1) {
      await sleep(50);
      metrics = await scrape(server);
    }
  })());
});

// Files of messages: whoever may read the message gets them, for as long as it has them, and nobody else.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { sendFile, uploadFile } from "../../web/client/lib/files.js";
import { once, sleep, temporaryDirectory, within } from "./support/bounds.mjs";
import { connect } from "./support/client.mjs";
import { get, links, patch, PNG, share, upload } from "./support/files.mjs";
import { chatting, connected, until } from "./support/library.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server } from "./support/server.mjs";
import { ask, User } from "./support/users.mjs";

const ROOMS = { CHAT_ROOMS: "true" };

const code = (answer) => answer.error?.code;

const user = (t, url, name) => User.connected(t, url, name, { reconnection: false });

/** A server with its own directory, in which tests look for bytes. */
async function start(t, options = {}) {
  const directory = temporaryDirectory(t);
  const store = `sqlite:${join(directory, "chat.db")}`;
  const server = await Server.start(t, { store, ...options });
  server.directory = join(directory, "chat.db-files");
  return server;
}

/** Whether these bytes are in any file below a directory. */
function isThere(path, bytes) {
  if (!existsSync(path)) return false;
  if (statSync(path).isDirectory()) return readdirSync(path).some((name) => isThere(join(path, name), bytes));
  return readFileSync(path).includes(bytes);
}

const gone = (server, bytes) => within(10, "the bytes are gone", (async () => {
  while (isThere(server.directory, bytes)) await sleep(50);
})());

test("a file travels with a message, and comes as it is", async (t) => {
  const server = await start(t);
  const [ada, bob] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob")];
  assert.deepEqual(await ask(bob.socket, "file limits"), { maxBytes: 25_000_000, maxFiles: 20 });
  assert.equal(existsSync(server.directory), false, "no directory without files");
  const { offset, line, file } = await share(server.url, ada.socket, "a photo.png", PNG);
  assert.equal(line, `[a photo.png](files/${file}/a%20photo.png#${PNG.length})`);
  assert.deepEqual(await bob.reads(1), [line]);
  const [link, ...others] = await links(bob.socket, offset);
  assert.deepEqual(others, []);
  const { url, until, ...about } = link;
  assert.deepEqual(about, { file, name: "a photo.png", bytes: PNG.length, type: "image/png" });
  assert.ok(until > Date.now() + 55 * 60_000 && until < Date.now() + 125 * 60_000);
  const response = await fetch(`${server.url}/${url}`);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), PNG);
  const header = (name) => response.headers.get(name);
  assert.equal(header("content-type"), "image/png");
  assert.equal(header("content-disposition"), "inline; filename=\"a photo.png\"; filename*=UTF-8''a%20photo.png");
  assert.equal(header("x-content-type-options"), "nosniff");
  assert.equal(header("content-security-policy"), "sandbox; default-src 'none'");
  assert.equal(header("cross-origin-resource-policy"), "same-origin");
  assert.match(header("cache-control"), /^private, max-age=\d+, immutable$/);
  const again = await get(server.url, link, { "if-none-match": header("etag") });
  assert.deepEqual([again.status, again.text], [304, ""]);
  // Within the hour it is the same link, so that browsers keep what they have.
  assert.equal((await links(ada.socket, offset))[0].url.replace(/until.*/, ""), url.replace(/until.*/, ""));
});

test("parts of a file come when they are asked for", async (t) => {
  const server = await start(t);
  const ada = await user(t, server.url, "Ada");
  const { offset } = await share(server.url, ada.socket, "digits.txt", "0123456789");
  const [link] = await links(ada.socket, offset);
  const part = async (range, more = {}) => {
    const { status, text, headers } = await get(server.url, link, { range, ...more });
    return [status, text, headers.get("content-range")];
  };
  assert.deepEqual(await part("bytes=2-4"), [206, "234", "bytes 2-4/10"]);
  assert.deepEqual(await part("bytes=-3"), [206, "789", "bytes 7-9/10"]);
  assert.deepEqual(await part("bytes=10-"), [416, "", "bytes */10"]);
  assert.deepEqual(await part("bytes=0-1,4-5"), [200, "0123456789", null]);
  assert.deepEqual(await part("bytes=2-4", { "if-range": '"another"' }), [200, "0123456789", null]);
  const head = await fetch(`${server.url}/${link.url}`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "10"]);
});

test("an upload goes on where it was cut, also after kill -9, and gets to nobody before", async (t) => {
  const server = await start(t);
  let ada = await user(t, server.url, "Ada");
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const ticket = await ask(ada.socket, "upload", { name: "large.bin", bytes: bytes.length });
  assert.deepEqual(await (await patch(server.url, ticket, 0, bytes.subarray(0, 1000))).json(), { received: 1000, bytes: 300_000, complete: false });
  assert.equal(code(await ask(ada.socket, "chat message", ticket.line)), "unknown_file");
  // The body breaks off.
  const raw = createConnection(server.port, "127.0.0.1");
  await once(raw, "connect");
  raw.write(`PATCH /${ticket.url} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${ticket.token}\r\nupload-offset: 1000\r\ncontent-length: 299000\r\n\r\n`);
  raw.write(bytes.subarray(1000, 5000));
  const received = async () => {
    const answer = await fetch(`${server.url}/${ticket.url}`, { headers: { authorization: `Bearer ${ticket.token}` } });
    return (await answer.json()).received;
  };
  await within(10, "the part arrives", (async () => {
    while (await received() < 5000) await sleep(20);
  })());
  // One at a time.
  const busy = await patch(server.url, ticket, 5000, "x");
  assert.equal(busy.status, 423);
  raw.destroy();
  await within(10, "the upload is free again", (async () => {
    while ((await patch(server.url, ticket, 7, "x")).status === 423) await sleep(20);
  })());
  const elsewhere = await patch(server.url, ticket, 7, "x");
  assert.deepEqual([elsewhere.status, (await elsewhere.json()).received], [409, 5000]);
  await server.kill();
  await server.restart();
  assert.equal(await received(), 5000, "what was answered is there");
  ada = await user(t, server.url, "Ada");
  const again = await ask(ada.socket, "upload", { file: ticket.file });
  assert.deepEqual([again.received, again.line], [5000, ticket.line]);
  const rest = await patch(server.url, again, 5000, bytes.subarray(5000));
  assert.equal((await rest.json()).complete, true);
  const { offset } = await ask(ada.socket, "chat message", ticket.line, "key");
  const [link] = await links(ada.socket, offset);
  const got = await fetch(`${server.url}/${link.url}`);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
  assert.equal(got.headers.get("content-disposition").startsWith("attachment;"), true);
  // A retry is the same message, and another message with the file is none.
  assert.deepEqual(await ask(ada.socket, "chat message", ticket.line, "key"), { offset, duplicate: true });
  await within(10, "the file has its message", (async () => {
    while (code(await ask(ada.socket, "chat message", ticket.line, `key ${Math.random()}`)) !== "unknown_file") await sleep(50);
  })());
  assert.deepEqual(await ask(ada.socket, "chat message", ticket.line, "key"), { offset, duplicate: true });
});

test("nobody sends more than there is room for", async (t) => {
  const limits = ["--max-file-bytes", "1000", "--max-file-bytes-per-day", "1500", "--max-files-bytes", "2000"];
  const server = await start(t, { args: limits });
  const [ada, bob] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob")];
  const begin = ({ socket }, bytes) => ask(socket, "upload", { name: "x", bytes });
  assert.equal(code(await begin(ada, 1001)), "too_large");
  const ticket = await begin(ada, 1000);
  const more = await patch(server.url, ticket, 0, "x".repeat(1001));
  assert.equal(more.status, 413);
  const refusal = await begin(ada, 501);
  assert.equal(code(refusal), "quota_exceeded");
  assert.ok(refusal.error.retryAfter > 0);
  assert.equal((await begin(ada, 500)).received, 0);
  assert.equal(code(await begin(bob, 501)), "quota_exceeded");
  assert.equal((await begin(bob, 500)).received, 0);
  // What is taken back still counts for the day.
  const headers = { authorization: `Bearer ${ticket.token}` };
  assert.equal((await fetch(`${server.url}/${ticket.url}`, { method: "DELETE", headers })).status, 200);
  assert.equal((await patch(server.url, ticket, 0, "x")).status, 403);
  assert.equal(code(await begin(ada, 1)), "quota_exceeded");
  await server.kill();
  await server.restart();
  const back = await user(t, server.url, "Ada");
  assert.equal(code(await begin(back, 1)), "quota_exceeded");
});

test("who is nobody, or not there, uploads nothing", async (t) => {
  const server = await start(t, { env: ROOMS });
  const anonymous = connect(t, server.url);
  await once(anonymous, "connect");
  assert.equal(code(await ask(anonymous, "upload", { name: "x", bytes: 1 })), "nickname_required");
  const [ada, bob] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob")];
  assert.equal(code(await ask(ada.socket, "upload", { name: "x", bytes: 1, room: "elsewhere" })), "not_in_room");
  await ask(ada.socket, "create room", "news", { posting: "moderators" });
  await ask(bob.socket, "join", "news");
  assert.equal(code(await ask(bob.socket, "upload", { name: "x", bytes: 1, room: "news" })), "forbidden");
  const off = await Server.start(t, { args: ["--files", "off"] });
  const there = await user(t, off.url, "Ada");
  assert.equal(code(await ask(there.socket, "upload", { name: "x", bytes: 1 })), "files_off");
  assert.equal((await fetch(`${off.url}/files/x/y`)).status, 404);
});

test("a token is for one file, and a link for one file of one message", async (t) => {
  const server = await start(t);
  const [ada, eve] = [await user(t, server.url, "Ada"), await user(t, server.url, "Eve")];
  const [one, other] = [
    await ask(ada.socket, "upload", { name: "one", bytes: 3 }),
    await ask(ada.socket, "upload", { name: "other", bytes: 3 }),
  ];
  for (const token of [other.token, one.token.replace(/.$/, (it) => (it === "0" ? "1" : "0")), one.token.replace(/^\d/, "9"), "", "-", "9-"]) {
    assert.equal((await patch(server.url, { ...one, token }, 0, "abc")).status, 403, token);
  }
  assert.equal((await fetch(`${server.url}/${one.url}`)).status, 403);
  assert.equal(code(await ask(eve.socket, "upload", { file: one.file })), "unknown_file");
  await patch(server.url, one, 0, "abc");
  assert.equal(code(await ask(eve.socket, "chat message", one.line)), "unknown_file");
  const { offset } = await ask(ada.socket, "chat message", `look\n${one.line}`);
  const [link] = await links(eve.socket, offset);
  assert.equal((await get(server.url, link)).text, "abc");
  const { offset: without } = await ask(ada.socket, "chat message", "nothing here");
  for (const url of [
    link.url.replace(one.file, other.file),
    link.url.replace(`of=${offset}`, `of=${without}`),
    link.url.replace(/until=\d+/, "until=9999999999"),
    link.url.replace(/signature=.*/, ""),
    link.url.replace(/\?.*/, ""),
    link.url.replace(/signature=./, "signature="),
  ]) {
    assert.equal((await get(server.url, { url })).status, 403, url);
  }
  // Whatever the path says, only the id counts.
  for (const name of ["..%2f..%2fsecret", "x", "%00", "..", "%2e%2e"]) {
    const url = link.url.replace(/\/one\?/, `/${name}?`);
    const { status, text } = await get(server.url, { url });
    assert.ok(status === 403 || status === 404 || text === "abc", `${name}: ${status}`);
  }
  for (const id of ["..%2fsecret", "..", `${one.file}%2f..`, one.file.toUpperCase()]) {
    assert.ok([403, 404].includes((await fetch(`${server.url}/files/${id}/x?of=1&until=1&signature=0`)).status), id);
  }
});

test("a file is for those who may read the message", async (t) => {
  const server = await start(t, { env: ROOMS });
  const [ada, bob, eve] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob"), await user(t, server.url, "Eve")];
  await ask(ada.socket, "create room", "board", { visibility: "private" });
  await ask(ada.socket, "join", "board");
  const invitation = await ask(ada.socket, "invite", "board");
  await ask(bob.socket, "accept invitation", invitation.code);
  await ask(bob.socket, "join", "board");
  const { offset, line } = await share(server.url, ada.socket, "plan.txt", "the plan", { room: "board" });
  assert.equal((await links(bob.socket, offset)).length, 1);
  assert.equal(code(await ask(eve.socket, "file links", offset)), "unknown_message");
  assert.equal(code(await ask(eve.socket, "chat message", line)), "unknown_file");
  // A file for one room is not for another one.
  const other = await upload(server.url, ada.socket, "x.txt", "x", { room: "board" });
  assert.equal(code(await ask(ada.socket, "chat message", other.line)), "unknown_file");
  // Who is removed gets no more links.
  await ask(ada.socket, "ban", "Bob", { room: "board" });
  await within(10, "Bob is out", (async () => {
    while (code(await ask(bob.socket, "file links", offset)) !== "unknown_message") await sleep(50);
  })());

  const secret = await upload(server.url, ada.socket, "us.txt", "for two", { to: "Bob" });
  assert.equal(code(await ask(ada.socket, "private message", "Eve", secret.line)), "unknown_file");
  const { offset: between } = await ask(ada.socket, "private message", "Bob", secret.line);
  for (const { socket } of [ada, bob]) {
    assert.equal((await get(server.url, (await links(socket, between))[0])).text, "for two");
  }
  assert.equal(code(await ask(eve.socket, "file links", between)), "unknown_message");
});

test("a name may have any characters, and says nothing of what a file is", async (t) => {
  const server = await start(t);
  const ada = await user(t, server.url, "Ada");
  const html = "<script>alert(1)</script>";
  const cases = [
    ["photo.png", html, "application/octet-stream"],
    ["page.html", Buffer.concat([PNG, Buffer.from(html)]), "image/png"],
    ["drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>`, "application/octet-stream"],
    ["paper.pdf", "%PDF-1.7", "application/octet-stream"],
    ['a"b\r\nset-cookie: x=1.txt', "x", "application/octet-stream"],
    ["../../../etc/passwd", "x", "application/octet-stream"],
    ["写真 😀 \u202egpj.exe](x)[.txt", "x", "application/octet-stream"],
    ["", "x", "application/octet-stream"],
    ["\u0000", "x", "application/octet-stream"],
    ["x".repeat(5000), "x", "application/octet-stream"],
  ];
  for (const [name, bytes, type] of cases) {
    const { offset, line } = await share(server.url, ada.socket, name, bytes);
    assert.equal(line.split("\n").length, 1);
    const [link, ...others] = await links(ada.socket, offset);
    assert.deepEqual([others, link.type], [[], type], name);
    const { status, headers } = await get(server.url, link);
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), type);
    assert.equal(headers.get("set-cookie"), null);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.ok(headers.get("content-disposition").startsWith(type === "image/png" ? "inline" : "attachment"));
    assert.doesNotMatch(link.name, /[\u0000-\u001f\u202e/\\"]/);
    assert.ok(Buffer.byteLength(link.name) <= 200);
  }
});

test("a file goes with its message: deleted, edited out, not retained", async (t) => {
  const server = await start(t, { args: ["--retain-messages", "5"] });
  const [ada, bob] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob")];
  const deleted = await share(server.url, ada.socket, "a.txt", "the deleted bytes");
  const [link] = await links(bob.socket, deleted.offset);
  assert.equal((await get(server.url, link)).status, 200);
  await ask(ada.socket, "delete message", deleted.offset);
  assert.equal((await get(server.url, link)).status, 403, "out of reach with the ack");
  assert.deepEqual(await links(bob.socket, deleted.offset), []);
  await gone(server, "the deleted bytes");

  const edited = await share(server.url, ada.socket, "b.txt", "the edited bytes");
  const kept = await ask(ada.socket, "edit message", edited.offset, `with words\n${edited.line}`);
  assert.equal(kept.error, undefined);
  const still = await links(bob.socket, edited.offset);
  assert.equal((await get(server.url, still[0])).text, "the edited bytes");
  const more = await upload(server.url, ada.socket, "c.txt", "more bytes");
  assert.equal(code(await ask(ada.socket, "edit message", edited.offset, more.line)), "unknown_file");
  await ask(ada.socket, "edit message", edited.offset, "words only");
  assert.equal((await get(server.url, still[0])).status, 403);
  await gone(server, "the edited bytes");

  const old = await share(server.url, ada.socket, "d.txt", "the old bytes");
  const [last] = await links(bob.socket, old.offset);
  assert.equal((await get(server.url, last)).status, 200);
  for (let count = 0; count < 6; count++) await ask(ada.socket, "chat message", "next");
  await gone(server, "the old bytes");
  assert.equal((await get(server.url, last)).status, 403);
});

test("a file of a deleted message is out of reach and gone also if the server is killed then", async (t) => {
  const server = await start(t);
  const ada = await user(t, server.url, "Ada");
  const { offset } = await share(server.url, ada.socket, "a.txt", "the bytes");
  const [link] = await links(ada.socket, offset);
  assert.equal((await get(server.url, link)).text, "the bytes");
  await ask(ada.socket, "delete message", offset);
  await server.kill();
  await server.restart();
  assert.equal((await get(server.url, link)).status, 403);
  await within(40, "the bytes are gone", (async () => {
    while (isThere(server.directory, "the bytes")) await sleep(100);
  })());
});

test("workers share the files, and links outlive a restart", async (t) => {
  const server = await start(t, { args: ["--workers", "2"] });
  const [ada, bob] = [await user(t, server.url, "Ada"), await user(t, server.url, "Bob")];
  const { offset } = await share(server.url, ada.socket, "a.txt", "shared");
  await bob.reads(1);
  const [link] = await links(bob.socket, offset);
  for (let attempt = 0; attempt < 8; attempt++) {
    assert.equal((await get(server.url, link, { connection: "close" })).text, "shared");
  }
  await server.terminate("SIGTERM");
  await server.restart();
  assert.equal((await get(server.url, link)).text, "shared");
});

test("the client library sends a file over lost connections", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const chat = chatting(t, proxy.url, { name: "Ada" });
  await connected(chat);
  await until(chat, "named", ({ me }) => me.user !== null);
  const bytes = Buffer.alloc(1_000_000, "0123456789");
  const seen = [];
  const onProgress = (received) => {
    seen.push(received);
    if (seen.length === 2) proxy.cut();
  };
  const { offset } = await sendFile(chat, "#general", new File([bytes], "a.bin"), { text: "look", onProgress });
  assert.deepEqual([seen[0], seen.at(-1)], [0, 1_000_000]);
  const message = chat.snapshot().open.messages.find((message) => message.offset === offset);
  assert.match(message.content, /^look\n\[a\.bin\]\(files\/[0-9a-f]{32}\/a\.bin#1000000\)$/);
  const [link] = (await chat.request("file links", offset)).files;
  const got = await fetch(new URL(link.url, chat.url));
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);

  // What is refused is not tried again, and what is given up ends.
  const refused = sendFile(chat, "#general", { name: "x", size: 25_000_001 });
  await assert.rejects(refused, ({ code }) => code === "too_large");
  const ended = new AbortController();
  const givenUp = uploadFile(chat, "#general", new File([bytes], "b.bin"), { onProgress: () => ended.abort(), signal: ended.signal });
  await assert.rejects(givenUp, ({ name }) => name === "AbortError");
});

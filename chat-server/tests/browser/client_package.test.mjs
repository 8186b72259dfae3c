// The client library as a package: its types, and its examples, on a plain page, with React, and as a bot.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defer, once, sleep, temporaryDirectory, within } from "../js/support/bounds.mjs";
import { connect, Reader, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { browser } from "./support/browser.mjs";

const CLIENT = fileURLToPath(new URL("../../web/client", import.meta.url));
const TOOLS = fileURLToPath(new URL("npm/node_modules", import.meta.url));
const INSTALLED = process.env.CHAT_NODE_MODULES;
const MAX_LINES = 40;

/** A folder with the packed library, and what its examples import. */
function installed(t) {
  const folder = temporaryDirectory(t);
  const source = join(folder, "source");
  cpSync(CLIENT, source, { recursive: true });
  // "prepack" makes the types.
  const env = { ...process.env, PATH: `${join(TOOLS, ".bin")}:${process.env.PATH}` };
  const [{ filename, files }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: source, env, stdio: ["ignore", "pipe", "ignore"] }),
  );
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "chat-client"), { recursive: true });
  execFileSync("tar", ["xzf", join(folder, filename), "--strip-components=1", "-C", join(modules, "chat-client")]);
  for (const [from, name] of [[INSTALLED, "socket.io-client"], [TOOLS, "react"], [TOOLS, "react-dom"]]) {
    symlinkSync(join(from, name), join(modules, name));
  }
  cpSync(join(CLIENT, "examples"), join(folder, "examples"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  return { folder, files: files.map(({ path }) => path) };
}

const tsc = (folder, ...args) => {
  try {
    execFileSync(join(TOOLS, ".bin", "tsc"), args, { cwd: folder });
    return "";
  } catch ({ stdout }) {
    return String(stdout);
  }
};

test("the library is typed, and so is what uses the package", { timeout: 120_000 }, (t) => {
  assert.equal(tsc(CLIENT, "--noEmit"), "");
  const { folder, files } = installed(t);
  for (const file of ["index.js", "lib/chat.js", "types/index.d.ts", "types/lib/chat.d.ts", "README.md", "package.json"]) {
    assert.ok(files.includes(file), `${file} is packed`);
  }
  assert.ok(!files.some((file) => file.startsWith("examples")), "nothing else is packed");
  const source = (use) => `
    import { createChat, type Refusal } from "chat-client";
    import { sendFile } from "chat-client/files";
    import { io } from "socket.io-client";
    const chat = createChat({ io, url: "https://chat.example.org/" });
    const stop: () => void = chat.subscribe(() => {});
    const content: string | undefined = chat.snapshot().open.messages[0]?.content;
    chat.on("message", (message, id) => { const own: boolean = message.own; const to: string = id; });
    chat.send("#general", "hello", { replyTo: 1 }).then(({ offset }) => offset + 1, (error: Refusal) => error.code);
    const { signal } = new AbortController();
    sendFile(chat, "#general", new File([], "x"), { text: "look", onProgress: (received) => received + 1, signal })
      .then(({ offset }) => offset + 1);
    ${use}
  `;
  const check = (use) => {
    writeFileSync(join(folder, "use.ts"), source(use));
    return tsc(folder, "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "use.ts");
  };
  assert.equal(check(""), "");
  for (const [use, error] of [
    ["chat.send(1, 2);", /TS2345/],
    ["sendFile(chat, '#general', 'x');", /TS2345/],
    ["chat.snapshot().open.messages.push();", /TS2339/],
    ["chat.snapshot().unread = 1;", /TS2540/],
    ["chat.on('nothing', () => {});", /TS2345/],
  ]) {
    assert.match(check(use), error, use);
  }
});

for (const example of ["page", "react"]) {
  test(`the example "${example}" chats`, { timeout: 120_000 }, async (t) => {
    const { folder } = installed(t);
    const script = bundled(join(folder, "examples", `${example}.js`));
    const origin = await site(t, (url) => `<!doctype html><title>Example</title><body data-chat="${url}/">
      <p id="status"></p><ol id="messages"></ol><form id="form"><input name="text"></form><div id="root"></div>
      <script src="/script.js"></script>`, script);
    const server = await Server.start(t, { args: ["--allowed-origin", origin.url] });
    origin.chat = server.url;
    const writer = connect(t, server.url);
    await send(writer, "hello");
    const context = await (await browser()).newContext();
    defer(t, () => context.close());
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(origin.url);
    await page.locator("#status:text-is('connected, 2 here')").waitFor({ timeout: 10_000 });
    await page.locator("input:visible").last().fill("from the example");
    await page.keyboard.press("Enter");
    await page.locator("#messages li:text-is('Somebody: from the example')").waitFor({ timeout: 10_000 });
    assert.deepEqual(await page.locator("#messages li").allTextContents(), ["Somebody: hello", "Somebody: from the example"]);
    assert.deepEqual(errors, []);
  });
}

test("the bot answers each question once, also when it is killed", { timeout: 120_000 }, async (t) => {
  const { folder } = installed(t);
  const server = await Server.start(t);
  const start = async () => {
    const bot = spawn(process.execPath, [join(folder, "examples/bot.js"), `${server.url}/`, join(folder, "bot.json")], { stdio: "inherit" });
    defer(t, () => bot.kill("SIGKILL"));
    const ended = new Promise((resolve) => bot.once("exit", (code) => resolve(code)));
    return { bot, ended };
  };
  const reader = new Reader(t, server.url);
  const witness = connect(t, server.url);
  await send(witness, "earlier: what time is it?");
  let { bot, ended } = await start();
  await once(witness, "user joined", 20);
  // What was said before it came is none of its business, and it knows so in its next run.
  const saved = join(folder, "bot.json");
  const begun = async () => {
    while (!existsSync(saved) || !/\\"offset\\":1\b/.test(readFileSync(saved, "utf8"))) await sleep(20);
  };
  await within(10, "the bot has begun", begun());
  for (let n = 0; n < 5; n++) {
    const { offset } = await send(reader.socket, `${n}: what time is it?`);
    // Now it is answering, or has just answered.
    if (n % 2) await reader.reached(offset + 1);
    bot.kill("SIGKILL");
    await ended;
    ({ bot, ended } = await start());
    await reader.reached((n + 1) * 2 + 1);
  }
  await send(reader.socket, "thanks");
  await reader.reached(12);
  const answers = reader.contents.filter((content) => content.startsWith("It is "));
  assert.equal(answers.length, 5, reader.contents.join("\n"));
  // Nothing keeps it from ending.
  bot.kill("SIGTERM");
  assert.equal(await within(5, "the bot ends", ended), 0);
});

test("a page without a bundler imports the library from the server", { timeout: 60_000 }, async (t) => {
  const script = `
    import { createChat } from "CHAT/chat/client.js";
    window.chat = createChat({ io, url: "CHAT/" });
    chat.start();
  `;
  const origin = await site(t, (url) => `<!doctype html><title>Example</title>
    <script src="${url}/socket.io/socket.io.min.js"></script><script type="module" src="/script.js"></script>`, script);
  const server = await Server.start(t, { args: ["--allowed-origin", origin.url] });
  origin.chat = server.url;
  const context = await (await browser()).newContext();
  defer(t, () => context.close());
  const page = await context.newPage();
  await page.goto(origin.url);
  await page.waitForFunction(() => window.chat?.snapshot().connection.state === "connected", null, { timeout: 10_000 });
  const { offset } = await page.evaluate(() => chat.send("#general", "hello"));
  assert.equal(offset, 1);
});

test("the examples are short", () => {
  for (const name of ["page", "react", "bot"]) {
    const lines = readFileSync(join(CLIENT, "examples", `${name}.js`), "utf8").split("\n").length - 1;
    assert.ok(lines <= MAX_LINES, `${name}: ${lines} lines`);
  }
});

/** A script with all that it imports. */
function bundled(path) {
  const { buildSync } = createRequire(`${INSTALLED}/`)("esbuild");
  const define = { "process.env.NODE_ENV": '"production"' };
  return buildSync({ entryPoints: [path], bundle: true, write: false, define, preserveSymlinks: false }).outputFiles[0].text;
}

/** A server of another origin with one page. `chat` of what it resolves with is where its chat is. */
async function site(t, page, script) {
  const origin = {};
  const listener = http.createServer((request, response) => {
    const isScript = request.url === "/script.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script.replaceAll("CHAT", origin.chat) : page(origin.chat));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  defer(t, () => {
    listener.close();
    listener.closeAllConnections();
  });
  origin.url = `http://127.0.0.1:${listener.address().port}`;
  return origin;
}

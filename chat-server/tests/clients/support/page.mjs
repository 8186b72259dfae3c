// The snippets of docs/CLIENTS.md, as programs that a test controls.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { defer, temporaryDirectory, within } from "../../js/support/bounds.mjs";

const PAGE = readFileSync(new URL("../../../../docs/CLIENTS.md", import.meta.url), "utf8");
const PYTHON = new URL("../python/venv/bin/python", import.meta.url).pathname;
const official = createRequire(`${process.env.CHAT_NODE_MODULES}/`);
const others = createRequire(new URL("../npm/node_modules/", import.meta.url));

/** The only block of a language in a section of the page, for the server at `url`. */
function snippet(section, language, url) {
  const text = PAGE.split(/^## /m).find((text) => text.startsWith(`${section}\n`));
  assert.ok(text, `the page has a section "${section}"`);
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))];
  assert.equal(blocks.length, 1, `blocks of ${language} in "${section}"`);
  const [, code] = blocks[0];
  assert.match(code, /\/\/127\.0\.0\.1:3000/);
  // Ten seconds for a lost ack would only make the test slow.
  const quick = code.replace(/\b10_000\b/, "1000").replace("timeout=10)", "timeout=1)");
  return quick.replace("//127.0.0.1:3000", url.replace("http:", ""));
}

/** A client of the page: what it has shown, and `say`. */
class Client {
  shown = [];
  #look = () => {};

  show(content) {
    this.shown.push(content);
    this.#look();
  }

  /** Resolves when it has shown so many messages. */
  has(count) {
    const enough = new Promise((resolve) => {
      this.#look = () => this.shown.length >= count && resolve();
      this.#look();
    });
    return within(60, () => `${this.shown.length} of ${count} messages are shown`, enough);
  }
}

/** Runs a snippet of JavaScript as a browser would. */
function javascript(t, section, url, globals) {
  const client = new Client();
  const timers = new Set();
  const timer = (set) => (...args) => {
    const id = set(...args);
    timers.add(id);
    return id;
  };
  const given = {
    crypto: webcrypto,
    show: (content) => client.show(content),
    setTimeout: timer(setTimeout),
    setInterval: timer(setInterval),
    ...globals,
  };
  const code = `${snippet(section, "js", url)}
    if (typeof start === "function") start();
    return { say, close: () => (typeof socket === "object" ? socket.close() : ((ws.onclose = null), ws.terminate())) };`;
  const { say, close } = new Function(...Object.keys(given), code)(...Object.values(given));
  client.say = say;
  defer(t, () => {
    close();
    for (const id of timers) clearTimeout(id);
  });
  return client;
}

/** Runs a snippet of Python as a program of its own, over the transports that it names or over others; `null` is the library's default. */
export function python(t, section, url, { transports } = {}) {
  const client = new Client();
  const file = join(temporaryDirectory(t), "client.py");
  let code = snippet(section, "python", url);
  if (transports !== undefined) {
    const option = transports === null ? "" : `, transports=${JSON.stringify(transports)}`;
    code = code.replace(/, transports=\[.*?\]/, "").replace("auth=auth", `auth=auth${option}`);
  }
  const program = section === "Python with asyncio" ? "./run_async.py" : "./run.py";
  const runner = readFileSync(new URL(program, import.meta.url), "utf8");
  writeFileSync(file, runner.replace("# The snippet stands here.\n", () => code));
  const child = spawn(PYTHON, ["-u", file], {
    stdio: ["pipe", "pipe", "inherit"],
    // The library that tests at other hours preload takes Python's way to sleep for wrong.
    env: { ...process.env, LD_PRELOAD: undefined, PYTHONDONTWRITEBYTECODE: "1" },
  });
  defer(t, () => child.kill("SIGKILL"));
  const answers = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { shown, answer } = JSON.parse(line);
    if (answer === undefined) client.show(shown);
    else answers.shift()(answer);
  });
  client.say = (content) => {
    child.stdin.write(`${JSON.stringify(content)}\n`);
    return within(60, `an answer to ${content}`, new Promise((resolve) => answers.push(resolve)));
  };
  return client;
}

/** How the client of each section that has one is run. */
export const CLIENTS = {
  "JavaScript 4.x": (t, section, url) => javascript(t, section, url, { io: isolated(official("socket.io-client").io) }),
  "JavaScript with MessagePack": (t, section, url) =>
    javascript(t, section, url, {
      io: isolated(official("socket.io-client").io),
      msgpackParser: official("socket.io-msgpack-parser"),
    }),
  "JavaScript 3.x": (t, section, url) => javascript(t, section, url, { io: isolated(others("socket.io-client-3").io) }),
  "Python with asyncio": python,
  "Python with threads": python,
  "No library": (t, section, url) => javascript(t, section, url, { WebSocket: official("ws").WebSocket }),
};

/** Each client has a connection of its own, as each page has, and is soon back. */
function isolated(io) {
  return (url, options) => io(url, { forceNew: true, reconnectionDelay: 100, ...options });
}

// A bot for Node.js that tells when it was asked. It answers each question once, also when it is killed and started
// again: what it has seen, and what it has not sent yet, is in a file, and the key of an answer is that of its question.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createChat, headlessEnvironment } from "chat-client";
import { io } from "socket.io-client";

const [url, file] = process.argv.slice(2);

const environment = headlessEnvironment({ local: storeIn(file) });
const chat = createChat({ io, url, name: "Clock", history: 0, environment });

chat.on("message", ({ content, at, offset, own }, conversation) => {
  if (own || !/what time is it/i.test(content)) return;
  chat.send(conversation, `It is ${new Date(at).toISOString()}.`, { replyTo: offset, key: `answer to ${offset}` });
});
process.once("SIGTERM", () => chat.stop());
chat.start();

/** Keeps values as `localStorage` does, in a file that is replaced as a whole. */
function storeIn(file) {
  const values = new Map(existsSync(file) ? Object.entries(JSON.parse(readFileSync(file, "utf8"))) : []);
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(values)));
    renameSync(`${file}.new`, file);
  };
  return {
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => save(values.set(name, value)),
    removeItem: (name) => save(values.delete(name)),
    names: () => [...values.keys()],
  };
}

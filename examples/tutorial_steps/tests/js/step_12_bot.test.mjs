import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { BINARY, Inbox, once, post, Program, spawnBeside } from "./support/program.mjs";

const SERVER = join(dirname(BINARY), "step_12_other_programs");
const TOKEN = "x9Qk2Lm7-the-token-of-the-clerk";

test("each failed build is one task, though bot and server are killed", { timeout: 90_000 }, async (t) => {
  const server = await Program.start(t, {}, undefined, SERVER);
  const startBot = () => spawnBeside(t, [server.url.replace("http", "ws")], { BOT_TOKEN: TOKEN });
  const reader = server.client({ auth: { serverOffset: 0 } });
  const tasks = new Inbox(reader, "task added");
  reader.on("task added", (_, serverOffset) => (reader.auth.serverOffset = serverOffset));
  await once(reader, "connect");

  await post(server, "/builds/1", "has failed");
  await post(server, "/builds/2", "has passed");
  const bot = startBot();
  await tasks.has(1);
  await bot.kill();

  await post(server, "/builds/3", "has failed");
  const next = startBot();
  await tasks.has(2);
  await server.stop("SIGKILL");
  await server.restart();
  await post(server, "/builds/4", "has failed");
  await tasks.has(3);
  await next.kill();

  // It begins with the first message: what it has done before is known.
  const last = startBot();
  await last.says(/^Build 4 is to be repaired$/m);
  // Four reports and three tasks come before.
  assert.deepEqual(await post(server, "/builds/5", "has passed"), [200, "8"]);
  const added = await tasks.has(3);
  assert.deepEqual(added.map(([{ text }]) => text), ["Repair Build 1", "Repair Build 3", "Repair Build 4"]);
});

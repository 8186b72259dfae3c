// The to-do list of step 10, while the server and the tab are killed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { browser } from "../../../../chat-server/tests/browser/support/browser.mjs";
import { defer, Inbox, once, Program } from "../js/support/program.mjs";

/** The process that runs the pages, as the browser knows it. */
async function killTab(page) {
  const session = await (await browser()).newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const gone = new Promise((resolve) => page.once("crash", resolve));
  for (const { type, id } of processInfo) if (type === "renderer") process.kill(id, "SIGKILL");
  await gone;
  await page.close();
}

async function open(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function add(page, text) {
  await page.getByLabel("Task").fill(text);
  await page.getByRole("button", { name: "Add" }).click();
}

/** Waits until nothing is written down any more: everything has its answer. */
const settled = (page) => page.waitForFunction(() => !Object.keys(localStorage).some((name) => name.startsWith("task ")));

test("each task is stored once, whoever is killed when", { timeout: 120_000 }, async (t) => {
  const program = await Program.start(t);
  const context = await (await browser()).newContext();
  defer(t, () => context.close());
  context.setDefaultTimeout(20_000);
  let page = await open(context, program.url);

  // The server is gone when the task is added, and then the tab.
  await program.stop("SIGKILL");
  await add(page, "written down");
  await killTab(page);
  await program.restart();
  page = await open(context, program.url);
  await settled(page);

  // The answer is lost: what was written leaves, and the connection ends.
  await page.evaluate(() => {
    send("task added", { text: "not answered" });
    socket.io.engine.close();
  });
  await settled(page);

  // Killed at whatever moment: before the event leaves, or after it is stored.
  await add(page, "the server is killed");
  await program.stop("SIGKILL");
  await program.restart();
  await settled(page);
  await add(page, "the tab is killed");
  await killTab(page);
  page = await open(context, program.url);
  await settled(page);

  const texts = ["written down", "not answered", "the server is killed", "the tab is killed"];
  await page.getByRole("listitem").nth(3).waitFor();
  assert.deepEqual((await page.getByRole("listitem").allTextContents()).map((text) => text.trim()), texts);
  const reader = program.client({ auth: { serverOffset: 0 } });
  const tasks = new Inbox(reader, "task added");
  await once(reader, "connect");
  // The next offset says how many there are.
  assert.deepEqual(await reader.emitWithAck("task added", { text: "the end" }), { offset: 5, duplicate: false });
  assert.deepEqual((await tasks.has(5)).map(([{ text }]) => text), [...texts, "the end"]);
});

test("two pages show the same list, and a box changes with its event", { timeout: 60_000 }, async (t) => {
  const program = await Program.start(t);
  const context = await (await browser()).newContext();
  defer(t, () => context.close());
  context.setDefaultTimeout(20_000);
  const [one, other] = [await open(context, program.url), await open(context, program.url)];
  await add(one, "milk");
  await add(other, "<b>bread</b>");
  for (const page of [one, other]) await page.getByRole("listitem").nth(1).waitFor();
  const listed = async (page) => (await page.getByRole("listitem").allTextContents()).map((text) => text.trim());
  assert.deepEqual(await listed(one), await listed(other));
  await other.getByLabel("milk").click();
  for (const page of [one, other]) await page.locator("label:has-text('milk') :checked").waitFor();
  await add(one, " ");
  await one.getByText("a task needs a text").waitFor();
});

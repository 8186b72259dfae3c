// Each page as the walkthrough leaves it, and a picture of it in the folder that TUTORIAL_PICTURES names.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { browser } from "../../../../chat-server/tests/browser/support/browser.mjs";
import { BINARY, defer, post, Program, temporaryDirectory } from "../js/support/program.mjs";

const FOLDER = process.env.TUTORIAL_PICTURES;
const SIZE = { width: 560, height: 500 };

async function say(page, text, button = "Send") {
  await page.getByPlaceholder("Message").fill(text);
  await page.getByRole("button", { name: button, exact: true }).click();
}

const has = (page, text) => page.getByText(text).first().waitFor();

async function become(page, name) {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Connect" }).click();
  await has(page, `You are ${name}`);
}

/** What is done on the page of each step, with another tab of the same page; ends with what the picture shows. */
const SCENES = {
  async step_2_serving_the_page(page) {
    await page.getByPlaceholder("Message").fill("Nobody gets this yet");
  },
  async step_5_broadcasting(page, other) {
    await say(page, "Hello, everybody", "Send to all");
    await has(page, "Hello, everybody");
    await say(other, "Hello, all others", "Send to the others");
    await has(page, "Hello, all others");
  },
  async step_6_connection_state_recovery(page, other) {
    await page.getByRole("button", { name: "Disconnect" }).click();
    for (const text of ["one", "two", "three"]) await say(other, text);
    await has(other, "three");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await has(page, "three");
  },
  async step_7_server_delivery(page, other, program) {
    await say(page, "before the kill");
    await has(page, "1: before the kill");
    await program.stop("SIGKILL");
    await program.restart();
    await has(page, "Connected");
    await say(other, "after the kill");
    await has(page, "2: after the kill");
  },
  async step_8_client_delivery(page) {
    await say(page, "by hand", "By hand");
    await has(page, "2: by hand");
    await say(page, "with a key", "With retries and a key");
    await has(page, "Stored at offset 3, by an earlier try.");
    await has(page, "3: with a key");
  },
  async step_9_scaling(page, other) {
    await say(page, "from one process");
    await say(other, "from another one");
    await has(page, "from one process");
    await has(page, "from another one");
  },
  async step_10_events_of_your_own(page, other) {
    for (const [tab, task] of [[page, "Buy milk"], [other, "Water the plants"], [page, "Call Grace"]]) {
      await tab.getByLabel("Task").fill(task);
      await tab.getByRole("button", { name: "Add" }).click();
      await has(page, task);
    }
    await page.getByLabel("Buy milk").click();
    await page.locator(":checked").waitFor();
  },
  async step_11_who_may_what(page, other, program) {
    await become(page, "Ada");
    await become(other, "Bob");
    const member = await fetch(`${program.url}/members/Ada`, { method: "PUT" });
    assert.equal(member.status, 200);
    await say(page, "The office is closed on Friday", "Announce");
    await has(other, "announcements: The office is closed on Friday (Ada)");
    await say(other, "Hooray", "Announce");
    await has(other, "Not sent: only members write here");
    return other;
  },
  async step_12_other_programs(page, other, program) {
    await become(page, "Ada");
    await post(program, "/builds/123", "has failed");
    await post(program, "/reminders/Ada", "Lunch at noon");
    await has(page, "Build 123 has failed");
    await has(page, "For you alone: Lunch at noon");
  },
};

for (const [step, play] of Object.entries(SCENES)) {
  test(step, { timeout: 60_000 }, async (t) => {
    const env = step === "step_9_scaling" ? { WORKERS: "2" } : {};
    const program = await Program.start(t, env, temporaryDirectory(t), join(dirname(BINARY), step));
    if (env.WORKERS) await program.says(/(^listening on .*\n){2}/m);
    const urls = program.stdout.match(/http:\S+/g);
    const context = await (await browser()).newContext({ viewport: SIZE, colorScheme: "light" });
    defer(t, () => context.close());
    context.setDefaultTimeout(20_000);
    const errors = [];
    const pages = [];
    for (const url of [urls[0], urls.at(-1)]) {
      const page = await context.newPage();
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(url);
      if ((await page.getByText("Connecting…").count()) > 0) await has(page, /^Connected/);
      pages.push(page);
    }
    const shown = (await play(...pages, program)) ?? pages[0];
    assert.deepEqual(errors, []);
    if (!FOLDER) return;
    mkdirSync(FOLDER, { recursive: true });
    // Without the code below the page, which that of step 2 has not.
    const height = await shown.evaluate(() => document.querySelector("details")?.offsetTop ?? innerHeight / 2);
    const clip = { x: 0, y: 0, width: SIZE.width, height };
    const path = join(FOLDER, `${step.match(/step_\d+/)[0]}.png`);
    await shown.screenshot({ path, clip });
  });
}

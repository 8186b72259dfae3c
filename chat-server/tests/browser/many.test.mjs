// Ten thousand messages: what the page holds stays bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../js/support/client.mjs";
import { sendPipelined } from "../js/support/sender.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

const MOST_ROWS = 600;

test("10,000 messages in a room keep the page small and quick", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  await sendPipelined(writer, 9_000, (n) => `message ${n}`);
  const ada = await Visitor.open(t, server.url);
  await ada.sees("message 8999");
  const rows = () => ada.page.locator("#messages > li").count();
  // 50 come with the connection; the page of history is the same ones, or those before when they come first.
  assert.ok((await rows()) <= 100, "a first visit begins with the newest");

  await ada.page.evaluate(() => {
    window.frames = [];
    let last = performance.now();
    const frame = (now) => {
      window.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const since = performance.now();
  await sendPipelined(writer, 1_000, (n) => `message ${9_000 + n}`);
  const sent = performance.now();
  await ada.sees("message 9999");
  const shown = performance.now();
  const longest = await ada.page.evaluate(() => Math.max(...window.frames));
  t.diagnostic(`1,000 messages: sent in ${Math.round(sent - since)} ms, shown after ${Math.round(shown - since)} ms, longest frame ${Math.round(longest)} ms`);
  assert.ok((await rows()) <= MOST_ROWS, `${await rows()} rows`);

  await ada.page.locator("#log").hover();
  let most = 0;
  let oldest = Infinity;
  await ada.page.evaluate(() => (window.frames = []));
  const begin = performance.now();
  while (oldest > 8_000) {
    await ada.page.mouse.wheel(0, -6_000);
    await ada.page.waitForTimeout(16);
    most = Math.max(most, await rows());
    oldest = Number((await ada.texts())[0].slice("message ".length));
  }
  const slowest = await ada.page.evaluate(() => Math.max(...window.frames));
  t.diagnostic(`2,000 messages read back in ${Math.round(performance.now() - begin)} ms, longest frame ${Math.round(slowest)} ms, ${most} rows at most`);
  assert.ok(most <= MOST_ROWS, `${most} rows`);
  const texts = await ada.texts();
  const first = Number(texts[0].slice("message ".length));
  assert.deepEqual(texts, texts.map((_, index) => `message ${first + index}`), "no hole and no repeat");

  await ada.page.locator("#jump").click();
  await ada.sees("message 9999");
  assert.ok((await rows()) <= MOST_ROWS);
});

test("a reader who was away for 10,000 messages gets to the newest", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  await sendPipelined(writer, 1, () => "the first");
  const ada = await Visitor.open(t, server.url);
  await ada.sees("the first");
  await ada.join("rust");
  await ada.context.setOffline(true);
  await ada.page.locator('#status[data-state="offline"]').waitFor();
  await sendPipelined(writer, 10_000, (n) => `missed ${n}`);
  await ada.context.setOffline(false);
  await ada.has("#status", "Recovered, 10,000 messages caught up");
  await ada.hasUnread("general", "99+");
  await ada.show("general");
  await ada.sees("missed 9999");
  await ada.until("all is read", async () => (await ada.page.title()) === "general – Chat");
  assert.ok((await ada.page.locator("*").count()) < 5_000, "elements stay bounded");
});

// The client library goes to a place in the past of a conversation, and from there on both ways.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "./support/client.mjs";
import { chatting, connected, contents, until } from "./support/library.mjs";
import { Server } from "./support/server.mjs";

const GENERAL = "#general";
const COUNT = 230;
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => `message ${from + index}`);

test("a place in the past is shown apart until it meets the newest messages", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  for (const text of numbers(1, COUNT)) await send(writer, text);
  const ada = chatting(t, url, { name: "Ada", history: 0 });
  await connected(ada);
  await until(ada, "loaded", ({ open }) => open.loaded && open.messages.length === 50);

  await ada.showAround(GENERAL, 60);
  const { open } = ada.snapshot();
  assert.deepEqual(contents(open.past), numbers(35, 84));
  assert.deepEqual([open.past.more, open.past.moreAfter, open.messages.length], [true, true, 50]);

  await ada.loadPast(GENERAL, "earlier");
  assert.deepEqual(contents(ada.snapshot().open.past), numbers(1, 84));
  assert.equal(ada.snapshot().open.past.more, false);
  await ada.loadPast(GENERAL, "later");
  assert.deepEqual(contents(ada.snapshot().open.past), numbers(1, 134));

  // What arrives meanwhile is among the newest.
  await ada.react(GENERAL, 60, "👍");
  assert.equal(ada.snapshot().open.past.messages[59].reactions[0].emoji, "👍");
  await send(writer, "live");
  await until(ada, "it has come", ({ open }) => open.messages.at(-1).content === "live");
  assert.equal(ada.snapshot().open.past.messages.at(-1).content, "message 134");

  await ada.loadPast(GENERAL, "later");
  const joined = ada.snapshot().open;
  assert.deepEqual([joined.past, joined.more], [null, false]);
  assert.deepEqual(contents(joined), [...numbers(1, COUNT), "live"]);
});

test("what is among the newest messages is no past, and the past can be left", async (t) => {
  const { url } = await Server.start(t);
  const writer = connect(t, url);
  for (const text of numbers(1, COUNT)) await send(writer, text);
  const ada = chatting(t, url, { name: "Ada", history: 0 });
  await connected(ada);
  await until(ada, "loaded", ({ open }) => open.loaded && open.messages.length === 50);
  await ada.showAround(GENERAL, COUNT - 3);
  assert.equal(ada.snapshot().open.past, null);
  await ada.showAround(GENERAL, 10);
  assert.equal(ada.snapshot().open.past.messages[9].content, "message 10");
  ada.showNewest(GENERAL);
  assert.equal(ada.snapshot().open.past, null);
  await assert.rejects(ada.showAround(GENERAL, -1), { code: "invalid_arguments" });
});

// A page whose scripts come late, as over a slow network: it can be written in already.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

test("what is typed before the page has loaded is kept, with the caret where it was", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const load = await loadsSlowly(ada);
  const text = ada.page.locator("#text");
  await text.pressSequentially("Hello word");
  await text.press("ArrowLeft");
  // Whatever submits the form, the page stays and the text too.
  await ada.page.locator("#composer").evaluate((form) => form.requestSubmit());
  assert.equal(await text.inputValue(), "Hello word");
  await load();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.page.locator("#send:enabled").waitFor();
  assert.equal(ada.page.url(), `${server.url}/`);
  assert.equal(await text.inputValue(), "Hello word");
  await ada.page.keyboard.type("l");
  assert.equal(await text.inputValue(), "Hello world");
  await ada.page.keyboard.press("Enter");
  await ada.message("Hello world").and(ada.page.locator('[data-state="sent"]')).waitFor();
  assert.equal(await text.inputValue(), "");
});

test("what was typed before the page has loaded is the draft of the conversation that it opens", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.join("rust");
  const load = await loadsSlowly(ada);
  const text = ada.page.locator("#text");
  await text.pressSequentially("about rust");
  await load();
  await ada.has("#title-name", "rust");
  await ada.show("general");
  assert.equal(await text.inputValue(), "");
  await ada.show("rust");
  assert.equal(await text.inputValue(), "about rust");
});

/** Loads the page again, but for its scripts. Resolves with what has them come. */
async function loadsSlowly(visitor) {
  let come;
  const wait = new Promise((resolve) => (come = resolve));
  await visitor.page.route(/\/(assets\/)?chat[^/]*\.js$/, async (route) => {
    await wait;
    await route.fallback();
  });
  await visitor.page.reload({ waitUntil: "commit" });
  await visitor.page.locator("#text").waitFor();
  return come;
}

// The page without a mouse, and as a screen reader finds it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { require } from "./support/browser.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

test("everything can be done with the keyboard", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url);
  const { keyboard } = ada.page;
  const focused = () => ada.page.evaluate(() => {
    const { activeElement: element } = document;
    return element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent.trim();
  });
  const tabTo = async (name) => {
    for (let tabs = 0; tabs < 40 && !name.test(await focused()); tabs += 1) await keyboard.press("Tab");
    assert.match(await focused(), name);
    const outline = await ada.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", `the focus on ${name} is seen`);
  };

  await ada.has("#me-name", "Choose a name");
  assert.equal(await focused(), "Message", "one can write at once");
  await keyboard.type("no mouse");
  await keyboard.press("Shift+Enter");
  await keyboard.type("second line");
  await keyboard.press("Enter");
  await bob.sees("no mouse second line");

  await tabTo(/^Choose a name/);
  await keyboard.press("Enter");
  await keyboard.type("Ada");
  await keyboard.press("Enter");
  await ada.has("#me-name", "Ada");

  await tabTo(/^Join or create a room/);
  await keyboard.press("Enter");
  await keyboard.press("Escape");
  assert.match(await focused(), /^Join or create a room/, "the focus returns to where it was");
  await keyboard.press("Enter");
  await keyboard.type("rust");
  await keyboard.press("Enter");
  await ada.has("#title-name", "rust");
  assert.equal(await focused(), "Message");
  await keyboard.type("in rust");
  await keyboard.press("Enter");
  await ada.sees("in rust");

  await keyboard.press("Alt+ArrowUp");
  await ada.has("#title-name", "general");
  await keyboard.press("Alt+ArrowDown");
  await ada.has("#title-name", "rust");

  await tabTo(/^Leave rust/);
  await keyboard.press("Enter");
  await ada.has("#title-name", "general");
  assert.equal(await focused(), "Message");
});

for (const [name, options] of Object.entries({
  "on a wide screen": {},
  "in the dark": { colorScheme: "dark" },
  "on a phone": { device: PHONE },
})) {
  test(`nothing that a checker of accessibility finds, ${name}`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const bob = await Visitor.open(t, server.url, { name: "Bob" });
    // Colours that are on their way to what they will be are nobody's.
    const ada = await Visitor.open(t, server.url, { reducedMotion: "reduce", ...options });
    await ada.page.getByText("Nothing here yet").waitFor();
    await assertAccessible(ada, "a first visit");
    await bob.send("Hello");
    await bob.send("see https://example.org/");
    await ada.send("Hi");
    await assertAccessible(ada, "messages");
    const { page } = ada;
    const side = page.locator("#side-open");
    if (await side.isVisible()) await side.click();
    await page.locator("#me").click();
    await page.getByLabel("Name", { exact: true }).fill("bob");
    await page.keyboard.press("Enter");
    await ada.has("#name-error", /Somebody else has this name/);
    await assertAccessible(ada, "the dialog");
  });
}

async function assertAccessible({ page }, what) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message}`).join("\n")}`);
  });
  assert.deepEqual(found, [], what);
}

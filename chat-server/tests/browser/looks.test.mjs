// Pictures of the page, for whoever changes it to look at, with what is long or unusual in them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { DESKTOP, PHONE, Visitor } from "./support/visitor.mjs";

const LOOKS = {
  "desktop-light": { device: DESKTOP },
  "desktop-dark": { device: DESKTOP, colorScheme: "dark" },
  "phone-light": { device: PHONE },
  "phone-dark": { device: PHONE, colorScheme: "dark" },
};

test("long and unusual content fits on every screen, in light and dark", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const rooms = ["general", "rust", "a room with a name that is longer than the side bar is wide"];
  const people = ["Grace", "محمد", "Wolfeschlegelsteinhausenbergerdorff Sr.", "小林さん", "José"];
  const [grace, mohammed, wolfe, kobayashi, jose] = people.map((nickname) =>
    connect(t, server.url, { auth: { nickname, rooms, token: `the secret token of ${nickname}` } }));
  const anonymous = connect(t, server.url, { auth: { rooms } });
  await send(grace, "Good morning! Has anybody read the new release notes?");
  await send(grace, "They are at https://example.org/releases/2026/november?with=a&very=long-address-that-has-to-break-somewhere-in-the-middle-of-it#and-a-fragment");
  await send(mohammed, "صباح الخير! نعم، قرأتها. الإصدار 4.2 يبدو جيدًا 🎉");
  await send(kobayashi, "おはようございます。私も読みました。");
  await send(wolfe, "A".repeat(200));
  await send(jose, "x".repeat(65_536));
  await send(anonymous, "Can I ask something without a name?");
  await send(anonymous, "1. first\n2. second\n\n    indented\n3. third");

  for (const [look, options] of Object.entries(LOOKS)) {
    const list = rooms.map((name) => ({ name, read: 0, unread: name === "rust" ? 120 : 0 }));
    const ada = await Visitor.open(t, server.url, { ...options, remembered: { "chat.conversations": { rooms: list } } });
    await ada.page.locator("#decline").click();
    const side = ada.page.locator("#side-open");
    const isNarrow = await side.isVisible();
    if (isNarrow) await side.click();
    await ada.become(`Ada ${look}`);
    if (isNarrow) await ada.page.keyboard.press("Escape");
    const { offset } = await grace.timeout(5_000).emitWithAck("private message", `Ada ${look}`, "Just for you");
    assert.ok(offset);
    await ada.send("Of course. Here is what I think of it, at some length, so that the line has to break.");
    await ada.entry("Grace").waitFor({ state: "attached" });
    assert.ok(await ada.page.getByRole("button", { name: "Show all" }).isVisible(), "a long message is folded");
    const overflow = await ada.page.evaluate(() =>
      [document.documentElement, document.getElementById("log")].map((element) => element.scrollWidth - element.clientWidth));
    assert.deepEqual(overflow, [0, 0], `${look}: something is too wide`);
    await ada.screenshot(`look-${look}`);
    if (isNarrow) {
      await side.click();
      await ada.page.waitForTimeout(250);
      await ada.screenshot(`look-${look}-drawer`);
    }
  }
});

// The views that are loaded when they are needed, in every language and look: all of it is translated, and nothing is cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { ask, tokenOf } from "../js/support/users.mjs";
import { audit } from "./support/audit.mjs";
import { untranslated } from "./support/untranslated.mjs";
import { PHONE, READERS, Visitor } from "./support/visitor.mjs";

// Names that look like words of no language of the page.
const [OWNER, OTHER, ROOM] = ["Ада", "Ева", "777"];

for (const [code, look] of Object.entries(READERS)) {
  test(`the profile, a room and a person in ${code}`, { timeout: 120_000 }, async (t) => {
    const server = await Server.start(t, { env: { CHAT_ROOMS: "true" } });
    const auth = (nickname) => ({ auth: { nickname, token: tokenOf(nickname), rooms: ["general", ROOM] } });
    const owner = connect(t, server.url, auth(OWNER));
    await ask(owner, "create room", ROOM, { topic: "1 2 3", visibility: "private" });
    await ask(owner, "set role", ROOM, OWNER, "owner");
    const other = connect(t, server.url, auth(OTHER));
    await ask(other, "users", "general");
    await ask(owner, "set role", ROOM, OTHER, "member");
    await ask(other, "join", ROOM);
    const remembered = {
      "chat.name": OWNER,
      "chat.token": tokenOf(OWNER),
      "chat.conversations": { rooms: [{ name: ROOM }] },
      "chat.open": `#${ROOM}`,
    };
    const ada = await Visitor.open(t, server.url, { remembered, ...look });
    const { page } = ada;
    await ada.has("#title-name", ROOM);
    const looks = async (name) => {
      await ada.screenshot(`panel-${name}-${code}`);
      const english = await page.evaluate(untranslated);
      if (code === "en") assert.ok(english.length > 20, "English is found");
      else assert.deepEqual(english, [], `${name}: still in English`);
      const wide = await page.evaluate(() =>
        [...document.querySelectorAll("dialog[open]")].filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).length);
      assert.equal(wide, 0, `${name}: something is too wide`);
      assert.deepEqual(await audit(ada), [], name);
    };
    const isPhone = look.device === PHONE;
    const touch = (selector) => (isPhone ? page.locator(selector).tap() : page.locator(selector).click());

    await touch("#about-room");
    await page.locator(".members-of-room li").nth(1).waitFor();
    await page.locator(".panel-dialog form").last().locator("button").click();
    await page.locator(".shared .code").waitFor();
    await looks("room");
    await page.locator(".panel-dialog .cancel").click();

    if (isPhone) await touch("#members-open");
    await page.locator("#members-list .moderate:visible").click();
    await page.locator(".panel-dialog select").waitFor();
    await looks("person");
    await page.locator(".panel-dialog .cancel").click();
    if (isPhone) await touch("#members-close");

    if (isPhone) await touch("#side-open");
    await touch("#me");
    await page.locator("#profile .devices li").first().waitFor();
    await page.locator("#profile > button").first().click();
    await page.locator("#profile .code").waitFor();
    await looks("profile");
  });
}

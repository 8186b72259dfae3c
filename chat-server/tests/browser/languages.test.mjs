// The page in each of its languages, as the browser asks for it and as one chooses it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { untranslated } from "./support/untranslated.mjs";
import { DESKTOP, PHONE, Visitor } from "./support/visitor.mjs";

const LANGUAGES = {
  en: { locale: "en-GB", dir: "ltr", rooms: "Rooms", connected: "Connected", online: "3 online" },
  zh: { locale: "zh-CN", dir: "ltr", rooms: "房间", connected: "已连接", online: "3 人在线" },
  ja: { locale: "ja-JP", dir: "ltr", rooms: "ルーム", connected: "接続済み", online: "3人がオンライン" },
  ar: { locale: "ar-EG", dir: "rtl", rooms: "الغرف", connected: "متصل", online: "٣ أشخاص متصلون" },
};

const LOOKS = {
  desktop: { device: DESKTOP },
  "desktop-dark": { device: DESKTOP, colorScheme: "dark" },
  phone: { device: PHONE },
  "phone-dark": { device: PHONE, colorScheme: "dark" },
};

for (const [code, { locale, dir, rooms, connected, online }] of Object.entries(LANGUAGES)) {
  test(`the page in ${code}`, { timeout: 120_000 }, async (t) => {
    const server = await Server.start(t);
    const auth = (nickname) => ({ nickname, token: `the secret token of ${nickname}` });
    const grace = connect(t, server.url, { auth: auth("Grace") });
    const mohammed = connect(t, server.url, { auth: auth("محمد") });
    await send(grace, "Good morning! Has anybody read https://example.org/notes?");
    const { offset } = await send(mohammed, "صباح الخير! نعم، قرأتها. الإصدار 4.2 يبدو جيدًا 🎉");
    await grace.timeout(5_000).emitWithAck("react", offset, "👍", true);
    const deleted = await send(grace, "おはようございます。");
    await grace.timeout(5_000).emitWithAck("delete message", deleted.offset);

    for (const [look, options] of Object.entries(LOOKS)) {
      const visitor = await Visitor.open(t, server.url, { locale, ...options });
      const { page } = visitor;
      await visitor.has("#status", connected);
      await visitor.has("#members-title", online);
      await visitor.has("#rooms-title", rooms);
      const root = await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);
      assert.deepEqual(root, [code, dir]);
      const overflow = await page.evaluate(() =>
        [document.documentElement, document.getElementById("log")].map((element) => element.scrollWidth - element.clientWidth));
      assert.deepEqual(overflow, [0, 0], `${look}: something is too wide`);
      const names = await page.evaluate(untranslated);
      if (code === "en") assert.ok(names.length > 20, "English is found");
      else assert.deepEqual(names, [], `${look}: still in English`);
      await visitor.send("1, 2, 3");
      await page.evaluate(namesStandBesideTheirAvatars).then((far) => assert.deepEqual(far, [], `${look}: names`));
      await visitor.screenshot(`language-${code}-${look}`);
      if (await page.locator("#side-open").isVisible()) {
        await page.locator("#side-open").click();
        await page.waitForTimeout(250);
        await visitor.screenshot(`language-${code}-${look}-drawer`);
        await page.locator("#me").click();
        await visitor.screenshot(`language-${code}-${look}-dialog`);
      }
      await visitor.page.close();
    }
  });
}

test("a language is chosen in the page, at once and for the next visit", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { locale: "de-DE", name: "Ada" });
  const { page } = ada;
  await ada.send("before");
  await page.locator("#text").fill("a draft");
  const status = page.locator("#status");
  assert.equal(await status.textContent(), "Connected", "there is no German");
  await page.locator("#language").selectOption({ label: "日本語" });
  await ada.has("#status", "接続済み");
  await ada.has("#title-name", "general");
  assert.equal(await page.locator(".message .author").first().textContent(), "あなた");
  assert.equal(await page.locator("#text").getAttribute("placeholder"), "generalへのメッセージ");
  assert.equal(await page.locator("#text").inputValue(), "a draft");
  await page.keyboard.press("Escape");
  await page.locator("#room-dialog").waitFor({ state: "hidden" });
  await page.reload();
  await ada.has("#status", "接続済み");
  await page.locator("#language").selectOption({ label: "العربية" });
  await ada.has("#status", "متصل");
  const sides = await page.evaluate(() => ["side", "members"].map((id) => document.getElementById(id).getBoundingClientRect().left));
  assert.ok(sides[0] > sides[1], "the side bar is on the right");
  await page.locator("#language").selectOption("");
  await ada.has("#status", "Connected");
  const kept = await page.evaluate(() => localStorage.getItem("chat.language"));
  assert.equal(kept, null);
});

test("other languages are loaded when they are needed, and not before", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  for (const [locale, expected] of [["en-GB", []], ["ja-JP", ["ja"]]]) {
    const visitor = await Visitor.open(t, server.url, { locale });
    const loaded = await visitor.page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    const languages = loaded.map((name) => /\/(ar|ja|zh)[-.][^/]*js$/.exec(name)?.[1]).filter(Boolean);
    assert.deepEqual(languages, expected, locale);
  }
});

/** The names in the side bars that are not next to what stands before them, whichever way they run. */
function namesStandBesideTheirAvatars() {
  const isRightToLeft = document.documentElement.dir === "rtl";
  const distance = (before, name) => (isRightToLeft ? before.left - name.right : name.left - before.right);
  const rows = [...document.querySelectorAll(".entry")].map((entry) => {
    const [before] = [...entry.querySelectorAll(".hash, .avatar")].filter(({ hidden }) => !hidden);
    const name = entry.querySelector(".name");
    return [name.textContent, distance(before.getBoundingClientRect(), name.getBoundingClientRect())];
  });
  return rows.filter(([, pixels]) => pixels < 0 || pixels > 20);
}

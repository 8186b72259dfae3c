// Times and days, as readers of several languages and time zones see them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { serveFromDirectory } from "./support/browser.mjs";
import { Visitor } from "./support/visitor.mjs";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));

// What is shown of a quarter past two at night, of half past four in the afternoon, and a few days apart.
const READERS = [
  {
    locale: "en-GB", timezoneId: "UTC",
    times: ["2:15", "16:30"],
    days: ["today", "yesterday", "Monday 26 February", "31 December 2023"],
  },
  {
    locale: "en-US", timezoneId: "America/St_Johns",
    times: ["10:45 PM", "1:00 PM"],
    days: ["today", "yesterday", "Monday, February 26", "December 31, 2023"],
  },
  {
    locale: "ja-JP", timezoneId: "Asia/Tokyo",
    times: ["11:15", "1:30"],
    days: ["今日", "昨日", "2月26日月曜日", "2023年12月31日"],
  },
  {
    locale: "de-DE", timezoneId: "Europe/Berlin",
    times: ["3:15", "17:30"],
    days: ["heute", "gestern", "Montag, 26. Februar", "31. Dezember 2023"],
  },
];

// Different versions of a browser put different spaces between a time and "AM".
const plain = (text) => text.replace(/\s/gu, " ");

for (const { times, days, ...reader } of READERS) {
  test(`times and days of a reader in ${reader.timezoneId} who reads ${reader.locale}`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const visitor = await Visitor.open(t, server.url, reader);
    // The module as it is, which the server has in its bundle.
    await serveFromDirectory(visitor.context, WEB);
    const shown = await visitor.page.evaluate(async () => {
      const { showDay, showTime } = await import("/chat/view/times.js");
      const text = (show, at) => {
        const element = document.createElement("time");
        show(element, at);
        return element.textContent;
      };
      // The 29th of February as this reader has it.
      const now = new Date(2024, 1, 29, 0, 5).getTime();
      const RealDate = Date;
      window.Date = class extends RealDate {
        constructor(...parts) {
          super(...(parts.length === 0 ? [now] : parts));
        }
        static now = () => now;
      };
      const days = [[2024, 1, 29], [2024, 1, 28, 23, 59], [2024, 1, 26], [2023, 11, 31, 23, 59]];
      const shown = {
        times: ["2024-02-29T02:15:00Z", "2024-02-29T16:30:00Z"].map((at) => text(showTime, RealDate.parse(at))),
        days: days.map((parts) => text(showDay, new RealDate(...parts).getTime())),
      };
      window.Date = RealDate;
      return shown;
    });
    assert.deepEqual(shown.times.map(plain), times);
    assert.deepEqual(shown.days.map(plain), days);
  });
}

test("a message has the time of the server in the zone of its reader", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const writer = connect(t, server.url);
  const said = new Promise((resolve) => writer.on("chat message", (content, offset, { at }) => resolve(at)));
  await send(writer, "now");
  const at = await said;
  for (const reader of [{ locale: "en-GB", timezoneId: "Asia/Tokyo" }, { locale: "en-US", timezoneId: "America/St_Johns" }]) {
    const visitor = await Visitor.open(t, server.url, reader);
    // The module as it is, which the server has in its bundle.
    await serveFromDirectory(visitor.context, WEB);
    await visitor.sees("now");
    const time = visitor.message("now").locator(".meta time");
    assert.equal(await time.getAttribute("datetime"), new Date(at).toISOString());
    const clock = new Intl.DateTimeFormat(reader.locale, {
      hour: "numeric", minute: "2-digit", timeZone: reader.timezoneId,
    });
    assert.equal(plain(await time.textContent()), plain(clock.format(at)));
  }
});

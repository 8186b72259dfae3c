// Whatever people write or call themselves, it is text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { Visitor } from "./support/visitor.mjs";

const ATTACKS = [
  "<script>document.title='hacked'</script>",
  "<img src=x onerror=\"document.title='hacked'\">",
  "<svg/onload=document.title='hacked'>",
  "<a href=\"javascript:document.title='hacked'\">click</a>",
  "javascript:document.title='hacked'",
  "https://example.org/\"onmouseover=\"document.title='hacked'",
  "https://example.org/<b>bold</b>",
  "{{constructor.constructor('document.title=1')()}}",
  "</li></ol><style>*{display:none}</style>",
  "\u202Eturned around\u202C and back",
  "nul \u0000 and bell \u0007",
  "__proto__",
];
// A name has 40 characters and no control characters.
const NAMES = ["<img src=x onerror=alert(1)>", "<b>Mallory</b>", "__proto__", "constructor"];
const ROOMS = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "hasOwnProperty", "../../etc"];

test("messages, names and rooms with markup stay text", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const texts = [];
  for (const name of NAMES) {
    const auth = { nickname: name, token: `the secret token of ${name}` };
    const mallory = connect(t, server.url, { auth });
    for (const attack of ATTACKS) assert.ok((await send(mallory, attack)).offset, attack);
    texts.push(...ATTACKS);
    const { offset } = await mallory.timeout(5_000).emitWithAck("private message", "Ada", ATTACKS[0]);
    assert.ok(offset, "sent privately");
  }
  await ada.shows(texts);
  for (const name of NAMES) await ada.hasUnread(name, 1);
  for (const room of ROOMS) {
    await ada.join(room);
    await ada.send(ATTACKS[1]);
  }
  for (const name of NAMES) {
    await ada.show(name);
    await ada.sees(ATTACKS[0]);
    // Once what was said before is there, it is read.
    await ada.hasUnread(name, 0);
  }
  await ada.show("general");
  await ada.shows(texts);
  await ada.page.reload();
  await ada.until("all is there again", async () => (await ada.texts()).length >= 48);

  const made = "#messages :is(script, img, style, b, iframe), .entry :is(script, img, b)";
  assert.equal(await ada.page.locator(made).count(), 0);
  const links = await ada.page.locator("#messages a").evaluateAll((all) => all.map(({ href }) => href));
  assert.deepEqual([...new Set(links)], ["https://example.org/"]);
  assert.equal(await ada.page.title(), "general – Chat");
  await ada.screenshot("markup-stays-text");
});

test("the policy stops scripts and styles that get into the page all the same", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  const refused = await ada.page.evaluate(async () => {
    const attempts = {
      script: () => document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = 1" })),
      handler: () => document.body.setAttribute("onclick", "window.ran = 1"),
      style: () => document.head.append(Object.assign(document.createElement("style"), { textContent: "*{}" })),
      markup: () => (document.body.innerHTML = "<p>"),
    };
    const refused = [];
    for (const [name, attempt] of Object.entries(attempts)) {
      const before = window.violations.length;
      try {
        attempt();
      } catch {
        // Trusted types throw.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (window.violations.length > before) refused.push(name);
    }
    if (window.ran) refused.length = 0;
    // These were wanted.
    window.violations = [];
    return refused;
  });
  assert.deepEqual(refused, ["script", "handler", "style", "markup"]);
});

// A little of Markdown in messages: what becomes an element, and what stays text whatever is in it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { DESKTOP, PHONE, Visitor } from "./support/visitor.mjs";

const LINK = (href, text = href, title = "") =>
  `<a href="${href}"${title && ` title="${title}"`} target="_blank" rel="noopener noreferrer">${text}</a>`;
const CODE = (text) =>
  `<div class="code"><pre tabindex="0"><code>${text}</code></pre><button type="button" class="copy" title="Copy" aria-label="Copy"></button></div>`;

// What is written, and what is shown of it.
const SHOWN = [
  ["**bold** and *italics* and _italics_", "<strong>bold</strong> and <em>italics</em> and <em>italics</em>"],
  ["**bold *and italics***", "<strong>bold <em>and italics</em></strong>"],
  ["*a **b* c**", "<em>a **b</em> c**"],
  ["2*3*4, a * b * c, snake_case_name, __proto__, **, ****", "2*3*4, a * b * c, snake_case_name, __proto__, **, ****"],
  ["これは**重要**です、*とても*。", "これは<strong>重要</strong>です、<em>とても</em>。"],
  ["***both***, *****", "<strong><em>both</em></strong>, *****"],
  ["not **closed", "not **closed"],
  ["`code` and ``a ` in it`` and `open", "<code>code</code> and <code>a ` in it</code> and `open"],
  ["`**no bold** <b>`", "<code>**no bold** &lt;b&gt;</code>"],
  ["```js\nlet a = **1**;\n\n  <b>\n```\nafter", `${CODE("let a = **1**;\n\n  &lt;b&gt;")}after`],
  ["before\n```\nopen", `before${CODE("open")}`],
  ["> quoted\n> **twice**\nanswer", "<blockquote>quoted\n<strong>twice</strong></blockquote>answer"],
  ["> > deep\n> less", "<blockquote><blockquote>deep</blockquote>less</blockquote>"],
  [">_<", "&gt;_&lt;"],
  ["- one\n- *two*\n  and more\n\nafter", "<ul><li>one</li><li><em>two</em>\nand more</li></ul>after"],
  ["3. three\n4. four", '<ol><li value="3">three</li><li value="4">four</li></ol>'],
  ["-1 and\n- and\n1.5", "-1 and<ul><li>and</li></ul>1.5"],
  ["1 < 2 > 0 & *so*", "1 &lt; 2 &gt; 0 &amp; <em>so</em>"],
  ["see https://example.org/a_b_c_(d), *https://example.org/*!", `see ${LINK("https://example.org/a_b_c_(d)")}, <em>${LINK("https://example.org/")}</em>!`],
  ["[the **site**](https://example.org/x)", LINK("https://example.org/x", "the **site**", "https://example.org/x")],
  ["lines\n\nstay", "lines\n\nstay"],
];

const ATTACKS = [
  "**<img src=x onerror=alert(1)>**",
  "```html\n<script>alert(1)</script>\n```",
  "[click](javascript:alert(1))",
  "[click](data:text/html,<script>alert(1)</script>)",
  "[click]( https://example.org)",
  "[<img src=x onerror=alert(1)>](https://example.org/)",
  '[x](https://example.org/"onmouseover="alert(1))',
  "[x](https://example.org/)\" onclick=alert(1) x=\"",
  "> <svg/onload=alert(1)>",
  "- <iframe src=javascript:alert(1)>",
  "`<b>`<b>",
  "![x](https://example.org/pixel.png)",
  "<https://example.org/>",
  "# heading\n---\n| a | b |",
];
// What elements may be there, with which attributes.
const ALLOWED = /^(?:STRONG|EM|CODE|PRE|UL|OL|LI|BLOCKQUOTE|DIV|BUTTON|A)$/;
const ATTRIBUTES = new Set(["href", "title", "target", "rel", "class", "tabindex", "type", "aria-label", "value"]);

test("what is written in Markdown is shown as it is meant", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = connect(t, server.url, { auth: { nickname: "Bob" } });
  for (const [text] of SHOWN) await send(bob, text);
  const ada = await Visitor.open(t, server.url);
  const texts = ada.page.locator(".message .text");
  await ada.until("all are there", async () => (await texts.count()) === SHOWN.length);
  const shown = await texts.evaluateAll((all) => all.map(({ innerHTML }) => innerHTML));
  for (const [n, [text, html]] of SHOWN.entries()) assert.equal(shown[n], html, text);
});

test("nothing that is written becomes anything else", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = connect(t, server.url, { auth: { nickname: "Bob" } });
  for (const text of ATTACKS) await send(bob, text);
  const ada = await Visitor.open(t, server.url);
  const requests = [];
  ada.page.on("request", (request) => requests.push(request.url()));
  await ada.until("all are there", async () => (await ada.page.locator(".message").count()) === ATTACKS.length);
  const made = await ada.page.locator(".message .text *").evaluateAll((all) =>
    all.map((element) => [element.tagName, element.getAttributeNames(), element.href ?? null]));
  for (const [name, attributes, href] of made) {
    assert.match(name, ALLOWED);
    for (const attribute of attributes) assert.ok(ATTRIBUTES.has(attribute), `${name} ${attribute}`);
    if (name === "A") assert.equal(new URL(href).hostname, "example.org");
  }
  const text = await ada.page.locator(".message .text").allTextContents();
  assert.equal(text[0], "<img src=x onerror=alert(1)>");
  assert.equal(text[2], ATTACKS[2]);
  assert.equal(await ada.page.title(), "general – Chat");
  assert.deepEqual(requests.filter((url) => url.includes("example.org")), []);
});

test("the longest messages are shown at once, whatever is in them", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = connect(t, server.url, { auth: { nickname: "Bob" } });
  const long = (part) => part.repeat(Math.floor(65_000 / Buffer.byteLength(part)));
  const parts = ["*", "**a ", "*a **b _c ", "`", "` ``", "[", "[a](https://", "http://[", "> ", "> > > > > ", "- a\n", "```\n", "_a", "https://a.b/ ", "👍"];
  const ada = await Visitor.open(t, server.url);
  for (const part of parts) {
    await send(bob, long(part));
    const more = ada.page.getByRole("button", { name: "Show all" }).last();
    await more.waitFor();
    const took = await more.evaluate((button) => {
      const since = performance.now();
      button.click();
      return performance.now() - since;
    });
    assert.ok(took < 500, `${JSON.stringify(part)}: ${Math.round(took)} ms`);
    const elements = await ada.page.locator(".message").last().locator(".text *").count();
    assert.ok(elements < 70_000, `${part}: ${elements} elements`);
    await ada.page.reload();
  }
});

test("code is copied, and a few emoji are large", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = connect(t, server.url, { auth: { nickname: "Bob" } });
  await send(bob, "Run this:\n```sh\ncargo run --release \\\n  -p chat-server\n```\nand then\n\n> it works\n\n1. *open* the page\n2. say **hello** to `general`");
  const emoji = ["👍", "🎉 🎉🎉", "👨‍👩‍👧‍👦🇦🇹1️⃣"];
  const others = ["👍👍👍👍", "👍 ok", "123", "©", ""];
  for (const text of [...emoji, ...others]) if (text) await send(bob, text);
  for (const [look, options] of [["desktop", { device: DESKTOP }], ["phone-dark", { device: PHONE, colorScheme: "dark" }]]) {
    const ada = await Visitor.open(t, server.url, { ...options, permissions: ["clipboard-read", "clipboard-write"] });
    await ada.sees("123");
    const large = await ada.page.locator(".text.large").allTextContents();
    assert.deepEqual(large, emoji);
    const code = ada.page.locator(".code").first();
    await code.hover();
    await code.getByRole("button", { name: "Copy" }).click();
    await code.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await ada.page.evaluate(() => navigator.clipboard.readText()), "cargo run --release \\\n  -p chat-server");
    const overflow = await ada.page.evaluate(() => document.getElementById("log").scrollWidth - document.getElementById("log").clientWidth);
    assert.equal(overflow, 0);
    await ada.write("**Yes**, like `this`:\n```\nfn main() { println!(\"a line that is wider than a message on a phone is\"); }\n```\n- one\n- two");
    await ada.page.locator('.message[data-state="sent"]').filter({ hasText: "fn main()" }).waitFor();
    await ada.page.locator(".code").last().hover();
    await ada.screenshot(`markdown-${look}`);
  }
});

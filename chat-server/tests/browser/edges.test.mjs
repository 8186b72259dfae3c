// The page at its edges: 400 % zoom, touch, what can be seen of controls, and how a screen reader walks through it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

// A window of 1280 by 1024, at 400 %.
const ZOOMED = { viewport: { width: 320, height: 256 } };
const NARROW = { viewport: { width: 320, height: 640 } };

/** Ada, where Grace has written messages of every kind, and what each state of the page looks like. */
async function everywhere(t, options, look) {
  const server = await Server.start(t, { args: ["--rooms"] });
  const grace = connect(t, server.url, { auth: { rooms: ["general", "rust"], nickname: "Grace" } });
  const ada = await Visitor.open(t, server.url, { reducedMotion: "reduce", ...options });
  const { page } = ada;
  const { offset } = await send(grace, "Hello, see https://example.org/a/long/address/that/has/to/break/somewhere/in/the/middle");
  await send(grace, "Yes.\n\n```\nlet code = \"that is longer than the screen is wide, and scrolls by itself\";\n```", undefined, { replyTo: offset });
  await grace.emitWithAck("react", offset, "👍");
  await ada.sees("Hello, see https://example.org/a/long/address/that/has/to/break/somewhere/in/the/middle");
  await look(ada, "a first visit");
  const side = page.locator("#side-open");
  const isNarrow = await side.isVisible();
  const open = async () => isNarrow && side.click();
  const press = (key) => page.keyboard.press(key);
  await open();
  await look(ada, "the side bar");
  await page.locator("#me").click();
  await look(ada, "the name");
  await page.getByLabel("Name", { exact: true }).fill("Ada");
  await press("Enter");
  await ada.has("#me-name", "Ada");
  await press("Escape");
  await ada.send("Of course, and at some length, so that it breaks.");
  await send(grace, "@Ada is mentioned");
  await page.locator(".mention").waitFor();
  await page.locator(".message .bubble").first().focus();
  await look(ada, "messages");
  await page.locator("#members-open").click();
  await look(ada, "the members");
  await press("Escape");
  await page.locator(".message .bubble").first().focus();
  await page.locator(".message .reply").first().evaluate((button) => button.click());
  await look(ada, "a reply");
  await page.locator("#text").fill("x".repeat(70_000));
  await look(ada, "too long");
  await page.locator("#answer-not").click();
  await page.locator("#text").fill("");
  for (const [button, what] of [["#me", "the profile"], ["#notifications", "notifications"], ["#join", "a room"], ["#find", "the switcher"]]) {
    await open();
    await page.locator(button).click();
    await page.locator("dialog[open]").waitFor();
    if (what === "the profile") await page.locator(".devices li").waitFor();
    await look(ada, what);
    await press("Escape");
    await press("Escape");
  }
  await page.locator("#about-room").click();
  await page.locator("dialog[open]").waitFor();
  await look(ada, "about the room");
  await press("Escape");
}

/** What is wider than the window, or reaches beyond it where nothing scrolls. */
function tooWide() {
  const { clientWidth } = document.documentElement;
  const found = [document.documentElement, document.body, document.getElementById("log"), ...document.querySelectorAll("dialog[open]")]
    .filter((element) => element.scrollWidth > element.clientWidth + 1)
    .map((element) => `${element.id || element.tagName} scrolls: ${element.scrollWidth} in ${element.clientWidth}`);
  const modal = document.querySelector("dialog[open]");
  for (const control of document.querySelectorAll("button, input, select, textarea, a[href]")) {
    if (!control.checkVisibility({ visibilityProperty: true }) || control.closest("pre, .unseen, .skip") || (modal && !modal.contains(control))) continue;
    const { left, right, width } = control.getBoundingClientRect();
    if (width > 0 && (left < -1 || right > clientWidth + 1)) found.push(`${control.id || control.className || control.textContent}: ${left} to ${right}`);
  }
  return found;
}

for (const [size, device] of Object.entries({ "at 400 %": ZOOMED, "320 pixels wide": NARROW })) {
  test(`nothing has to be scrolled to the side, ${size}`, { timeout: 90_000 }, async (t) => {
    await everywhere(t, { device }, async (ada, state) => {
      assert.deepEqual(await ada.page.evaluate(tooWide), [], state);
      await ada.screenshot(`edge-${device.viewport.height}-${state.replaceAll(" ", "-")}`);
    });
  });
}

test("at 400 % one still reads and writes", { timeout: 60_000 }, async (t) => {
  await everywhere(t, { device: ZOOMED }, async (ada, state) => {
    if (state !== "a first visit" && state !== "messages") return;
    const [log, field] = await Promise.all(["#log", "#text"].map((id) => ada.page.locator(id).boundingBox()));
    assert.ok(log.height >= 64, `${state}: ${log.height} pixels for messages`);
    assert.ok(field.y + field.height <= 256, `${state}: the field ends at ${field.y + field.height}`);
  });
});

/** Controls that are smaller than a fingertip. Links in texts are as large as their words. */
function tooSmall() {
  const modal = document.querySelector("dialog[open]");
  const found = [];
  for (const control of document.querySelectorAll("button, input, select, textarea")) {
    if (!control.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || (modal && !modal.contains(control))) continue;
    const target = control.type === "checkbox" ? control.closest("label") : control;
    const { width, height } = target.getBoundingClientRect();
    if (width < 43.5 || height < 43.5) found.push(`${control.id || control.className || control.textContent}: ${Math.round(width)} × ${Math.round(height)}`);
  }
  return [...new Set(found)];
}

test("on a phone every control is as large as a fingertip", { timeout: 90_000 }, async (t) => {
  await everywhere(t, { device: PHONE }, async (ada, state) => assert.deepEqual(await ada.page.evaluate(tooSmall), [], state));
});

/** Controls whose edges are hard to see: each field needs one, and the edge of any control stands out from what is around it. */
function faint() {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (below, colour) => {
    context.fillStyle = below;
    context.fillRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return `rgb(${[...context.getImageData(0, 0, 1, 1).data].slice(0, 3).join()})`;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(getComputedStyle(at).backgroundColor);
    return layers.reverse().reduce(over, "white");
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/\d+/g).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const modal = document.querySelector("dialog[open]");
  const found = [];
  for (const control of document.querySelectorAll("button, input, select, textarea")) {
    if (!control.checkVisibility({ visibilityProperty: true }) || (modal && !modal.contains(control))) continue;
    // What the browser draws by itself.
    if (control.type === "checkbox" || control.disabled) continue;
    const style = getComputedStyle(control);
    const around = behind(control.parentElement);
    const edge = over(around, style.borderBlockStartColor);
    const hasEdge = parseFloat(style.borderBlockStartWidth) > 0 && edge !== around;
    const name = control.id || control.className || control.name;
    if (!hasEdge && control.tagName !== "BUTTON") found.push(`${name} has no edge`);
    else if (hasEdge && contrast(edge, around) < 3) found.push(`${name}: ${contrast(edge, around).toFixed(2)}, ${edge} on ${around}`);
  }
  return [...new Set(found)];
}

for (const [name, options] of Object.entries({
  "in the light": {},
  "in the dark": { colorScheme: "dark" },
  "on a phone in the light": { device: PHONE },
  "on a phone in the dark": { device: PHONE, colorScheme: "dark" },
})) {
  test(`the edges of controls can be seen, ${name}`, { timeout: 90_000 }, async (t) => {
    await everywhere(t, options, async (ada, state) => assert.deepEqual(await ada.page.evaluate(faint), [], state));
  });
}

test("a screen reader walks from what is where, over what is said, to the field and those who are here", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const grace = connect(t, server.url, { auth: { nickname: "Grace" } });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await send(grace, "Hello, @Ada");
  await ada.send("Hi");
  await ada.has("#members-title", "2 online");
  const tree = await ada.page.locator("body").ariaSnapshot();
  const order = [
    'link "Go to the messages"', 'navigation "Conversations"', 'button "Notifications"', 'button "Find"', 'heading "Rooms"', 'list "Rooms"',
    'button "general"', 'heading "Private"', 'button "Ada Change your name"', 'combobox "Language"', "main:", 'heading "general" [level=1]', "status: Connected",
    "button \"Show who is here: 2 online\"", 'log "Messages in general"', "Grace", ", mentions you", "Hello, @Ada", "You", "Hi", "Sent", 'textbox "Message"', 'button "Send"', 'complementary "2 online"', 'list "2 online"',
  ];
  let at = 0;
  for (const next of order) {
    const found = tree.indexOf(next, at);
    assert.ok(found >= 0, `${next} is not where it should be in\n${tree}`);
    at = found + next.length;
  }
});

test("the first link leads past the lists, and leaves the address as it is", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url);
  const url = ada.page.url();
  const skip = ada.page.getByRole("link", { name: "Go to the messages" });
  // From its first control back.
  await ada.page.locator("#notifications").focus();
  await ada.page.keyboard.press("Shift+Tab");
  assert.ok(await skip.evaluate((link) => link === document.activeElement && getComputedStyle(link).clipPath === "none"), "it is seen");
  await ada.screenshot("skip");
  await ada.page.keyboard.press("Enter");
  assert.equal(await ada.page.evaluate(() => document.activeElement.id), "log");
  assert.equal(ada.page.url(), url);
});

test("what others write is read out, politely, and a flood is counted", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const grace = connect(t, server.url, { auth: { rooms: ["general", "rust"], nickname: "Grace" } });
  await send(grace, "before");
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.join("rust");
  await ada.show("general");
  await ada.sees("before");
  const news = ada.page.locator("#news");
  assert.deepEqual([await news.getAttribute("aria-live"), await ada.page.locator("#log").getAttribute("aria-live")], ["polite", "off"]);
  const said = () => news.locator("p").allTextContents();
  assert.deepEqual(await said(), [], "what was there is not new");
  await ada.send("my own");
  await send(grace, "hello");
  await send(grace, "for nobody", { room: "rust" });
  await send(grace, "for @Ada", { room: "rust" });
  await ada.until("it is said", async () => (await said()).length > 0);
  assert.deepEqual(await said(), ["Grace: hello", "Grace – rust: for @Ada"]);
  for (let number = 0; number < 30; number += 1) grace.emit("chat message", `flood ${number}`);
  await ada.sees("flood 29");
  await ada.until("it is counted", async () => /^\d+ new$/.test((await said()).join("|")));
});

// Whoever is elsewhere is called: by the title, the icons, a notification and a sound, as each has chosen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, send } from "../js/support/client.mjs";
import { Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { untranslated } from "./support/untranslated.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

/** Ada, in the rooms general and rust, and Grace, who writes there. What the browser shows and plays is noted. */
async function calling(t, { permissions = ["notifications"], ...options } = {}) {
  const server = await Server.start(t);
  const grace = connect(t, server.url, { auth: { rooms: ["general", "rust"], nickname: "Grace" } });
  const ada = await Visitor.open(t, "about:blank", { waits: false, ...options });
  await ada.context.grantPermissions(permissions, { origin: new URL(server.url).origin });
  await ada.context.addInitScript(noted);
  await ada.page.goto(server.url);
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  const say = (content, room = "general") => send(grace, content, { room });
  return { server, grace, ada, say };
}

/** Remembers both rooms, and notes real notifications, sounds and badges. */
function noted() {
  const rooms = { rooms: [{ name: "general" }, { name: "rust" }] };
  if (!localStorage.getItem("chat.conversations")) localStorage.setItem("chat.conversations", JSON.stringify(rooms));
  window.shown = [];
  const Real = window.Notification;
  window.Notification = class Notification extends Real {
    constructor(title, options) {
      super(title, options);
      const entry = { title, body: options.body, open: true };
      window.shown.push(entry);
      this.close = () => ((entry.open = false), super.close());
      window.last = this;
    }
  };
  window.chimes = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.chimes += 1;
    return start.apply(this, when);
  };
  window.badges = [];
  Object.defineProperty(Navigator.prototype, "setAppBadge", { value: async (count) => void window.badges.push(count) });
  Object.defineProperty(Navigator.prototype, "clearAppBadge", { value: async () => void window.badges.push(0) });
}

const leave = ({ page }) => page.evaluate(() => (document.hasFocus = () => false));
const comeBack = ({ page }) => page.evaluate(() => {
  delete document.hasFocus;
  window.dispatchEvent(new Event("focus"));
});
const shown = ({ page }) => page.evaluate(() => window.shown);
const bodies = async (visitor) => (await shown(visitor)).map(({ body }) => body);

async function settings(ada, act) {
  await ada.page.getByRole("button", { name: "Notifications" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Notifications" });
  await dialog.waitFor();
  await act(dialog);
  await dialog.getByRole("button", { name: "Close" }).click();
}

const turnOn = (dialog) => dialog.getByRole("button", { name: "Turn notifications on" }).click()
  .then(() => dialog.getByRole("button", { name: "Turn notifications off" }).waitFor());

test("notifications come when they are asked for, of what is for the reader, and lead there", { timeout: 60_000 }, async (t) => {
  const { ada, grace, say } = await calling(t);
  await ada.become("Ada");
  await leave(ada);
  await say("nobody has asked for this, @Ada");
  await ada.hasUnread("general", 1);
  await settings(ada, turnOn);
  await say("for nobody");
  await say("@ada in rust", "rust");
  await ada.until("the mention is shown", async () => (await bodies(ada)).includes("Grace: @ada in rust"));
  assert.deepEqual(await shown(ada), [{ title: "#rust", body: "Grace: @ada in rust", open: true }]);
  await ada.page.evaluate(() => window.last.dispatchEvent(new Event("click")));
  await comeBack(ada);
  await ada.has("#title-name", "rust");
  await ada.message("@ada in rust").and(ada.page.locator(".found")).waitFor();
  assert.equal((await shown(ada))[0].open, false);

  // The other conversations, also while the reader is at the page.
  await grace.emitWithAck("private message", "Ada", "psst");
  await ada.until("what is private is shown", async () => (await bodies(ada)).at(-1) === "psst");
  const { offset } = await grace.emitWithAck("private message", "Ada", "no, never mind");
  await ada.until("it takes the place of the other one", async () => (await bodies(ada)).at(-1) === "no, never mind");
  await grace.emitWithAck("delete message", offset);
  await ada.until("it is closed when it is deleted", async () => !(await shown(ada)).at(-1).open);
  await grace.emitWithAck("private message", "Ada", "psst!");
  await ada.until("the next one is shown", async () => (await bodies(ada)).at(-1) === "psst!");
  await ada.show("Grace");
  await ada.until("it is closed once it is read", async () => !(await shown(ada)).at(-1).open);
  await grace.emitWithAck("private message", "Ada", "you see this");
  await ada.sees("you see this");
  await say("@Ada, last", "rust");
  await ada.until("the last is shown", async () => (await bodies(ada)).at(-1) === "Grace: @Ada, last");
  assert.deepEqual(await bodies(ada), ["Grace: @ada in rust", "psst", "no, never mind", "psst!", "Grace: @Ada, last"]);
});

test("a room is told of wholly, by its mentions or not at all, and each user of the browser has other wishes", { timeout: 60_000 }, async (t) => {
  const { ada, say } = await calling(t);
  await ada.become("Ada");
  await settings(ada, async (dialog) => {
    await turnOn(dialog);
    await dialog.getByLabel("#general").selectOption("All messages");
    await dialog.getByLabel("#rust").selectOption("Nothing");
  });
  await leave(ada);
  await say("muted, @Ada", "rust");
  await say("anything");
  await ada.until("the room is told of", async () => (await bodies(ada)).length > 0);
  assert.deepEqual(await bodies(ada), ["Grace: anything"]);
  await ada.until("what is muted does not count", async () => (await ada.page.title()) === "(1) general – Chat");
  assert.match(await ada.entry("rust").ariaSnapshot(), /1 unread, 1 mentions you, muted/);
  await ada.page.reload();
  await ada.has("#me-name", "Ada");
  await settings(ada, async (dialog) => {
    assert.equal(await dialog.getByLabel("#general").inputValue(), "all");
    await ada.screenshot("notifications");
    assert.deepEqual(await audit(ada), []);
    await dialog.getByRole("button", { name: "Turn notifications off" }).click();
    await dialog.getByRole("button", { name: "Turn notifications on" }).waitFor();
  });
  await ada.page.evaluate(() => (document.hasFocus = () => false));
  await say("no more of these");
  await say("@Ada, not even this");
  await ada.hasUnread("general", 2);
  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Write anonymously" }).click();
  await ada.has("#me-name", "Choose a name");
  await settings(ada, async (dialog) => assert.equal(await dialog.getByLabel("#general").inputValue(), "mentions"));
  assert.deepEqual(await shown(ada), []);
});

test("the icons say how much there is for the reader", { timeout: 60_000 }, async (t) => {
  const { ada, grace, say } = await calling(t);
  await ada.become("Ada");
  const icon = () => ada.page.locator('link[rel="icon"]').getAttribute("href");
  const plain = await icon();
  await leave(ada);
  await say("hello");
  await ada.hasUnread("general", 1);
  assert.equal(await icon(), plain, "it is for nobody");
  await say("@Ada");
  await ada.until("the icon has a badge", async () => (await icon()).startsWith("data:image/png"));
  const one = await icon();
  await grace.emitWithAck("private message", "Ada", "psst");
  await ada.until("it has another one", async () => ![plain, one].includes(await icon()));
  const isDrawn = await ada.page.evaluate(async () => {
    const image = new Image();
    image.src = document.querySelector('link[rel="icon"]').href;
    await image.decode();
    const context = new OffscreenCanvas(64, 64).getContext("2d");
    context.drawImage(image, 0, 0);
    const colour = (x, y) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3).join();
    return { badge: colour(24, 42), bubble: colour(12, 12) };
  });
  assert.deepEqual(isDrawn, { badge: "184,28,49", bubble: "79,70,229" });
  await comeBack(ada);
  await ada.show("Grace");
  await ada.until("the icon is as before", async () => (await icon()).endsWith(plain.replace(/^\./, "")));
  const badges = await ada.page.evaluate(() => window.badges);
  assert.ok(badges.includes(1) && badges.includes(2) && badges.at(-1) === 0, `the badges of the app were ${badges}`);
});

test("of several tabs one calls, and none when another one is read", { timeout: 60_000 }, async (t) => {
  const { server, ada, say } = await calling(t);
  await ada.become("Ada");
  await settings(ada, turnOn);
  const other = await ada.context.newPage();
  await other.goto(server.url);
  await other.locator('#status[data-state="connected"]').waitFor();
  const count = async () => (await Promise.all([ada.page, other].map((page) => page.evaluate(() => window.shown.length)))).join();
  for (const page of [ada.page, other]) await page.evaluate(() => (document.hasFocus = () => false));
  await say("@Ada, once");
  await ada.until("one has called", async () => (await count()) === "1,0");
  await other.evaluate(() => {
    delete document.hasFocus;
    window.dispatchEvent(new Event("focus"));
  });
  await ada.until("it is closed when it is read in another tab", async () => !(await shown(ada))[0].open);
  await say("@Ada, you see this");
  await other.locator(".message .text", { hasText: "you see this" }).waitFor();
  await ada.page.close();
  await other.evaluate(() => (document.hasFocus = () => false));
  await say("@Ada, and now the other one");
  await ada.until("the other one calls", async () => (await other.evaluate(() => window.shown.map(({ body }) => body))).join() === "Grace: @Ada, and now the other one");
});

test("where pages show no notifications, as on phones, the service worker does", { timeout: 60_000 }, async (t) => {
  const { ada, say } = await calling(t, { serviceWorkers: "allow" });
  await ada.context.addInitScript(() => {
    const { permission, requestPermission } = window.Notification;
    window.Notification = class Notification {
      static permission = permission;
      static requestPermission = requestPermission;
      constructor() {
        throw new TypeError("Illegal constructor");
      }
    };
  });
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await ada.page.reload();
  await ada.become("Ada");
  await settings(ada, turnOn);
  const titles = () => ada.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return (await registration.getNotifications()).map(({ title, body }) => `${title} ${body}`);
  });
  await say("@Ada, by the worker", "rust");
  await ada.until("it is shown", async () => (await titles()).join() === "#rust Grace: @Ada, by the worker");
  const [worker] = ada.context.serviceWorkers();
  await worker.evaluate(async () => {
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  });
  await ada.has("#title-name", "rust");
  await ada.message("@Ada, by the worker").and(ada.page.locator(".found")).waitFor();
  await ada.until("it is gone", async () => (await titles()).length === 0);
  await say("@Ada, in general");
  await ada.until("another one is shown", async () => (await titles()).length === 1);
  await ada.show("general");
  await ada.until("it is closed once it is read", async () => (await titles()).length === 0);
});

test("there is a sound if the reader wants one", { timeout: 60_000 }, async (t) => {
  const { ada, say } = await calling(t, { permissions: [] });
  await ada.become("Ada");
  const chimes = () => ada.page.evaluate(() => window.chimes);
  await leave(ada);
  await say("@Ada, silence");
  await ada.hasUnread("general", 1);
  await settings(ada, async (dialog) => {
    assert.equal(await chimes(), 0);
    await dialog.getByLabel("Play a sound").check();
    assert.equal(await chimes(), 1, "it is heard at once");
  });
  await say("@Ada, a sound", "rust");
  await ada.until("it is heard", async () => (await chimes()) === 2);
  assert.deepEqual(await shown(ada), [], "nobody was asked, so nothing is shown");
});

for (const [name, options] of Object.entries({ "a phone in the dark": { device: PHONE, colorScheme: "dark" }, Arabic: { locale: "ar-EG" } })) {
  test(`the settings are accessible and in one language: ${name}`, { timeout: 60_000 }, async (t) => {
    const { ada } = await calling(t, { reducedMotion: "reduce", ...options });
    const side = ada.page.locator("#side-open");
    if (await side.isVisible()) await side.click();
    await ada.page.locator("#notifications").click();
    await ada.page.locator(".levels select").first().waitFor();
    assert.deepEqual(await audit(ada), []);
    if (options.locale) assert.deepEqual((await ada.page.evaluate(untranslated)).filter((text) => text !== "#general" && text !== "#rust"), []);
    await ada.screenshot(`notifications-${name.replaceAll(" ", "-")}`);
  });
}

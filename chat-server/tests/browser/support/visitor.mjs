// Somebody with the page open, as the tests use it.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { defer } from "../../js/support/bounds.mjs";
import { browser, serveFromDirectory, setClock } from "./browser.mjs";

const SCREENSHOTS = process.env.CHAT_SCREENSHOTS;
const PATIENCE_MS = 10_000;

// Said for every visitor: what is shown must not depend on the machine that the tests run on. Others may be asked for,
// for which everything must hold too.
const READER = {
  locale: process.env.CHAT_TEST_LOCALE || "en-GB",
  timezoneId: process.env.CHAT_TEST_TIMEZONE || "UTC",
};

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** A reader of each language of the page, on one screen or another. */
export const READERS = {
  en: { locale: "en-GB", device: DESKTOP, colorScheme: "dark" },
  zh: { locale: "zh-CN", device: PHONE },
  ja: { locale: "ja-JP", device: DESKTOP },
  ar: { locale: "ar-EG", device: PHONE, colorScheme: "dark" },
};

export class Visitor {
  errors = [];
  // How often the browser may ask whether to leave the page; anything else is an error.
  #questions = 0;

  /**
   * Opens the page at `url` in a context of its own; with a name if one is given, and with what the browser
   * has `remembered`. `withoutWebsocket` leaves it to poll. If it is `waits: false`, it is not waited for.
   */
  static async open(t, url, { name, remembered = {}, withoutWebsocket = false, waits = true, device = DESKTOP, ...options } = {}) {
    const visitor = new Visitor();
    const context = await (await browser()).newContext({ serviceWorkers: "block", ...READER, ...device, ...options });
    defer(t, async () => {
      const violations = await visitor.violations();
      await context.close();
      assert.deepEqual(visitor.errors, [], "errors in the page");
      assert.deepEqual(violations, [], "violations of the content security policy");
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await serveFromDirectory(context);
    await setClock(context);
    await context.addInitScript((remembered) => {
      for (const [name, value] of Object.entries(remembered)) {
        if (!localStorage.getItem(name)) localStorage.setItem(name, JSON.stringify(value));
      }
      window.violations = [];
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        window.violations.push(`${violatedDirective}: ${blockedURI}`));
    }, remembered);
    // These tests look for English texts, whatever the reader's region is.
    if (options.locale === undefined) await context.addInitScript(choosesEnglish);
    await context.addInitScript(canBeCutOff);
    if (withoutWebsocket) await context.addInitScript(() => delete window.WebSocket);
    visitor.context = context;
    visitor.page = await visitor.tab(url, waits ? "connected" : null);
    if (name) await visitor.become(name);
    return visitor;
  }

  /** Another tab of the same browser, which waits for `state` of the connection. */
  async tab(url, state = "connected") {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.errors.push(String(error.stack ?? error)));
    page.on("dialog", (dialog) => this.#dialog(dialog));
    await page.goto(url);
    if (state !== null) await page.locator(`#status[data-state="${state}"]`).waitFor();
    return page;
  }

  /** Leaves the page by `leave`, which the browser asks about. */
  async isAskedAndLeaves(leave) {
    this.#questions = 1;
    await leave();
    await this.until("the browser asks", () => this.#questions === 0);
  }

  #dialog(dialog) {
    if (dialog.type() === "beforeunload" && this.#questions > 0) this.#questions -= 1;
    else this.errors.push(`a dialog: ${dialog.type()} ${dialog.message()}`);
    return dialog.accept();
  }

  /** Keeps all pages from connecting, though they can be loaded. Resolves with what ends that. */
  async cutOff() {
    const transport = (url) => url.pathname.endsWith("/socket.io/");
    await this.context.route(transport, (route) => route.abort());
    await this.context.addCookies([{ name: "cut-off", value: "yes", url: new URL(this.page.url()).origin }]);
    return async () => {
      await this.context.clearCookies();
      await this.context.unroute(transport);
    };
  }

  async violations() {
    const pages = this.context.pages();
    return (await Promise.all(pages.map((page) => page.evaluate(() => window.violations ?? [])))).flat();
  }

  async become(name) {
    await this.page.locator("#me").click();
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByRole("button", { name: "Use this name" }).click();
    await this.page.locator("#name-dialog").waitFor({ state: "hidden" });
    await this.has("#me-name", name);
  }

  async join(room) {
    await this.page.getByRole("button", { name: "Join or create a room" }).click();
    await this.page.getByLabel("Name of the room").fill(room);
    await this.page.getByRole("button", { name: "Join", exact: true }).click();
    await this.has("#title-name", room);
  }

  async writeTo(name) {
    await this.page.getByRole("button", { name: "Write to somebody privately" }).click();
    await this.page.getByLabel("Their name").fill(name);
    await this.page.getByRole("button", { name: "Write", exact: true }).click();
    await this.has("#title-name", name);
  }

  /** The entry of a room or person in the side bar. */
  entry(name) {
    return this.page.locator("#side .entry").filter({ has: this.page.locator(`.name:text-is("${name}")`) });
  }

  async show(name) {
    await this.entry(name).click();
    await this.has("#title-name", name);
  }

  async write(text) {
    await this.page.locator("#text").fill(text);
    await this.page.locator("#send").click();
  }

  /** Writes, and waits until the server has it. */
  async send(text) {
    await this.write(text);
    await this.message(text).last().and(this.page.locator('[data-state="sent"]')).waitFor();
  }

  message(text) {
    const words = text.trim().split(/\s+/).map((word) => word.replace(/[\^$.*+?()[\]{}|]/g, "\\$&"));
    const hasText = new RegExp(`^\\s*${words.join("\\s+")}\\s*$`);
    return this.page.locator(".message").filter({ has: this.page.locator(".text", { hasText }) });
  }

  sees(text) {
    return this.message(text).first().waitFor();
  }

  /** All that stands in the open conversation, from the top. */
  texts() {
    return this.page.locator(".message .text").allTextContents();
  }

  /** Waits until exactly this stands in the open conversation: what was there before comes after what is new. */
  async shows(texts) {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.texts();
      if (performance.now() > end) return assert.deepEqual(found, texts);
      if (isDeepStrictEqual(found, texts)) return;
      await this.page.waitForTimeout(20);
    }
  }

  /** Waits until the element has this text: a string, or a pattern. */
  async has(selector, text) {
    await this.until(`${selector} has ${text}`, async () => {
      const found = await this.page.locator(selector).textContent();
      return typeof text === "string" ? found === text : text.test(found);
    });
  }

  async hasUnread(name, count) {
    const unread = this.entry(name).locator(".unread");
    await this.until(`${name} has ${count} unread`, async () => (await unread.textContent()) === String(count || ""));
  }

  /** Waits until `holds` resolves with something true. */
  async until(what, holds) {
    const end = performance.now() + PATIENCE_MS;
    while (!(await holds())) {
      assert.ok(performance.now() < end, `not within ${PATIENCE_MS} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async screenshot(name) {
    if (!SCREENSHOTS) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled" });
  }
}

/** Chooses English in the page if the browser would not. */
function choosesEnglish() {
  if (navigator.language.startsWith("en") || location.protocol === "about:") return;
  const { pathname } = new URL(".", location.href);
  localStorage.setItem(pathname === "/" ? "chat.language" : `chat${pathname}.language`, '"en"');
}

/** Has new websockets fail as long as there is the cookie of `cutOff`: the driver does not see those. */
function canBeCutOff() {
  const Real = window.WebSocket;
  window.WebSocket = class WebSocket extends Real {
    constructor(url, ...rest) {
      super(document.cookie.includes("cut-off") ? url.replace("/socket.io/", "/nowhere/") : url, ...rest);
    }
  };
}

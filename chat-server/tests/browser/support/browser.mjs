// A real browser, without a window: one for each file of tests, and a context of its own for each visitor.

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { after } from "node:test";

/** Finds what is installed for these tests. */
export const require = createRequire(new URL("../npm/", import.meta.url));
const { chromium } = require("playwright-core");

const EXECUTABLE = process.env.CHAT_CHROMIUM ?? "/usr/bin/chromium";
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// The browser does not start with what gives these tests another time, as scripts/test-at-other-hours does.
const isOfTime = (name) => name === "LD_PRELOAD" || name.startsWith("FAKETIME");
const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfTime(name)));

let launched;

/** The browser of this file, which ends with its tests. */
export function browser() {
  return (launched ??= chromium.launch({ executablePath: EXECUTABLE, args: ARGS, env: ENV }));
}

// What another process may be behind or ahead by the way alone.
const SAME_TIME_MS = 10_000;

let ahead;

/** Gives pages the time that these tests and their servers have. */
export async function setClock(context) {
  const difference = await (ahead ??= measureClock());
  if (Math.abs(difference) < SAME_TIME_MS) return;
  await context.addInitScript((difference) => {
    const RealDate = Date;
    window.Date = class Date extends RealDate {
      constructor(...parts) {
        super(...(parts.length === 0 ? [Date.now()] : parts));
      }
      static now() {
        return RealDate.now() + difference;
      }
    };
  }, difference);
}

/** By how much the time of these tests is ahead of the browser's, in milliseconds. */
async function measureClock() {
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  const difference = Date.now() - (await page.evaluate(() => Date.now()));
  await context.close();
  return difference;
}

after(async () => (await launched)?.close());

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/**
 * With CHAT_WEB naming the directory `web`, the page comes from there rather than from the binary, with
 * the headers that the server gives it: to change it without building. Then a page that is closed was seen to
 * stay among the members, so the tests of presence need the page of the binary. Over TLS it always comes from there:
 * these tests trust no certificate of a server.
 */
export async function serveFromDirectory(context, directory = process.env.CHAT_WEB) {
  if (!directory) return;
  const file = ({ pathname }) => join(directory, pathname === "/" ? "index.html" : pathname);
  const isFile = (url) => statSync(file(url), { throwIfNoEntry: false })?.isFile() ?? false;
  const isThere = (url) => url.protocol === "http:" && isFile(url);
  await context.route(isThere, async (route) => {
    const { origin, pathname } = new URL(route.request().url());
    const path = file({ pathname });
    const { headers } = await fetch(origin);
    await route.fulfill({
      body: readFileSync(path),
      contentType: `${TYPES[extname(path)]}; charset=utf-8`,
      headers: { "content-security-policy": headers.get("content-security-policy") },
    });
  });
}

// A real browser, without a window: one for each file of tests, and a context of its own for each visitor.

import { readFileSync } from "node:fs";
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

let launched;

/** The browser of this file, which ends with its tests. */
export function browser() {
  return (launched ??= chromium.launch({ executablePath: EXECUTABLE, args: ARGS }));
}

after(async () => (await launched)?.close());

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/**
 * With CHAT_WEB naming the directory `web`, the page comes from there rather than from the binary, with
 * the headers that the server gives it: to change it without building. Then a page that is closed was seen to
 * stay among the members, so the tests of presence need the page of the binary.
 */
export async function serveFromDirectory(context, directory = process.env.CHAT_WEB) {
  if (!directory) return;
  await context.route(/^[^?]*\/(chat[^?]*)?$/, async (route) => {
    const { origin, pathname } = new URL(route.request().url());
    const path = join(directory, pathname === "/" ? "index.html" : pathname);
    const { headers } = await fetch(origin);
    await route.fulfill({
      body: readFileSync(path),
      contentType: `${TYPES[extname(path)]}; charset=utf-8`,
      headers: { "content-security-policy": headers.get("content-security-policy") },
    });
  });
}

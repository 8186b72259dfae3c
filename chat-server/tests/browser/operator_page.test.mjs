// The operator's page: all nodes, connections, rooms and people.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defer, once, temporaryDirectory, within } from "../js/support/bounds.mjs";
import { connect, send } from "../js/support/client.mjs";
import { freePort, Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { browser } from "./support/browser.mjs";
import { DESKTOP, PHONE } from "./support/visitor.mjs";

const SECRET = "0123456789abcdef0123456789abcdef";
const MARKUP = "<img src=x onerror=alert(1)>";

/** Two workers with rooms that are kept. */
async function start(t, ...args) {
  const file = join(temporaryDirectory(t), "token");
  writeFileSync(file, SECRET, { mode: 0o600 });
  const port = await freePort();
  const options = ["--workers", "2", "--rooms", "--admin-listen", `127.0.0.1:${port}`, "--admin-token-file", file];
  const server = await Server.start(t, { args: [...options, ...args] });
  return { server, operator: `http://127.0.0.1:${port}` };
}

/** The page, signed in; fails the test if it has errors but the `expected` ones. */
async function open(t, operator, device = DESKTOP, { expected, ...more } = {}) {
  const context = await (await browser()).newContext({ locale: "en-GB", timezoneId: "UTC", ...device.viewport && device, ...more });
  const errors = [];
  defer(t, async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const isExpected = (text) => /401/.test(text) || expected?.test(text);
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  page.on("console", (message) => message.type() === "error" && !isExpected(message.text()) && errors.push(message.text()));
  await page.goto(operator);
  await page.getByLabel("Token").fill(SECRET);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#state", { hasText: "everything works" }).waitFor();
  await page.locator("#node option").nth(2).waitFor({ state: "attached" });
  return page;
}

async function connected(t, url, auth = {}) {
  const socket = connect(t, url, { auth, transports: ["websocket"] });
  await once(socket, auth.nickname ? "nickname" : "connect");
  return socket;
}

/** Presses a button, and the one of the dialog that asks. */
async function act(page, button, fields = {}) {
  await button.click();
  const dialog = page.getByRole("dialog");
  for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
  await dialog.locator(".strong").click();
  await dialog.waitFor({ state: "detached" });
}

async function picture(page, name) {
  const directory = process.env.CHAT_SCREENSHOTS;
  if (!directory) return;
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `operator-${name}.png`), fullPage: true });
}

test("a wrong token is refused, and the right one shows all nodes", { timeout: 60_000 }, async (t) => {
  const { server, operator } = await start(t);
  const ada = await connected(t, server.url, { nickname: "Ada" });
  const page = await open(t, operator);
  const chart = page.getByRole("img", { name: /^Messages stored: [1-9]/ });
  for (let sent = 0; (await chart.count()) === 0; sent += 1) {
    assert.ok((await within(5, "an ack", send(ada, `message ${sent}`))).offset > 0);
  }
  await page.getByRole("img", { name: /^Connections: websocket 1, polling 0/ }).waitFor();
  await page.getByRole("img", { name: /^Commit: p50 \d.* p99 \d/ }).waitFor();
  assert.equal(await page.getByRole("region", { name: "Nodes" }).locator("tbody tr").count(), 2);
  assert.deepEqual(await audit({ page }), []);
  await picture(page, "overview");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").fill("not this one, certainly");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The server does not know this token.").waitFor();
  assert.deepEqual(await audit({ page }), []);
});

test("a node is drained from the page of another", { timeout: 60_000 }, async (t) => {
  const { operator } = await start(t);
  const page = await open(t, operator);
  const nodes = page.getByRole("region", { name: "Nodes" }).locator("tbody tr");
  const [other] = [nodes.filter({ hasNotText: "(this)" })];
  await act(page, other.getByRole("button"), { "Seconds that it may take": "0" });
  await other.getByText("draining").waitFor();
  await page.locator("#state", { hasText: "draining" }).waitFor();
  assert.equal(await nodes.filter({ hasText: "(this)" }).getByText("ready", { exact: true }).count(), 1);
});

test("connections are ended, and messages deleted", { timeout: 60_000 }, async (t) => {
  const { server, operator } = await start(t);
  const [, two] = [...server.process.stdout.matchAll(/listening on (\S+)/g)].map(([, url]) => url);
  const ada = await connected(t, two ?? server.url, { nickname: "Ada" });
  const grace = await connected(t, server.url, { nickname: "Grace" });
  await send(grace, MARKUP);
  const page = await open(t, operator);
  await page.getByRole("link", { name: "Connections" }).click();
  const rows = page.getByRole("region", { name: /^Connections/ }).locator("tbody tr");
  await rows.nth(1).waitFor();
  assert.deepEqual(await audit({ page }), []);
  await picture(page, "connections");
  const gone = once(ada, "disconnect");
  await act(page, page.getByRole("button", { name: "End the connection of Ada" }));
  await gone;
  await page.getByText("The connection has ended.").waitFor();

  await page.getByRole("link", { name: "Rooms" }).click();
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText(MARKUP).waitFor();
  await page.getByText(/There now \(1\): Grace/).waitFor();
  assert.deepEqual(await audit({ page }), []);
  const deleted = once(grace, "message deleted");
  await act(page, page.getByRole("button", { name: "Delete message 1" }));
  await deleted;
  await page.getByRole("cell", { name: "(deleted)" }).waitFor();
});

test("a user is renamed, loses a device, and is banned", { timeout: 60_000 }, async (t) => {
  const { server, operator } = await start(t);
  const ada = await connected(t, server.url, { nickname: "Ada" });
  const page = await open(t, operator, PHONE, { colorScheme: "dark" });
  await page.getByRole("link", { name: "People" }).click();
  await page.getByLabel("Nickname").fill("ada");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText(/^Online · user/).waitFor();
  await page.getByRole("button", { name: "Remove without a name" }).or(page.getByRole("button", { name: "Remove the device" })).waitFor();
  await picture(page, "people-phone");
  assert.deepEqual(await audit({ page }), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, "the page is not wider than the phone");

  const renamed = once(ada, "nickname");
  await act(page, page.getByRole("button", { name: "Rename" }), { "New nickname": "Ada L." });
  assert.equal((await renamed)[0].nickname, "Ada L.");
  await page.getByRole("heading", { name: "Ada L." }).waitFor();

  const gone = once(ada, "disconnect");
  await act(page, page.getByRole("button", { name: "Ban…" }), { "Reason": MARKUP });
  await gone;
  const log = page.getByRole("region", { name: "What moderators have done" });
  await log.getByText(MARKUP).waitFor();
  await log.getByRole("cell", { name: "ban", exact: true }).waitFor();
  await page.getByRole("button", { name: "Unban", exact: true }).click();
  await log.getByRole("cell", { name: "lift ban", exact: true }).waitFor();
  await act(page, page.getByRole("button", { name: /^Remove/ }));
  await page.getByText("The device is removed.").waitFor();
});

/** Has the page get another answer to some requests: what `change` returns for that of the server. */
async function answering(page, path, change) {
  await page.route(path, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
}

test("bad answers neither stop the page nor hide what is good, and are not called good", { timeout: 120_000 }, async (t) => {
  const { operator } = await start(t);
  const page = await open(t, operator, DESKTOP, { expected: /TypeError/ });
  const pill = page.locator("#state");
  const rows = page.getByRole("region", { name: "Nodes" }).locator("tbody tr");
  for (const metrics of [undefined, 7]) {
    await answering(page, "**/admin/nodes", ({ nodes: [one, two], ...rest }) => ({ ...rest, nodes: [one, { ...two, metrics }, null] }));
    await pill.filter({ hasText: "2 of 3 nodes are silent" }).waitFor();
    assert.equal(await rows.count(), 1);
    await page.unroute("**/admin/nodes");
    await pill.filter({ hasText: "everything works" }).waitFor();
  }
  for (const answer of [null, { nodes: 7 }]) {
    await answering(page, "**/admin/nodes", () => answer);
    await pill.and(page.locator(".bad")).filter({ hasText: "does not work" }).waitFor();
    await page.unroute("**/admin/nodes");
    await pill.filter({ hasText: "everything works" }).waitFor();
  }
  const impaired = (what) => `chat_impaired{what="${what}"} 1\n`;
  await answering(page, "**/admin/nodes", ({ nodes, ...rest }) => {
    nodes[1].metrics += impaired("a_b") + impaired("call 555 now") + impaired("x".repeat(41));
    return { ...rest, nodes };
  });
  await pill.filter({ hasText: /^does not work: a b$/ }).waitFor();
});

test("names that paths cannot have, and links that somebody has made up, are no errors", { timeout: 60_000 }, async (t) => {
  const { operator } = await start(t);
  const page = await open(t, operator);
  const requested = [];
  page.on("request", (request) => requested.push(new URL(request.url()).pathname));
  for (const link of ["#rooms/..", "#people/.", "#rooms/."]) {
    await page.evaluate((hash) => (location.hash = hash), link);
    await page.getByText("This page cannot ask for").first().waitFor();
  }
  assert.deepEqual(requested.filter((path) => !/^\/admin\/nodes$|^\/api\/v1\/(moderation|rooms\/[^/]+\/|users\/)/.test(path)), []);
  for (const link of ["#__proto__", "#constructor", "#toString/x"]) {
    await page.evaluate((hash) => (location.hash = hash), "#connections");
    await page.getByRole("heading", { name: "Connections", exact: true }).waitFor();
    await page.evaluate((hash) => (location.hash = hash), link);
    await page.getByRole("region", { name: "Nodes" }).waitFor();
  }
  await page.evaluate(() => (location.hash = "#rooms/%"));
  await page.getByRole("heading", { name: "%", exact: true }).waitFor();
});

test("what is done is done to whom the page shows", { timeout: 60_000 }, async (t) => {
  const { server, operator } = await start(t);
  const client = await connected(t, server.url);
  const page = await open(t, operator);
  await page.getByRole("link", { name: "Connections" }).click();
  // One that gets its nickname later, in a row that stays.
  const button = page.getByRole("button", { name: /^End the connection of/ });
  await button.waitFor();
  assert.equal((await client.emitWithAck("nickname", "Ada")).nickname, "Ada");
  await page.getByRole("button", { name: "End the connection of Ada" }).click();
  await page.getByRole("dialog").getByText("The connection of Ada").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();

  // A name that is being typed is not looked for.
  const asked = [];
  page.on("request", (request) => request.url().includes("/admin/connections") && asked.push(new URL(request.url()).searchParams.get("user")));
  await page.getByLabel("Of the user").fill("Ad");
  await page.waitForRequest(/connections\?/);
  await page.waitForRequest(/connections\?/);
  assert.ok(asked.every((user) => user === null), String(asked));
  await page.getByLabel("Of the user").fill("Ada");
  const searched = page.waitForRequest(/connections\?.*user=Ada$/);
  await page.getByRole("button", { name: "Show" }).click();
  await searched;

  // Somebody else has the nickname by the time of the ban.
  await page.evaluate(() => (location.hash = "#people/Ada"));
  await page.getByText(/^Online · user/).waitFor();
  const changes = [];
  page.on("request", (request) => request.method() !== "GET" && changes.push(request.url()));
  await page.getByRole("button", { name: "Ban…" }).click();
  await answering(page, "**/api/v1/users/Ada", (user) => ({ ...user, user: "0123456789abcdef" }));
  await page.getByText(/user 0123456789abcdef$/).waitFor();
  await page.getByRole("dialog").locator(".strong").click();
  await page.getByText("Ada is another user now. Nothing was done.").waitFor();
  assert.deepEqual(changes, []);
  assert.equal(client.connected, true);
});

test("on an address of others, the page without a token says what is missing", { timeout: 60_000 }, async (t) => {
  const port = await freePort();
  await Server.start(t, { args: ["--admin-listen", `0.0.0.0:${port}`] });
  const page = await (await (await browser()).newContext()).newPage();
  defer(t, () => page.context().close());
  page.setDefaultTimeout(10_000);
  await page.goto(`http://127.0.0.1:${port}/admin/`);
  await page.locator("#state.bad", { hasText: "--admin-token-file" }).waitFor();
});

test("without a token the page shows what it may, and says what is missing", { timeout: 60_000 }, async (t) => {
  const port = await freePort();
  await Server.start(t, { args: ["--admin-listen", `127.0.0.1:${port}`] });
  const page = await (await (await browser()).newContext()).newPage();
  defer(t, () => page.context().close());
  page.setDefaultTimeout(10_000);
  await page.goto(`http://127.0.0.1:${port}/#x`);
  await page.locator("#state", { hasText: "everything works" }).waitFor();
  await page.getByRole("link", { name: "People" }).click();
  await page.getByText("start the server with --admin-token-file").first().waitFor();
});

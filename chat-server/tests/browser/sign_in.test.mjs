// Servers that know users by signed tokens: a link brings one, and the page says clearly when there is none that counts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hs256, now, SECRET, withKey } from "../js/support/tokens.mjs";
import { Visitor } from "./support/visitor.mjs";

/** Waits for the page that says why one has to sign in. */
async function signInSays(visitor, words) {
  await visitor.page.locator("#sign-in").getByText(words).waitFor();
  assert.equal(await visitor.page.locator("#main").evaluate(({ inert }) => inert), true);
}

test("a link with a token signs in, for this tab only, and leaves no token in the address", { timeout: 60_000 }, async (t) => {
  const server = await withKey(t, SECRET);
  const token = hs256({ sub: "ada", name: "Ada" });
  const ada = await Visitor.open(t, `${server.url}/#token=${token}`);
  assert.equal(ada.page.url(), `${server.url}/`);
  await ada.has("#me-name", "Ada");
  await ada.send("signed in");
  await ada.page.reload();
  await ada.page.locator('#status[data-state="connected"]').waitFor();
  await ada.has("#me-name", "Ada");
  const kept = await ada.page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.ok(!kept.includes(token), "other tabs have it");

  const first = ada.page;
  ada.page = await ada.tab(server.url, null);
  await signInSays(ada, "people who have signed in elsewhere");
  await ada.screenshot("sign-in");
  await ada.page.close();

  ada.page = first;
  await ada.page.locator("#me").click();
  await ada.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await ada.page.getByRole("button", { name: "Sign out of this device?" }).click();
  await signInSays(ada, "people who have signed in elsewhere");
  assert.equal(await ada.page.evaluate(() => sessionStorage.getItem("chat.signed-token")), null);
});

test("a token that is expired or refused is said to be so, and another one lets in", { timeout: 60_000 }, async (t) => {
  const server = await withKey(t, SECRET);
  const open = (token) => Visitor.open(t, `${server.url}/#token=${token}`, { waits: false });
  const expired = await open(hs256({ sub: "ada", exp: now() - 60 }));
  await signInSays(expired, "signed in for as long as you may");
  const forged = await open(hs256({ sub: "ada" }, "another secret of thirty-two bytes"));
  await signInSays(forged, "this chat does not accept it");
  // The link of the page that signs in, in the same tab.
  await forged.page.evaluate((token) => (location.hash = `token=${token}`), hs256({ sub: "ada", name: "Ada" }));
  await forged.page.locator('#status[data-state="connected"]').waitFor();
  await forged.page.locator("#sign-in").waitFor({ state: "detached" });
  await forged.has("#me-name", "Ada");
  await forged.send("in at last");
  assert.equal(forged.page.url(), `${server.url}/`);
});

test("a live connection goes on with another token, and without one it ends with a word", { timeout: 60_000 }, async (t) => {
  const server = await withKey(t, SECRET);
  const first = now() + 5;
  const ada = await Visitor.open(t, `${server.url}/#token=${hs256({ sub: "ada", name: "Ada", exp: first })}`);
  let opened = 0;
  ada.page.on("websocket", () => (opened += 1));
  await ada.page.evaluate((token) => (location.hash = `token=${token}`), hs256({ sub: "ada", name: "Ada", exp: first + 4 }));
  await ada.until("the first token has expired", () => now() > first);
  await ada.send("renewed");
  assert.equal(opened, 0, "it is the same connection");
  await signInSays(ada, "signed in for as long as you may");
});

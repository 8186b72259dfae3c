// One user on several devices: a code, a link and a picture; another name, and signing out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { require } from "./support/browser.mjs";
import { PHONE, Visitor } from "./support/visitor.mjs";

/** Opens the profile of somebody with a name. */
async function openProfile({ page }) {
  await page.locator("#me").click();
  await page.locator("#profile .devices li").first().waitFor();
}

/** Gets a code for another device; resolves with the link. */
async function newLink(visitor) {
  await openProfile(visitor);
  await visitor.page.getByRole("button", { name: "Use on another device" }).click();
  const link = await visitor.page.locator("#profile .shared input").inputValue();
  assert.equal(link.split("#device=")[1], await visitor.page.locator("#profile .code").textContent());
  return link;
}

test("a link makes another device one of the same user", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const bob = await Visitor.open(t, server.url, { name: "Bob" });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("from the desk");
  await ada.writeTo("Bob");
  await ada.send("a secret");
  const link = await newLink(ada);
  await ada.screenshot("profile");
  assert.deepEqual(await audit(ada), []);
  await ada.page.keyboard.press("Escape");

  const phone = await Visitor.open(t, link, { device: PHONE });
  assert.equal(phone.page.url(), `${server.url}/`, "the code does not stay in the address");
  await phone.page.getByText("It becomes one of the devices").waitFor();
  await phone.screenshot("link-device");
  assert.deepEqual(await audit(phone), []);
  await phone.page.getByLabel("What you call this device").fill("Ada's phone");
  await phone.page.getByRole("button", { name: "Use this device" }).click();
  await phone.has("#me-name", "Ada");
  await phone.page.locator('#status[data-state="connected"]').waitFor();
  // Its own, once it is known whose the device is.
  await phone.message("from the desk").and(phone.page.locator(".own")).first().waitFor();
  await phone.page.locator("#side-open").click();
  await phone.entry("Bob").click();
  await phone.shows(["a secret"]);
  await phone.send("from the phone");
  await ada.sees("from the phone");
  await bob.show("Ada");
  await bob.shows(["a secret", "from the phone"]);

  // Another name keeps everything, here and there.
  await ada.become("Countess");
  await phone.has("#me-name", "Countess");
  await ada.hasUnread("Bob", 0);
  await phone.shows(["a secret", "from the phone"]);

  await openProfile(ada);
  await ada.page.locator(".devices li", { hasText: /Chrome, Linux/ }).getByText("This device").waitFor();
  const device = ada.page.locator(".devices li", { hasText: "Ada's phone" });
  await device.getByRole("button", { name: "Remove" }).click();
  await device.getByRole("button", { name: "Remove it?" }).click();
  await device.waitFor({ state: "detached" });
  await phone.has("#me-name", "Choose a name");
  await phone.page.keyboard.press("Escape");
});

test("a phone reads the link from the picture, in which nothing else is", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const link = await newLink(ada);
  const picture = ada.page.getByRole("img", { name: "The link as a QR code" });
  await picture.waitFor();
  const { default: decode } = await import(require.resolve("qr/decode.js"));
  const { data, info } = await pixels(ada.page, await picture.screenshot());
  assert.equal(decode({ data: Uint8Array.from(data), ...info }), link);
});

/** The pixels of a picture, as the browser decodes it. */
function pixels(page, png) {
  return page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type: "image/png" }));
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    return { data: [...context.getImageData(0, 0, width, height).data], info: { width, height } };
  }, [...png]);
}

test("a code is typed where there is no link, once, and the browser asks before it forgets who was there", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const code = (await newLink(ada)).split("#device=")[1];
  const type = async ({ page }, code) => {
    await page.getByLabel("Code of the other device").fill(code);
    await page.getByRole("button", { name: "Use this device" }).click();
  };
  const desk = await Visitor.open(t, server.url);
  await desk.page.getByRole("button", { name: "Choose a name" }).first().click();
  await desk.page.getByRole("button", { name: "I have a name on another device" }).click();
  await type(desk, "00000-00000");
  await desk.page.getByText("This code is wrong").waitFor();
  await type(desk, code);
  await desk.has("#me-name", "Ada");
  const eve = await Visitor.open(t, server.url, { name: "Eve" });
  await eve.send("from Eve");
  // The page is open already.
  await eve.page.evaluate((code) => (location.hash = `device=${code}`), code);
  await eve.page.getByText("You are Eve here. This browser forgets that").waitFor();
  await eve.page.getByRole("button", { name: "Use this device" }).click();
  await eve.page.getByText("This code is wrong, was used").waitFor();
  await eve.page.getByRole("button", { name: "Close", exact: true }).click();
  await eve.send("still Eve");
  await eve.has("#me-name", "Eve");
});

test("signing out leaves nothing of the user in the browser, in all its tabs", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("Ada was here");
  const first = ada.page;
  const other = await ada.tab(server.url);
  await openProfile(ada);
  await ada.page.getByText("This is your only device").waitFor();
  await ada.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await ada.page.getByRole("button", { name: "Sign out of this device?" }).click();
  for (ada.page of [first, other]) {
    await ada.has("#me-name", "Choose a name");
    await ada.page.locator('#status[data-state="connected"]').waitFor();
    await ada.sees("Ada was here");
    assert.equal(await ada.page.locator(".message.own").count(), 0);
  }
  const kept = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
  // What anybody may read in the room is there again; whose name and user it was is not.
  const found = await first.evaluate(kept);
  assert.doesNotMatch(found, /"chat\.(name|user|handover)"/);
});

test("all other devices are signed out at once", { timeout: 90_000 }, async (t) => {
  const server = await Server.start(t);
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  const others = [];
  for (let time = 0; time < 2; time += 1) {
    const other = await Visitor.open(t, await newLink(ada));
    await ada.page.keyboard.press("Escape");
    await other.page.getByRole("button", { name: "Use this device" }).click();
    await other.has("#me-name", "Ada");
    others.push(other);
  }
  await openProfile(ada);
  assert.equal(await ada.page.locator(".devices li").count(), 3);
  await ada.page.getByRole("button", { name: "Sign out all other devices" }).click();
  await ada.page.getByRole("button", { name: "Sign out all others?" }).click();
  await ada.page.locator(".devices li").nth(1).waitFor({ state: "detached" });
  for (const other of others) await other.has("#me-name", "Choose a name");
  await ada.page.keyboard.press("Escape");
  await ada.send("still here");
});

// Pictures and files: chosen, pasted, dropped; uploaded, shown, and gone with their message.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../js/support/bounds.mjs";
import { Server } from "../js/support/server.mjs";
import { audit } from "./support/audit.mjs";
import { untranslated } from "./support/untranslated.mjs";
import { READERS, Visitor } from "./support/visitor.mjs";

const TEXT = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("the notes") };

/** A picture of this size, as a browser makes it. */
async function png({ page }, name, width, height) {
  const base64 = await page.evaluate(([width, height]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#c04020";
    context.fillRect(0, 0, width, height / 2);
    return canvas.toDataURL("image/png").split(",")[1];
  }, [width, height]);
  return { name, mimeType: "image/png", buffer: Buffer.from(base64, "base64") };
}

async function open(t, url, name, options) {
  const visitor = await Visitor.open(t, url, { name, ...options });
  await visitor.page.locator("#attach").waitFor();
  return visitor;
}

const choose = ({ page }, files) => page.locator("#attach-files").setInputFiles(files);
const arrived = ({ page }, count) => page.locator(".upload.arrived").nth(count - 1).waitFor();
const send = ({ page }) => page.locator("#send").click();
const isLoaded = (picture) => picture.evaluate((image) => image.complete && image.naturalWidth > 0);

test("pictures and files are sent and seen", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await open(t, server.url, "Ada"), await open(t, server.url, "Bob")];
  await choose(ada, [await png(ada, "barn.png", 640, 480), TEXT, await png(ada, "tall.png", 100, 900)]);
  await arrived(ada, 3);
  await ada.page.locator(".upload .alt").first().fill("a [red] barn");
  await ada.page.locator(".upload canvas").first().waitFor();
  assert.deepEqual(await audit(ada), [], "files to send");
  await ada.screenshot("files-to-send");
  await ada.page.locator("#text").fill("Look!");
  await send(ada);
  await bob.sees("Look!");
  assert.equal(await ada.page.locator("#uploads").isHidden(), true);

  const [barn, tall] = [bob.page.locator(".picture img").nth(0), bob.page.locator(".picture img").nth(1)];
  await bob.until("the pictures are there", async () => (await isLoaded(barn)) && (await isLoaded(tall)));
  assert.equal(await barn.getAttribute("alt"), "a [red] barn");
  assert.equal(await tall.getAttribute("alt"), "tall.png");
  const card = bob.page.locator(".card");
  assert.match(await card.textContent(), /notes\.txt\s*9/);
  const [download] = await Promise.all([bob.page.waitForEvent("popup").catch(() => null), card.click()]);
  await download?.close();
  assert.deepEqual(await audit(bob), [], "files of a message");
  await bob.screenshot("files-seen");

  // As large as it fits, by the keyboard.
  await bob.page.locator(".picture").first().focus();
  await bob.page.keyboard.press("Enter");
  const large = bob.page.locator(".lightbox > img");
  await bob.until("it is large", () => isLoaded(large));
  assert.equal(await large.getAttribute("alt"), "a [red] barn");
  assert.deepEqual(await audit(bob), [], "the large picture");
  await bob.screenshot("files-large");
  await bob.page.keyboard.press("ArrowRight");
  await bob.until("the next one", async () => (await large.getAttribute("alt")) === "tall.png");
  await bob.page.keyboard.press("ArrowRight");
  await bob.page.keyboard.press("ArrowLeft");
  await bob.until("the one before", async () => (await large.getAttribute("alt")) === "a [red] barn");
  await bob.page.keyboard.press("Escape");
  await bob.page.locator(".lightbox").waitFor({ state: "detached" });
  assert.equal(await bob.page.evaluate(() => document.activeElement.className), "picture");

  // After a reload they are there again, and gone with their message.
  await bob.page.reload();
  await bob.until("the picture is back", () => isLoaded(bob.page.locator(".picture img").first()));
  await ada.page.locator(".bubble").first().hover();
  await ada.page.locator(".act.delete").click();
  await ada.page.locator(".act.delete").click();
  await bob.page.locator(".gone").waitFor();
  assert.equal(await bob.page.locator(".files").count(), 0);
});

test("a message has its height before its pictures have come", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t);
  const [ada, bob] = [await open(t, server.url, "Ada"), await open(t, server.url, "Bob")];
  let goOn;
  const held = new Promise((resolve) => (goOn = resolve));
  await bob.context.route(/\/files\/[0-9a-f]{32}\/.*signature/, async (route) => {
    await held;
    await route.continue();
  });
  await choose(ada, [await png(ada, "barn.png", 640, 480)]);
  await arrived(ada, 1);
  await send(ada);
  const row = bob.page.locator(".message").last();
  await row.locator(".picture").waitFor();
  const height = () => row.evaluate((row) => row.getBoundingClientRect().height);
  const before = await height();
  assert.ok(before > 200, `room for the picture: ${before}`);
  goOn();
  await bob.until("the picture is there", () => isLoaded(row.locator("img")));
  assert.equal(await height(), before);
});

test("files are pasted and dropped, and taken back", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--max-file-bytes", "1000"] });
  const ada = await open(t, server.url, "Ada");
  const { page } = ada;
  const give = (event, target, name, size) => page.evaluate(([event, target, name, size]) => {
    const data = new DataTransfer();
    data.items.add(new File(["x".repeat(size)], name));
    const init = { bubbles: true, cancelable: true };
    const element = document.querySelector(target);
    if (event === "paste") return element.dispatchEvent(new ClipboardEvent("paste", { ...init, clipboardData: data }));
    return element.dispatchEvent(new DragEvent(event, { ...init, dataTransfer: data }));
  }, [event, target, name, size]);
  await give("paste", "#text", "pasted.txt", 10);
  await arrived(ada, 1);
  await give("dragenter", "#log", "dropped.txt", 10);
  assert.equal(await page.locator("main").getAttribute("data-drop"), "Drop files here to attach them");
  await give("drop", "#log", "dropped.txt", 10);
  assert.equal(await page.locator("main").getAttribute("data-drop"), null);
  await arrived(ada, 2);
  await give("paste", "#text", "large.txt", 1001);
  await ada.has(".upload:nth-child(3) .error", /^This file is too large: 1kB at most/);
  await page.getByRole("button", { name: "Remove large.txt" }).click();
  await page.getByRole("button", { name: "Remove pasted.txt" }).click();
  assert.equal(await page.locator(".upload").count(), 1);
  // Another conversation has others.
  await ada.join("elsewhere");
  assert.equal(await page.locator("#uploads").isHidden(), true);
  await ada.show("general");
  await send(ada);
  await page.locator(".card").waitFor();
  assert.equal(await page.locator(".card .file-name").textContent(), "dropped.txt");
});

test("an upload goes on after a cut and after a reload", { timeout: 120_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const server = await Server.start(t, { store: `sqlite:${join(directory, "chat.db")}` });
  const [ada, bob] = [await open(t, server.url, "Ada"), await open(t, server.url, "Bob")];
  const bytes = Buffer.alloc(2_000_000, "0123456789");
  let [cut, parts, held] = [false, 0, true];
  await ada.context.route(/\/files\/[0-9a-f]{32}$/, async (route) => {
    if (route.request().method() !== "PATCH") return route.continue();
    parts += 1;
    if (parts === 3) {
      cut = true;
      return route.abort("connectionreset");
    }
    // No further than this until the page was loaded anew.
    if (held && parts > 5) return;
    return route.continue();
  });
  await choose(ada, [{ name: "large.bin", mimeType: "application/octet-stream", buffer: bytes }]);
  await ada.page.locator("#text").fill("large");
  await ada.until("the upload was cut and went on", () => cut && parts > 5);
  assert.equal(await ada.page.locator("#send").isDisabled(), true, "it is not there yet");
  await ada.has("#hint", "Files are being uploaded.");
  held = false;
  const before = parts;
  await ada.page.reload();
  await arrived(ada, 1);
  assert.ok(parts - before <= 6, `${parts - before} of 8 parts: what had arrived was not sent again`);
  await send(ada);
  const card = bob.page.locator(".card");
  await card.waitFor();
  const url = await card.getAttribute("href");
  const got = Buffer.from(await (await fetch(url)).arrayBuffer());
  assert.ok(got.equals(bytes));
  // Nothing is left to be sent.
  await ada.page.reload();
  await ada.page.locator("#attach").waitFor();
  assert.equal(await ada.page.locator(".upload").count(), 0);
});

test("without files on the server there is no button", { timeout: 60_000 }, async (t) => {
  const server = await Server.start(t, { args: ["--files", "off"] });
  const ada = await Visitor.open(t, server.url, { name: "Ada" });
  await ada.send("hello");
  assert.equal(await ada.page.locator("#attach").isHidden(), true);
});

for (const [code, look] of Object.entries(READERS)) {
  test(`files in ${code}`, { timeout: 60_000 }, async (t) => {
    const server = await Server.start(t);
    const remembered = { "chat.name": "Ада", "chat.token": "the token of Ада, long enough" };
    const ada = await Visitor.open(t, server.url, { remembered, ...look });
    await ada.page.locator("#attach").waitFor();
    await choose(ada, [await png(ada, "1.777", 640, 480), { ...TEXT, name: "22.333" }]);
    await arrived(ada, 2);
    const looks = async (name) => {
      await ada.page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
      await ada.screenshot(`files-${name}-${code}`);
      const english = await ada.page.evaluate(untranslated);
      if (code !== "en") assert.deepEqual(english, [], `${name}: still in English`);
      const wide = await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name}: ${wide} pixels too wide`);
      assert.deepEqual(await audit(ada), [], name);
    };
    await looks("to-send");
    await ada.page.locator("#send").click();
    const picture = ada.page.locator(".picture");
    await ada.until("the picture is there", () => isLoaded(picture.locator("img")));
    await looks("seen");
    const sticksOut = await ada.page.evaluate(() =>
      [...document.querySelectorAll(".file")].filter((file) => file.scrollWidth > file.closest(".bubble").clientWidth ||
        file.getBoundingClientRect().right > file.closest(".bubble").getBoundingClientRect().right).length);
    assert.equal(sticksOut, 0, "within the bubble");
    await picture.click();
    await ada.until("it is large", () => isLoaded(ada.page.locator(".lightbox > img")));
    await looks("large");
  });
}

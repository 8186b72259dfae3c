// The client library on devices that change hands: another name, another device, and nobody any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./support/bounds.mjs";
import { chatting, connected, Page, shows, Store, until } from "./support/library.mjs";
import { Server } from "./support/server.mjs";

const GENERAL = "#general";

/** Resolves when the client has ended because its device has changed hands. */
const handedOver = (chat) => within(15, "it is handed over", new Promise((resolve) => chat.on("handedOver", resolve)));

test("another name keeps the private conversations and what one has said, on all devices", async (t) => {
  const { url } = await Server.start(t);
  const [desk, phone] = [new Store(), new Store()];
  const ada = chatting(t, url, { local: desk, name: "Ada" });
  const bob = chatting(t, url, { name: "Bob" });
  await Promise.all([connected(ada), connected(bob)]);
  await ada.send(await ada.writeTo("Bob"), "a secret");
  await ada.send(GENERAL, "for all");
  const other = chatting(t, url, { local: phone });
  await connected(other);
  const over = handedOver(other);
  await other.linkDevice((await ada.request("device code")).code);
  await over;
  const linked = chatting(t, url, { local: phone });
  await until(linked, "it knows Bob", ({ people }) => people[0]?.messages.length === 1);

  const { me } = ada.snapshot();
  await ada.become("Countess");
  await until(linked, "it has the name", ({ me }) => me.name === "Countess");
  for (const chat of [ada, linked]) await until(chat, "it is told", ({ me }) => me.name === "Countess");
  ada.stop();
  const again = chatting(t, url, { local: desk });
  for (const chat of [linked, again]) {
    const now = await until(chat, "the same user", ({ me: now }) => now.name === "Countess" && now.user === me.user);
    assert.deepEqual(now.people.map(({ name }) => name), ["Bob"]);
    await until(chat, "its own message", ({ rooms: [{ messages }] }) => messages.some(({ own, content }) => own && content === "for all"));
  }
  // Another user is not asked for what the first one had.
  await again.becomeNobody();
  assert.deepEqual(again.snapshot().people, []);
});

test("a device that is linked forgets who was there before", async (t) => {
  const { url } = await Server.start(t);
  const ada = chatting(t, url, { name: "Ada" });
  const local = new Store();
  const eve = chatting(t, url, { local, name: "Eve", rooms: ["general", "rust"], keepMessages: true });
  await Promise.all([connected(ada), connected(eve)]);
  await eve.send(await eve.writeTo("Ada"), "from Eve");
  const { code } = await ada.request("device code");
  await assert.rejects(eve.linkDevice("00000-00000"), { code: "invalid_code" });
  assert.equal(eve.snapshot().me.name, "Eve");
  const over = handedOver(eve);
  await eve.linkDevice(code.toLowerCase(), "the phone");
  await over;
  assert.equal(eve.snapshot().connection.state, "stopped");
  assert.doesNotMatch(JSON.stringify([...local.values]), /Eve/);
  const linked = chatting(t, url, { local });
  const now = await until(linked, "it is Ada", ({ me, people }) => me.name === "Ada" && people.length > 0);
  assert.deepEqual(now.rooms.map(({ name }) => name), ["general", "rust"]);
  assert.equal(now.people[0].messages[0].content, "from Eve");
  const { devices } = await linked.request("devices");
  assert.deepEqual(devices.map(({ label }) => label ?? null).sort(), ["the phone", null].sort());
});

test("signing out leaves nothing in the storage, in all tabs, and the device is none any more", async (t) => {
  const { url } = await Server.start(t);
  const [local, sessions, pages] = [new Store(), [new Store(), new Store()], [new Page(), new Page()]];
  // Several chats may share a storage.
  const prefix = `chat${url}/.`;
  local.setItem(`${prefix}language`, '"ja"');
  local.setItem("other.thing", '"stays"');
  const set = local.setItem;
  // As browsers do it, the other tab is told of what one changes.
  local.setItem = (key, newValue) => {
    const oldValue = local.getItem(key);
    set(key, newValue);
    if (key === `${prefix}handover`) pages[1].happens("storage", { key, newValue, oldValue });
  };
  const options = { local, name: "Ada", keepMessages: true };
  const tabs = pages.map((page, n) => chatting(t, url, { ...options, page, session: sessions[n] }));
  await Promise.all(tabs.map(connected));
  await tabs[0].send(GENERAL, "Ada was here");
  await shows(tabs[1], "Ada was here");
  const token = local.getItem(`${prefix}token`);
  const over = Promise.all(tabs.map(handedOver));
  await tabs[0].signOut();
  await over;
  for (const page of pages) {
    page.happens("pagehide");
    assert.equal(page.listeners, 0);
  }
  assert.deepEqual([...local.values], [[`${prefix}language`, '"ja"'], ["other.thing", '"stays"']]);
  assert.deepEqual(sessions.flatMap(({ values }) => [...values.keys()]), []);
  const thief = chatting(t, url, { name: "Ada", token: JSON.parse(token) });
  await until(thief, "the token is of no use", ({ me, connection }) => me.name === null && connection.state === "connected");
});

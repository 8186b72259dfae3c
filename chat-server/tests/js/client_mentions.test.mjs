// Mentions: what is one, and how many of them are unread.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mentions } from "../../web/client/index.js";
import { connect, send } from "./support/client.mjs";
import { chatting, connected, Page, Store, until } from "./support/library.mjs";
import { Server } from "./support/server.mjs";

const RUST = "#rust";

test("a name after an at sign is a mention, as nicknames compare", () => {
  const of = (name, ...texts) => texts.map((text) => mentions(text, name));
  assert.deepEqual(of("Ada", "@Ada", "hello @ada!", "(@ADA)", "@Ada's", "＠Ａｄａ", "so:@ada, @bob"), Array(6).fill(true));
  assert.deepEqual(of("Ada", "Ada", "@ Ada", "@Adam", "@ada_2", "me@ada.example", "@", ""), Array(7).fill(false));
  assert.deepEqual(of("Ada", "@Adam and @Ada", "𝔸@ada"), [true, false]);
  assert.deepEqual(of("Grace Hopper", "@grace  hopper: hi", "@Grace", "@Grace\nHopper"), [true, false, true]);
  assert.deepEqual(of("小林", "@小林さん、おはよう", "おはよう@小林", "小林"), [true, true, false]);
  assert.deepEqual(of("محمد", "مرحبا @محمد", "@محمدي"), [true, false]);
  assert.equal(mentions("@null", null), false);
});

test("unread mentions are counted, also over a restart, an edit and a deletion, until they are read", async (t) => {
  const { url } = await Server.start(t);
  const bob = connect(t, url, { auth: { rooms: ["general", "rust"], nickname: "Bob" } });
  const local = new Store();
  const options = { name: "Ada", local, rooms: ["general", "rust"] };
  const first = chatting(t, url, options);
  await connected(first);
  const say = (content) => send(bob, content, { room: "rust" });
  const forMe = (chat, forMe, unread) => until(chat, `${forMe} of ${unread}`, ({ rooms, forMe: all }) => {
    const rust = rooms.find(({ id }) => id === RUST);
    return rust.forMe === forMe && rust.unread === unread && all === forMe;
  });
  await say("hello");
  const { offset } = await say("hello @ada");
  await say("@Adam");
  await forMe(first, 1, 3);

  first.stop();
  const { offset: missed } = await say("still there, @Ada?");
  const ada = chatting(t, url, options);
  await forMe(ada, 2, 4);
  await bob.emitWithAck("edit message", missed, "still there?");
  await forMe(ada, 1, 4);
  await bob.emitWithAck("edit message", missed, "still there, @Ada?");
  await forMe(ada, 2, 4);
  ada.show(RUST);
  await until(ada, "loaded", ({ open }) => open.loaded && open.unread === 4);
  ada.markRead(RUST, offset);
  await forMe(ada, 1, 2);
  await bob.emitWithAck("delete message", missed);
  await forMe(ada, 0, 2);
  ada.markUnread(RUST, offset);
  await forMe(ada, 1, 3);
  ada.markRead(RUST);
  await forMe(ada, 0, 0);
});

test("what is private is for the user, and one's own messages and another name's are not", async (t) => {
  const { url } = await Server.start(t);
  const page = new Page();
  page.hidden = true;
  const ada = chatting(t, url, { name: "Ada", page });
  const bob = chatting(t, url, { name: "Bob" });
  await Promise.all([connected(ada), connected(bob)]);
  await bob.send(await bob.writeTo("Ada"), "psst, @Ada");
  await until(ada, "private", ({ forMe, people: [person] }) => forMe === 1 && person.forMe === 1);
  await ada.send("#general", "I am @Ada");
  await bob.send("#general", "@Ada");
  await until(ada, "both", ({ forMe }) => forMe === 2);
  await ada.become("Countess");
  await bob.send("#general", "@Ada, are you there?");
  await bob.send("#general", "@Countess");
  await until(ada, "under the new name", ({ forMe, unread }) => forMe === 3 && unread === 4);
});

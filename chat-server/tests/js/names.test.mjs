// Names and rooms that deceive, guesses of tokens, claims of many names, and quotas: as a stranger would try them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, within } from "./support/bounds.mjs";
import { connect, send, TRANSPORTS } from "./support/client.mjs";
import { ask, User, refused, tokenOf } from "./support/users.mjs";
import { cutOff } from "./support/recoverable.mjs";
import { Server } from "./support/server.mjs";

const BLANK = ["\u2800", "\u2800 \u2800", "\u3164", "\u115f\u1160", "\uffa0", "\u200b", "\ufeff", "\u00ad", "\u2060", "\ufe0f", "\u180e", "\u034f"];

test("names and rooms in which nothing is seen are refused, wherever they are given", async (t) => {
  const { url } = await Server.start(t);
  const eve = await User.connected(t, url, "Eve");
  for (const blank of BLANK) {
    const as = JSON.stringify(blank);
    assert.equal((await ask(eve.socket, "nickname", blank)).error?.code, "invalid_nickname", as);
    assert.match(await refused(t, url, { nickname: blank }), /^invalid_nickname: /, as);
    assert.equal((await eve.whisper(blank, "psst")).error?.code, "invalid_nickname", as);
    assert.equal((await ask(eve.socket, "join", blank)).error?.code, "invalid_arguments", as);
    const { error } = await ask(eve.socket, "chat message", "hi", null, { room: blank });
    assert.equal(error?.code, "invalid_arguments", as);
  }
});

test("nobody gets a name that looks like that of another, however it is written", async (t) => {
  const { url } = await Server.start(t);
  await User.connected(t, url, "Ada");
  await User.connected(t, url, "Ivan");
  await User.connected(t, url, "paypal");
  const eve = connect(t, url);
  const alike = ["\u0410da", "Ad\u0430", "Ada\u2800", "\u2800Ada", "Ada\u200d", "A\u200bda", "Ada\ufe0f", "A\u034fda", "ADA", "\u{1d400}\u{1d41d}\u{1d41a}", "Ꭺda", "lvan", "1van", "|van", "paypa1", "р\u0430ур\u0430l", "\u0440\u0430\u0443\u0440\u0430\u04cf"];
  for (const name of alike) {
    const as = `${name} ${JSON.stringify(name)}`;
    const { error } = await ask(eve, "nickname", name);
    assert.ok(["invalid_nickname", "nickname_taken"].includes(error?.code), `${as}: ${error?.code}`);
    assert.match(await refused(t, url, { nickname: name }), /^(invalid_nickname|nickname_taken): /, as);
  }
});

test("names of the house are kept back, and others can be added", async (t) => {
  const { url } = await Server.start(t, { args: ["--reserved-names", "Acme,Билл"] });
  const eve = connect(t, url);
  for (const name of ["Acme", "ACME", "аcme", "Билл", "acme "]) {
    const { error } = await ask(eve, "nickname", name);
    assert.ok(["invalid_nickname", "nickname_taken"].includes(error?.code), `${name}: ${error?.code}`);
  }
  const ordinary = await Server.start(t);
  for (const name of ["admin", "Admin", "ADMIN", "аdmin", "system", "moderator", "support"]) {
    const { error } = await ask(connect(t, ordinary.url), "nickname", name);
    assert.ok(["invalid_nickname", "nickname_taken"].includes(error?.code), `${name}: ${error?.code}`);
  }
});

test("names in any script, with emoji of today, are taken and come back as they were", async (t) => {
  const { url } = await Server.start(t);
  const names = [
    "Zoë", "José Ñandú", "Мария", "小明", "さくら", "김민수", "مريم", "דוד", "สมชาย", "प्रिया", "አበበ", "Ελένη", "Anaïs-Rose O’Neil",
    "Eve ❤️", "Ada 👩🏽‍💻", "Bob 🏴‍☠️", "🫠 melting", "🪿", "Kim 👍🏿", "🇯🇵 Ken", "1️⃣ Uno",
    // Wancho (Unicode 12) and Vithkuqi (14).
    "\u{1e2c0}\u{1e2c1}\u{1e2c2}", "\u{10570}\u{10571}\u{10597}",
  ];
  for (const name of names) {
    const socket = connect(t, url, { auth: { nickname: name, token: tokenOf("one for all") } });
    const [{ nickname }] = await once(socket, "nickname");
    assert.equal(nickname, name.normalize("NFC"));
    assert.equal((await ask(connect(t, url), "nickname", name)).error?.code, "nickname_taken", name);
  }
});

test("tokens are guessed slowly, and the owner gets in meanwhile", { timeout: 60_000 }, async (t) => {
  const env = { CHAT_MAX_WRONG_TOKENS_PER_MINUTE: "20", CHAT_TRUSTED_PROXY: "loopback" };
  const { url } = await Server.start(t, { env });
  const from = (address) => ({ extraHeaders: { "x-forwarded-for": address } });
  const ada = await User.connected(t, url, "Ada", from("203.0.113.7"));
  const eves = Array.from({ length: 5 }, () => connect(t, url, from("203.0.113.7")));
  const guesses = await Promise.all(
    Array.from({ length: 200 }, (_, n) => ask(eves[n % 5], "nickname", "Ada", `a guess of Ada's token, number ${n}`)),
  );
  const count = (code) => guesses.filter(({ error }) => error?.code === code).length;
  assert.equal(count("nickname_taken") + count("slow_down"), 200);
  assert.ok(count("nickname_taken") <= 25, `${count("nickname_taken")} were looked at`);
  const { retryAfter } = guesses.find(({ error }) => error.code === "slow_down").error;
  assert.ok(retryAfter > 0 && retryAfter <= 60_000 * 5, `${retryAfter} ms`);
  // From where it was guessed the true token has to wait too, or it would be another guess.
  const { error } = await ask(eves[0], "nickname", "Ada", tokenOf("Ada"));
  assert.equal(error?.code, "slow_down");
  const elsewhere = await within(10, "the owner", User.connected(t, url, "Ada", from("198.51.100.1")));
  assert.equal((await ask(elsewhere.socket, "nickname", "Ada", tokenOf("Ada"))).nickname, "Ada");
  // Her connection of before only has to get its session back.
  await cutOff(ada.socket, async () => {});
  assert.equal(ada.socket.recovered, true);
});

for (const [how, transports] of Object.entries(TRANSPORTS)) {
  test(`${how}: names are not taken by the thousand`, { timeout: 60_000 }, async (t) => {
    const { url } = await Server.start(t, { env: { CHAT_MAX_NEW_NAMES_PER_HOUR: "30" } });
    const eves = Array.from({ length: 3 }, () => connect(t, url, { transports }));
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => ask(eves[n % 3], "nickname", `Name ${n}`)));
    const taken = answers.filter(({ nickname }) => nickname !== undefined);
    assert.equal(taken.length, 30);
    const others = answers.filter(({ error }) => error !== undefined);
    assert.equal(taken.length + others.length, 300);
    assert.ok(others.every(({ error }) => error.code === "slow_down" && error.retryAfter > 0));
    assert.match(await refused(t, url, { nickname: "Somebody new" }), /^slow_down: /);
    const { nickname, token } = taken[0];
    assert.equal((await ask(eves[0], "nickname", nickname, token)).nickname, nickname, "it is no new one");
  });
}

test("what one may store in a day is refused beyond it, under another name too", { timeout: 60_000 }, async (t) => {
  const env = { CHAT_MAX_MESSAGES_PER_DAY: "50", CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS: "80" };
  const { url } = await Server.start(t, { env });
  await User.connected(t, url, "Ada");
  const eve = await User.connected(t, url, "Eve");
  for (let n = 0; n < 100; n++) {
    assert.equal((await ask(eve.socket, "chat message", "again", "one key")).duplicate, n > 0, "a retry stores nothing");
  }
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(eve.socket, "chat message", `${n}`, `key ${n}`)));
  const refusals = answers.filter(({ error }) => error !== undefined);
  assert.ok(Math.abs(refusals.length - 11) <= 1, `${refusals.length} refused`);
  assert.ok(refusals.every(({ error }) => error.code === "quota_exceeded" && error.retryAfter > 0));
  assert.deepEqual(await ask(eve.socket, "chat message", "again", "one key"), { offset: 1, duplicate: true }, "a retry needs none");
  assert.equal((await ask(eve.socket, "chat message", "other", "one key")).error?.code, "client_offset_conflict");
  assert.equal((await eve.whisper("Ada", "psst")).error?.code, "quota_exceeded", "private messages count too");
  let stored = 1 + answers.length - refusals.length;
  for (const name of ["Eve 2", "Eve 3", "Eve 4"]) {
    const { socket } = await User.connected(t, url, name);
    for (let n = 0; n < 20; n++) stored += (await ask(socket, "chat message", `${name} ${n}`)).error === undefined;
  }
  assert.ok(stored >= 80 && stored <= 82, `${stored} stored`);
  const { error } = await ask(connect(t, url), "chat message", "from nobody");
  assert.equal(error?.code, "quota_exceeded");
  assert.match(error.message, /everybody at your address/);
});

test("a token that is easily guessed keeps no name", async (t) => {
  const { url } = await Server.start(t);
  const socket = connect(t, url);
  const pieces = ["aaaaaaaa", "0123456789abcdef", "abababab", "1234567890123456", "password", " ".repeat(8)];
  const weak = [...pieces.map((piece) => piece.repeat(4)), "kV3_q9ZtR0aLx7WmB2cYd"];
  for (const token of weak) {
    assert.equal((await ask(socket, "nickname", "Ada", token)).error?.code, "invalid_token", token);
    assert.match(await refused(t, url, { nickname: "Ada", token }), /^invalid_token: /, token);
  }
  assert.ok((await send(socket, "still here")).offset > 0);
});

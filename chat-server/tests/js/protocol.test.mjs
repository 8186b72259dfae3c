// The cases of the protocols themselves, Engine.IO 4 and Socket.IO 5, packet by packet: as they are sent, slowly, and byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep, within } from "./support/bounds.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Polling, SEPARATOR } from "./support/raw.mjs";
import { Server } from "./support/server.mjs";
import { ask, connected, Frames, open, packed, refusal, websocket } from "./support/wire.mjs";

const ENDPOINT = "/socket.io/?";
const TRANSPORTS = ["websocket", "polling"];
// Also of a connection that has moved from one to the other.
const WAYS_TO_CONNECT = [...TRANSPORTS, "upgrade"];
const KEYS = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];
// Some time, in which nothing happens that should not.
const PAUSE = 200;

const engineIo = {
  async "a connection that is polled is opened"(_, url) {
    const response = await fetch(`${url}${ENDPOINT}EIO=4&transport=polling`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type"), /^text\/plain; charset=utf-8$/i);
    const text = await response.text();
    assert.equal(text[0], "0");
    const opened = JSON.parse(text.slice(1));
    assert.deepEqual(Object.keys(opened).sort(), KEYS);
    assert.deepEqual(opened.upgrades, ["websocket"]);
    assert.equal(typeof opened.sid, "string");
    for (const key of ["maxPayload", "pingInterval", "pingTimeout"]) assert.equal(typeof opened[key], "number", key);
  },

  async "a websocket is opened"(t, url) {
    const { opened } = await open(t, url, "websocket");
    assert.deepEqual(Object.keys(opened).sort(), KEYS);
    assert.deepEqual(opened.upgrades, []);
  },

  async "requests that open nothing are refused, with the reason"(_, url) {
    const nobody = "sid=nobody";
    const refusals = [
      ["EIO=4", {}, 0, "Transport unknown"],
      ["EIO=4&transport=abc", {}, 0, "Transport unknown"],
      [`EIO=4&transport=polling&${nobody}`, {}, 1, "Session ID unknown"],
      [`EIO=4&transport=polling&${nobody}`, { method: "POST", body: "2" }, 1, "Session ID unknown"],
      ["EIO=4&transport=polling", { method: "POST", body: "40" }, 2, "Bad handshake method"],
      ["EIO=4&transport=polling", { method: "PUT" }, 2, "Bad handshake method"],
      ["EIO=4&transport=websocket", {}, 3, "Bad request"],
      ["transport=polling", {}, 5, "Unsupported protocol version"],
      ["EIO=abc&transport=polling", {}, 5, "Unsupported protocol version"],
      ["EIO=3&transport=polling", {}, 5, "Unsupported protocol version"],
      ["EIO=5&transport=polling", {}, 5, "Unsupported protocol version"],
    ];
    for (const [query, options, code, message] of refusals) {
      const response = await fetch(`${url}${ENDPOINT}${query}`, options);
      const what = `${options.method ?? "GET"} ${query}`;
      assert.equal(response.status, 400, what);
      assert.match(response.headers.get("content-type"), /^application\/json/, what);
      assert.deepEqual(await response.json(), { code, message }, what);
    }
  },

  async "websockets that are none are refused"(t, url) {
    const queries = [
      "transport=websocket", "EIO=abc&transport=websocket", "EIO=3&transport=websocket", "EIO=4", "EIO=4&transport=abc",
      "EIO=4&transport=websocket&sid=nobody",
    ];
    for (const query of queries) assert.equal(await refusal(websocket(t, url, query)), 400, query);
  },

  async "a body has one packet or several, text and binary"(t, url) {
    const link = await open(t, url, "polling");
    assert.deepEqual(await link.polling.post("40"), { status: 200, text: "ok" });
    await link.until((packet) => packet.startsWith("40"));
    const bytes = Buffer.from([0, 1, 2, 30, 255]).toString("base64");
    const content = `ein ☃ und 💥 ${Math.random()}`;
    const packets = [
      `420["chat message","${content}"]`,
      '451-1["chat message",{"_placeholder":true,"num":0}]',
      `b${bytes}`,
      '422["no such event"]',
    ];
    assert.deepEqual(await link.polling.post(packets.join(SEPARATOR)), { status: 200, text: "ok" });
    const acks = [];
    let message;
    while (acks.length < 3 || !message) {
      const packet = await link.next();
      if (packet.startsWith("43")) acks.push(packet);
      if (packet.includes(content)) message = JSON.parse(packet.slice(2));
    }
    acks.sort();
    assert.match(acks[0], /^430\[\{"offset":\d+,"duplicate":false\}\]$/);
    assert.match(acks[1], /^431\[\{"error":\{"code":"invalid_arguments"/);
    assert.match(acks[2], /^432\[\{"error":\{"code":"unknown_event"/);
    assert.equal(message[1], content);
  },

  async "a poll brings several packets at once"(t, url) {
    const link = await connected(t, url, "polling", `{"serverOffset":0}`);
    await link.send('420["no such event"]', '421["no such event"]', '422["no such event"]');
    await sleep(PAUSE);
    const acks = [];
    let polls = 0;
    while (acks.length < 3) {
      const { status, text } = await link.polling.get();
      assert.equal(status, 200);
      acks.push(...text.split(SEPARATOR).filter((packet) => packet.startsWith("43")));
      polls++;
    }
    assert.deepEqual(acks.map((ack) => ack.slice(0, 4)), ["430[", "431[", "432["]);
    assert.ok(polls < 5, `${polls} polls`);
  },

  async "a body that is no payload ends the connection"(t, url) {
    for (const body of ["abc", `4${SEPARATOR}abc`, "", SEPARATOR]) {
      const link = await connected(t, url, "polling");
      assert.equal((await link.polling.post(body)).status, 400, JSON.stringify(body));
      await link.ends();
    }
  },

  async "a websocket packet that is none ends the connection"(t, url) {
    for (const packet of ["abc", "9", "", "0", "5", "6", "bAAAA"]) {
      const link = await connected(t, url, "websocket");
      link.send(packet);
      assert.equal(await link.ends(), 1002, packet);
    }
  },

  async "two polls at once end the connection"(t, url) {
    const link = await open(t, url, "polling");
    const { poll } = await link.wait();
    const second = link.polling.get();
    const { status, text } = await within(10, "the end of the first poll", poll);
    assert.deepEqual({ status, text }, { status: 200, text: "1" });
    assert.equal((await second).status, 400);
    assert.equal((await link.polling.get()).status, 400);
  },

  async "a close packet ends a connection that is polled"(t, url) {
    const link = await open(t, url, "polling");
    const { poll } = await link.wait();
    assert.deepEqual(await link.polling.post("1"), { status: 200, text: "ok" });
    const { status, text } = await within(10, "the end of the poll", poll);
    assert.deepEqual({ status, text }, { status: 200, text: "6" });
    for (const again of [link.polling.get(), link.polling.post("3")]) assert.equal((await again).status, 400);
  },

  async "a close packet ends a websocket"(t, url) {
    const link = await connected(t, url, "websocket");
    link.send("1");
    await link.ends();
  },

  async "a websocket that the client closes is closed by both"(t, url) {
    for (const code of [undefined, 1000, 4999]) {
      const link = await connected(t, url, "websocket");
      link.socket.close(code);
      // It would be 1006 without an answer; 1005 is an answer without a code.
      assert.equal(await link.ends(), code ?? 1005);
    }
  },

  async "a connection that is polled moves to a websocket"(t, url) {
    const link = await connected(t, url, "polling");
    const { poll } = await link.wait();
    const frames = Frames.open(t, url, `EIO=4&transport=websocket&sid=${link.opened.sid}`);
    await once(frames.socket, "open");
    frames.send("2probe");
    assert.equal(await frames.next(), "3probe");
    const { status, text } = await within(10, "the end of the poll", poll);
    assert.equal(status, 200);
    assert.ok(text.split(SEPARATOR).every((packet) => packet === "6" || packet.startsWith("42[")), text);
    frames.send("5");
    assert.match(JSON.stringify(await ask(frames, 7, ["chat message", "moved"])), /"offset":\d+/);
    // The other transport is over, and this one is not hurt by who tries.
    for (const late of [link.polling.get(), link.polling.post("3")]) assert.equal((await late).status, 400);
    const second = Frames.open(t, url, `EIO=4&transport=websocket&sid=${link.opened.sid}`);
    await second.ends();
    assert.match(JSON.stringify(await ask(frames, 8, ["chat message", "still there"])), /"offset":\d+/);
  },

  async "what is on its way while a connection moves arrives"(t, url) {
    const link = await connected(t, url, "polling");
    const frames = Frames.open(t, url, `EIO=4&transport=websocket&sid=${link.opened.sid}`);
    await once(frames.socket, "open");
    await link.send('4210["no such event"]');
    frames.send("2probe");
    assert.equal(await frames.next(), "3probe");
    // A client that polls no more has to be told on the websocket.
    frames.send("5", '4211["no such event"]');
    const acks = [];
    while (acks.length < 2) acks.push((await frames.until((packet) => packet.startsWith("43"))).slice(0, 5));
    assert.deepEqual(acks, ["4310[", "4311["]);
  },

  async "a websocket that does not probe moves nothing"(t, url) {
    const link = await connected(t, url, "polling");
    const frames = Frames.open(t, url, `EIO=4&transport=websocket&sid=${link.opened.sid}`);
    await once(frames.socket, "open");
    frames.send("5");
    await frames.ends();
    assert.equal((await ask(link, 1, ["no such event"]))[0].error.code, "unknown_event");
  },
};

const socketIo = {
  async "a client connects to the main namespace, with auth and without"(t, url, transport) {
    for (const auth of ["", "{}", '{"serverOffset":5}', '/,{"serverOffset":5}']) {
      const { connected: reply, opened } = await connected(t, url, transport, auth);
      assert.equal(typeof reply.sid, "string");
      assert.notEqual(reply.sid, opened.sid);
      assert.equal(typeof reply.pid, "string");
    }
  },

  async "unknown namespaces are refused, and the others work"(t, url, transport) {
    const link = await open(t, url, transport);
    for (const connect of ["40/unknown", "40/unknown,", '40/unknown,{"token":"x"}']) {
      await link.send(connect);
      const refused = await link.until((packet) => packet.startsWith("44"));
      assert.equal(refused, '44/unknown,{"message":"Invalid namespace"}');
    }
    await link.send("40");
    await link.until((packet) => packet.startsWith("40{"));
    assert.equal((await ask(link, 0, ["no such event"]))[0].error.code, "unknown_event");
  },

  async "an event with an ack id is acked with the same"(t, url, transport) {
    const link = await connected(t, url, transport);
    // The largest is the first that a client in JavaScript could not count beyond.
    for (const id of ["0", "1", "456", "4294967296", "9007199254740991", "9007199254740992"]) {
      assert.equal((await ask(link, id, ["no such event", 1, "2", { 3: [true] }]))[0].error.code, "unknown_event", id);
      assert.equal((await ask(link, id, ["chat message", `id ${id}`]))[0].duplicate, false, id);
    }
    await link.send('42/,9["no such event"]');
    await link.until((packet) => packet.startsWith("439["));
  },

  async "an event without an ack id is not acked"(t, url, transport) {
    const link = await connected(t, url, transport);
    const content = `without an ack ${Math.random()}`;
    await link.send(`42["chat message",${JSON.stringify(content)}]`, '42["no such event"]');
    await link.send('425["no such event"]');
    const passed = [];
    await link.until((packet) => packet.startsWith("435["), passed);
    assert.deepEqual(passed.filter((packet) => packet.startsWith("43")), []);
  },

  async "attachments come after their event"(t, url, transport) {
    const link = await connected(t, url, transport);
    const placeholder = (num) => ({ _placeholder: true, num });
    const one = Buffer.from([1, 2, 3]);
    const answers = [
      await ask(link, 3, ["chat message", placeholder(0)], one),
      await ask(link, 4, ["no such event", placeholder(0), { deep: [placeholder(1)] }], one, Buffer.alloc(0)),
      await ask(link, 5, ["no such event", placeholder(1), placeholder(0)], Buffer.alloc(10_000, 30), one),
    ];
    assert.deepEqual(answers.map(([{ error }]) => error.code), ["invalid_arguments", "unknown_event", "unknown_event"]);
    assert.match(JSON.stringify(await ask(link, 6, ["chat message", "text again"])), /"offset":\d+/);
  },

  async "what is no packet ends the connection"(t, url, transport) {
    const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
    const packets = [
      "4", "4abc", "49", "42", "42{}", '42"x"', "42[]", "42[null]", '42abc["chat message","x"]', '42["chat message"',
      "45", "451", '45-["chat message"]', '45x-["chat message"]',
      // More than a packet, or other data than its kind has.
      '421["no such event"]trailing', '421["no such event"]]', '421["no such event"][]', "42[[]]", '42[{"a":1}]', "41x", "41{}",
      // Ack ids that could not be sent back.
      '429223372036854775808["no such event"]', '42/,99999999999999999999["chat message","x"]', "4318446744073709551616[]",
      "43[]", "430", "430{}", '430"x"', "430[", "430[]x", "44", '44{"message":"x"}',
      // Of Socket.IO's own, however they are written.
      '42["connect"]', '42["connect_error",{}]', '42["disconnect"]', '42["disconnecting","x"]', '42["newListener"]',
      '42["removeListener"]', '421["conn\\u0065ct"]',
      // For a namespace that the client is not in.
      '42/other,["chat message","x"]', "41/other,", "43/other,1[]",
      // Attachments that are none.
      '450-1["no such event"]', `451-1["no such event",${placeholder(1)}]`, `451-1["no such event",[${placeholder(-1)}]]`,
      `451-1["no such event",{"a":${placeholder('"0"')}}]`, '461-1[{"num":0,"_placeholder":true},{"_placeholder":true}]',
      // Of Engine.IO: only a server pings.
      "2",
    ];
    for (const packet of packets) {
      const link = await connected(t, url, transport);
      const posted = await link.send('420["no such event"]', packet);
      await link.ends().catch((error) => assert.fail(`${packet}: ${error.message}`));
      if (transport === "polling") assert.equal(posted.status, 400, packet);
    }
  },

  async "what is unusual and a packet does not"(t, url, transport) {
    const link = await connected(t, url, transport);
    for (const text of ["connect", "_placeholder", "\\", '"', "\u2028", "\ud83d", "💥"]) {
      await link.send(`42${JSON.stringify(["no such event", text])}`);
    }
    await link.send('42/,["no such event"]', '42 [ "no such event" , 1e5 , -0.0 ] ', '437["nobody has asked"]');
    const deep = `${"[".repeat(1000)}${"]".repeat(1000)}`;
    await link.send(`42["no such event",${deep}]`, `42["no such event",{"_placeholder":true,"num":7}]`);
    assert.equal((await ask(link, 1, ["no such event", { connect: "connect" }]))[0].error.code, "unknown_event");
  },

  async "names of events may be written with escapes"(t, url, transport) {
    const link = await connected(t, url, transport);
    const answer = async (packet, ...attachments) => {
      await link.send(packet, ...attachments);
      const reply = await link.until((packet) => packet.startsWith("43"));
      return JSON.parse(reply.slice(reply.indexOf("[")))[0];
    };
    const unknown = await answer('421["café",1]');
    assert.equal(unknown.error.code, "unknown_event");
    // As Python writes them; and what can be written in no other way.
    for (const name of ["caf\\u00e9", "\\ud83d\\ude00", "\\ud83d", 'a\\"b', "\\\\", "\\n", "chat\\u0000message", "\\/".repeat(2000)]) {
      assert.deepEqual(await answer(`421["${name}",1]`), unknown, name);
      assert.deepEqual(await answer(`42/,1["${name}"]`), unknown, name);
      const binary = `451-1["${name}",{"_placeholder":true,"num":0}]`;
      assert.deepEqual(await answer(binary, Buffer.from([92])), unknown, name);
    }
    const content = `with escapes ${Math.random()}`;
    // Without an ack, and then several in a body.
    const packets = [`42["\\u0063hat message","${content} 1"]`, `421["chat\\u0020message","${content}\\n2"]`, `422["ch\\u0061t message","${content} 3"]`];
    await link.send(...packets);
    const passed = [];
    await link.until((packet) => packet.startsWith("432["), passed);
    while (passed.filter((packet) => packet.includes(content)).length < 3) passed.push(await link.next());
    const contents = passed.filter((packet) => packet.includes(content)).map((packet) => JSON.parse(packet.slice(2))[1]);
    assert.deepEqual(contents, [`${content} 1`, `${content}\n2`, `${content} 3`]);
    assert.match(passed.find((packet) => packet.startsWith("431[")), /"offset":\d+/);
    // What has no name.
    await link.send('437["\\u00e9"]');
    assert.deepEqual(await answer('421["caf\\u00e9"]'), unknown);
  },

  async "attachments that nobody announced and text in their place end the connection"(t, url, transport) {
    const event = '451-["chat message",{"_placeholder":true,"num":0}]';
    for (const packets of [[Buffer.from([1])], [event, Buffer.from([1]), Buffer.from([2])], [event, '42["chat message","x"]']]) {
      const link = await connected(t, url, transport);
      await link.send(...packets);
      const code = await link.ends();
      if (transport === "websocket") assert.equal(code, 1002);
    }
  },

  async "a client that leaves its namespace keeps the connection and may come back"(t, url, transport) {
    const link = await connected(t, url, transport);
    const before = link.connected;
    await link.send("41");
    await sleep(PAUSE);
    await link.send("40");
    const reply = JSON.parse((await link.until((packet) => packet.startsWith("40{"))).slice(2));
    // Who says goodbye begins anew.
    assert.notEqual(reply.pid, before.pid);
    assert.notEqual(reply.sid, before.sid);
    assert.match(reply.sid, /^[\w-]{20}$/);
    assert.equal((await ask(link, 1, ["no such event"]))[0].error.code, "unknown_event");
  },

  async "who has left a namespace sends nothing there"(t, url, transport) {
    for (const packet of ['421["no such event"]', "431[]", "41"]) {
      const link = await connected(t, url, transport);
      await link.send("41", packet);
      await link.ends();
    }
  },

  async "a client that connects twice is served once"(t, url, transport) {
    const link = await connected(t, url, transport, '{"rooms":["twice"]}');
    await link.send('40{"rooms":["twice"]}');
    const content = `once ${Math.random()}`;
    const passed = [];
    await link.send(`421["chat message",${JSON.stringify(content)},null,{"room":"twice"}]`);
    await link.until((packet) => packet.startsWith("42[") && packet.includes(content), passed);
    await sleep(PAUSE); // What comes twice comes now.
    await link.send('422["no such event"]');
    await link.until((packet) => packet.startsWith("432["), passed);
    assert.equal(passed.filter((packet) => packet.startsWith("431[")).length, 1);
    assert.deepEqual(passed.filter((packet) => packet.includes(content)), []);
  },
};

const withMessagePack = {
  async "a client is connected, asks and is answered"(t, url, transport) {
    const client = await packed(t, url, transport);
    assert.deepEqual([typeof client.connected.sid, typeof client.connected.pid], ["string", "string"]);
    for (const id of [0, 1, 456, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      assert.equal((await client.ask(id, ["no such event", 1, { 3: [true, null] }])).error.code, "unknown_event", id);
    }
    assert.equal((await client.ask(1, ["chat message", `packed ${Math.random()}`])).duplicate, false);
    const content = `without an ack ${Math.random()}`;
    await client.send({ type: 2, nsp: "/", data: ["chat message", content] }, { type: 2, nsp: "/", data: ["no such event"] });
    await client.until((packet) => packet.type === 2 && packet.data[1] === content);
  },

  async "names of events may have any character"(t, url, transport) {
    const client = await packed(t, url, transport);
    const unknown = await client.ask(1, ["no such event"]);
    assert.equal(unknown.error.code, "unknown_event");
    for (const name of ["", "café", "💥", 'a"b', "\\", "\n", "chat\0message", "/".repeat(2000), '"'.repeat(2000)]) {
      assert.deepEqual(await client.ask(2, [name, 1]), unknown, name);
      assert.deepEqual(await client.ask(3, [name, { deep: [Buffer.from([92])] }]), unknown, name);
    }
  },

  async "attachments lie in their event"(t, url, transport) {
    const client = await packed(t, url, transport);
    const answers = [
      await client.ask(3, ["chat message", Buffer.from([1, 2, 3])]),
      await client.ask(4, ["no such event", Buffer.alloc(10_000, 30), { deep: [Buffer.alloc(0)] }]),
    ];
    assert.deepEqual(answers.map(({ error }) => error.code), ["invalid_arguments", "unknown_event"]);
    assert.equal((await client.ask(5, ["chat message", "text again"])).duplicate, false);
  },

  async "unknown namespaces are refused, and the others work"(t, url, transport) {
    const client = await packed(t, url, transport);
    assert.deepEqual(await client.enter("/unknown"), { message: "Invalid namespace" });
    assert.equal((await client.ask(0, ["no such event"])).error.code, "unknown_event");
  },

  async "what is no packet ends the connection"(t, url, transport) {
    const event = { type: 2, nsp: "/", id: 1, data: ["no such event"] };
    const packets = [
      Buffer.alloc(0), Buffer.from([0xc1]), Buffer.from("42[1]"),
      // Of a type that there is not, or that only a server sends.
      { ...event, type: 5 }, { ...event, type: 6 }, { ...event, type: -1 }, { ...event, type: "2" }, { ...event, type: undefined },
      { type: 4, nsp: "/", data: { message: "x" } },
      // Other data than its kind has.
      { ...event, data: undefined }, { ...event, data: {} }, { ...event, data: "x" }, { ...event, data: [] },
      { ...event, data: [null] }, { ...event, data: [[]] }, { ...event, data: [{ a: 1 }] }, { ...event, data: [Buffer.from("x")] },
      { type: 1, nsp: "/", data: "x" }, { type: 1, nsp: "/", data: {} },
      { type: 3, nsp: "/", data: [] }, { type: 3, nsp: "/", id: 0 }, { type: 3, nsp: "/", id: 0, data: {} },
      { type: 3, nsp: "/", id: "0", data: [] }, { ...event, id: -1 }, { ...event, id: "1" },
      // Of Socket.IO's own.
      ...["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map((name) => ({ ...event, data: [name, 1] })),
      { ...event, data: ["disconnect", Buffer.from([1])] },
      // For a namespace that the client is not in.
      { ...event, nsp: "/other" }, { type: 1, nsp: "/other" }, { type: 3, nsp: "/other", id: 1, data: [] },
      { ...event, nsp: undefined }, { ...event, nsp: "other" },
      // What stands for an attachment in text, beside one that there is.
      { ...event, data: ["no such event", Buffer.from([1]), { _placeholder: true, num: 1 }] },
    ];
    for (const packet of packets) {
      const { link, send } = await packed(t, url, transport);
      const said = new Promise((resolve) => link.socket?.once("close", (code) => resolve(code)));
      const posted = await send({ ...event, id: 0 }, packet);
      await link.ends().catch((error) => assert.fail(`${JSON.stringify(packet)}: ${error.message}`));
      if (transport === "polling") assert.equal(posted.status, 400, JSON.stringify(packet));
      else assert.equal(await said, 1002, JSON.stringify(packet));
    }
  },

  async "what is unusual and a packet does not"(t, url, transport) {
    const client = await packed(t, url, transport);
    await client.send(
      { type: 3, nsp: "/", id: 7, data: ["nobody has asked"] },
      { type: 2, nsp: "/", data: ["no such event", "connect", { connect: "connect" }, { _placeholder: true, num: 7 }] },
      { type: 2, nsp: "/", id: undefined, data: ["no such event", undefined], other: "key" },
      { type: 0, nsp: "/" },
    );
    assert.equal((await client.ask(1, ["no such event"])).error.code, "unknown_event");
  },

  async "a client that leaves its namespace keeps the connection and may come back"(t, url, transport) {
    const client = await packed(t, url, transport);
    await client.send({ type: 1, nsp: "/" });
    await sleep(PAUSE);
    const { sid, pid } = await client.enter();
    assert.notEqual(sid, client.connected.sid);
    assert.notEqual(pid, client.connected.pid);
    assert.equal((await client.ask(1, ["no such event"])).error.code, "unknown_event");
  },

  async "who has left a namespace sends nothing there"(t, url, transport) {
    for (const packet of [{ type: 2, id: 1, data: ["no such event"] }, { type: 3, id: 1, data: [] }, { type: 1 }]) {
      const { link, send } = await packed(t, url, transport);
      await send({ type: 1, nsp: "/" }, { ...packet, nsp: "/" });
      await link.ends();
    }
  },
};

/** What comes of connections that answer pings and of those that do not. */
async function heartbeat(t, url) {
  const links = await Promise.all(TRANSPORTS.map((transport) => connected(t, url, transport, '{"rooms":["quiet"]}')));
  const [websocket, polled] = await Promise.all(TRANSPORTS.map((transport) => connected(t, url, transport)));
  websocket.silent = true;
  const since = performance.now();
  const { pingInterval, pingTimeout } = websocket.opened;
  // Time for two pings, and for a client that does not answer to be given up.
  const patience = Math.max(2 * pingInterval + 3000, pingInterval + pingTimeout + 5000) / 1000;
  const ended = websocket.closed.then(() => performance.now() - since);
  const answered = links.map((link) => link.until((packet) => packet.startsWith("431[")));
  await sleep(patience * 1000);
  for (const link of links) await link.send('421["no such event"]');
  await Promise.all(answered);
  for (const { pings } of links) {
    assert.ok(pings.length >= Math.floor((patience * 1000) / pingInterval), `${pings.length} pings came`);
    for (const [index, ping] of pings.entries()) {
      const after = ping - (pings[index - 1] ?? since);
      assert.ok(after < pingInterval + 2000, `a ping is late: after ${after} ms`);
      assert.ok(after > pingInterval - 2000, `a ping is early: after ${after} ms`);
    }
  }
  const waited = await within(1, "the end of a websocket that does not answer", ended);
  assert.ok(waited > pingInterval + pingTimeout - 1000, `it ended after ${waited} ms`);
  await polled.ends();
}

const WAYS = { "as it is": {}, "slowly": { delay: 15 }, "byte by byte": { grain: 1 } };

test("the protocols", { timeout: 300_000 }, async (t) => {
  const server = await Server.start(t);
  // It takes the time of a ping that is not answered, in which the others run.
  const beaten = heartbeat(t, server.url);
  beaten.catch(() => {});
  for (const [way, options] of Object.entries(WAYS)) {
    const proxy = Object.assign(await Proxy.start(t, server), options);
    for (const [name, run] of Object.entries(engineIo)) {
      await t.test(`Engine.IO, ${way}: ${name}`, { timeout: 60_000 }, (t) => run(t, proxy.url));
    }
    for (const transport of WAYS_TO_CONNECT) {
      for (const [name, run] of Object.entries(socketIo)) {
        await t.test(`Socket.IO over ${transport}, ${way}: ${name}`, { timeout: 60_000 }, (t) => run(t, proxy.url, transport));
      }
      for (const [name, run] of Object.entries(withMessagePack)) {
        // What is read is the same, however slowly it comes.
        if (options.delay) continue;
        const what = `MessagePack over ${transport}, ${way}: ${name}`;
        await t.test(what, { timeout: 60_000 }, (t) => run(t, proxy.url, transport));
      }
    }
  }

  await t.test("who gives up a poll has given up the session", { timeout: 30_000 }, async (t) => {
    const proxy = await Proxy.start(t, server);
    const link = await connected(t, proxy.url, "polling", '{"rooms":["cuts"]}');
    const { poll } = await link.wait();
    proxy.cut();
    await assert.rejects(poll);
    await sleep(300);
    await assert.rejects(ask(link, 0, ["no such event"]), /Session ID unknown/);
  });

  await t.test("pings are answered in time, and who does not answer them is gone", { timeout: 90_000 }, () => beaten);
});

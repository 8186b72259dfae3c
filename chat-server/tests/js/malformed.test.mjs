// What no client of Socket.IO sends: it may cost the connection, never the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { once, sleep } from "./support/bounds.mjs";
import { connect, Reader, send } from "./support/client.mjs";
import { Server } from "./support/server.mjs";
import { connected } from "./support/wire.mjs";

const FRAMES = [
  // Engine.IO
  "", "x", "9", "0", "1", "2", "2probe", "3", "5", "6", "4", "\0", "b", "bAAAA", "💥", "4".repeat(100_000),
  // Socket.IO: types, namespaces, acks
  "49", "40", "40{", "40null", "40/other,", "40/other,{}", "41", "41/other,", "43", "430", "430[", "430[]",
  "4399999999999999999999[1]", "44", '44"x"', "42", "42[", "42]", "42[]", "42{}", "42null", "42 ", '42"x"',
  "42[5]", "42[null]", "42[[]]", '42[{"a":1}]', '42["chat message"', '42["chat message",]', '42["chat message","\ud800"]',
  '42["connect"]', '42["disconnect"]', '42["disconnecting","x"]', '42["connect_error",{}]', '42["newListener"]',
  '42/other,["chat message","x"]', '42/,["chat message","x"]', '4299999999999999999999["chat message","x"]',
  '42-1["chat message","x"]', '42["chat message","x"]trailing',
  // Attachments that are too few, too many, or never come
  "45", "451", "451-", "451-[]", '450-["chat message",1]', '45-1-["chat message",1]', '4599999999999-["chat message"]',
  '451-["chat message",{"_placeholder":true,"num":9}]', '451-["chat message",{"_placeholder":true,"num":-1}]', '461-["x"]',
  // Deeper than a stack
  `42["chat message",${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}]`,
  `42["chat message",${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}]`,
  `42${"[".repeat(1_000_000)}`,
];

const answers = (reader) => async (what) => {
  const { offset } = await send(reader.socket, `after ${what}`);
  await reader.reached(offset);
};

for (const transport of ["websocket", "polling"]) {
  test(`${transport}: frames that no client sends`, { timeout: 90_000 }, async (t) => {
    const server = await Server.start(t);
    const other = new Reader(t, server.url);
    const worksAfter = answers(other);
    for (const frame of FRAMES) {
      const what = JSON.stringify(frame.slice(0, 40));
      const socket = connect(t, server.url, { transports: [transport], reconnection: false });
      await once(socket, "connect");
      const gone = new Promise((resolve) => socket.once("disconnect", resolve));
      const { transport: engine } = socket.io.engine;
      // Past the client's own encoding.
      if (transport === "websocket") engine.ws.send(frame);
      else await fetch(engine.uri(), { method: "POST", body: frame });
      // What comes after it is answered, or the connection is gone: it has been handled. After "41", with
      // which a client leaves, nothing need follow.
      await Promise.race([gone, send(socket, "x").catch(() => gone), sleep(1000)]);
      socket.close();
      await worksAfter(what);
      assert.equal(server.hasEnded, false, what);
    }
    assert.deepEqual(other.disconnects, []);
    other.assertWhole();
  });
}

test("binary frames that belong to no event", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const worksAfter = answers(new Reader(t, server.url));
  for (const frame of [Buffer.alloc(0), Buffer.from([0, 255, 4]), Buffer.alloc(1_000_000, 52)]) {
    const socket = connect(t, server.url, { reconnection: false });
    await once(socket, "connect");
    socket.io.engine.transport.ws.send(frame);
    await worksAfter(`${frame.length} bytes`);
    socket.close();
  }
});

for (const transport of ["websocket", "polling", "upgrade"]) {
  test(`${transport}: attachments that are too many or too large end the connection`, { timeout: 30_000 }, async (t) => {
    const server = await Server.start(t);
    const event = (count, text = "") => {
      const holders = Array.from({ length: count }, (_, num) => ({ _placeholder: true, num }));
      return `45${count}-1${JSON.stringify(["chat message", text, ...holders])}`;
    };
    for (const packets of [
      [event(1), Buffer.alloc(500_000)],
      [event(2), Buffer.alloc(250_000), Buffer.alloc(250_000)],
      [event(17)],
      [event(1, "x".repeat(500_000))],
    ]) {
      const link = await connected(t, server.url, transport);
      await link.send(...packets);
      const code = await link.ends();
      if (transport !== "polling") assert.equal(code, 1009, packets[0].slice(0, 20));
    }
  });
}

test("HTTP requests that no client sends are refused", { timeout: 30_000 }, async (t) => {
  const server = await Server.start(t);
  const worksAfter = answers(new Reader(t, server.url));
  const requests = [
    ["?EIO=4&transport=polling&sid=nobody"],
    ["?EIO=4&transport=polling&sid=nobody", { method: "POST", body: "4" }],
    ["?EIO=4&transport=polling&sid=%00%ff%F0%9F%92%A5"],
    ["?EIO=4&transport=carrier-pigeon"],
    ["?EIO=9&transport=polling"],
    ["?EIO=4&transport=websocket"],
    ["?EIO=4&transport=polling", { method: "DELETE" }],
    ["?" + "x".repeat(10_000)],
    [""],
  ];
  for (const [query, options] of requests) {
    const response = await fetch(`${server.url}/socket.io/${query}`, options);
    await response.text();
    assert.ok(response.status >= 400 && response.status < 500, `${query.slice(0, 40)}: ${response.status}`);
    await worksAfter(query.slice(0, 40));
  }
});

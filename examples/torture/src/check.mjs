// What has to be true in the end.

import { io } from "./packages.mjs";
import { digest, sleep } from "./random.mjs";

/** Reads all messages of these rooms with a client that nothing disturbs, in their order, as a user who may. */
export async function readLog({ host, port, isSecure, headers }, rooms, user, deadline) {
  const url = `${isSecure ? "https" : "http"}://${host}:${port}`;
  const log = [];
  const socket = io(url, { forceNew: true, transports: ["websocket"], extraHeaders: headers, auth: { ...user, rooms, serverOffset: 0 } });
  socket.on("chat message", (content, offset, { room }) => log.push({ content, offset, room }));
  try {
    let tail;
    while (tail === undefined) {
      if (performance.now() > deadline) throw new Error("the log cannot be read in the end");
      await sleep(50);
      // The end of the log, as far as this node knows it.
      const answer = await socket.timeout(5_000).emitWithAck("join", rooms[0]).catch(() => ({}));
      tail = answer.tail;
    }
    // A message of its own comes after everything else.
    const { offset } = await socket.timeout(20_000).emitWithAck("chat message", "the end", null, { room: rooms[0] });
    while (log.at(-1)?.offset !== offset) {
      if (performance.now() > deadline) throw new Error(`the log ends at ${log.at(-1)?.offset}, not at ${offset}`);
      await sleep(50);
    }
  } finally {
    socket.close();
  }
  return log;
}

/** Returns what is wrong. `isAlone` says that nobody else writes to this log. */
export function check(clients, log, { isAlone }) {
  const violations = clients.flatMap((client) => client.violations);
  const digests = new Map(log.map(({ offset, content }) => [offset, digest(content)]));
  const at = new Map(log.map((message) => [message.offset, message]));
  const times = new Map();
  for (const { content } of log) times.set(content, (times.get(content) ?? 0) + 1);

  const rooms = byRoom(log);

  let last = 0;
  for (const { offset } of log) {
    if (offset <= last) violations.push(`the log has ${offset} after ${last}`);
    else if (isAlone && offset !== last + 1) violations.push(`the log has nothing between ${last} and ${offset}`);
    last = offset;
  }
  for (const { name, sent, memberships } of clients) {
    let before = 0;
    for (const [content, { room, offset }] of sent) {
      const short = `"${content.slice(0, 40)}" of ${name}`;
      if (offset === undefined) violations.push(`${short} has no answer`);
      else if (at.get(offset)?.content !== content) violations.push(`${short} is acked with ${offset}, and is not there`);
      else if (at.get(offset).room !== room) violations.push(`${short} is in another room`);
      else if (offset <= before) violations.push(`${short} is before what was sent before it`);
      if ((times.get(content) ?? 0) > 1) violations.push(`${short} is stored ${times.get(content)} times`);
      before = offset ?? before;
    }
    for (const { room, after, offsets, digests: got } of memberships) {
      const expected = (rooms.get(room) ?? []).filter(({ offset }) => offset > after);
      const first = expected.findIndex(({ offset }, n) => offsets[n] !== offset || got[n] !== digests.get(offset));
      if (first !== -1) {
        violations.push(`${name} got ${offsets[first] ?? "nothing"} of ${room} in place of ${expected[first].offset}`);
      } else if (offsets.length > expected.length) {
        violations.push(`${name} got ${offsets[expected.length]} of ${room}, which is not in the log`);
      }
    }
  }
  return violations;
}

function byRoom(log) {
  const rooms = new Map();
  for (const message of log) {
    if (!rooms.has(message.room)) rooms.set(message.room, []);
    rooms.get(message.room).push(message);
  }
  return rooms;
}

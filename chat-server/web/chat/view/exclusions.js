// Says it when the reader may not be in a room any more: sent out, banned, or because the room is for others now.

import { deletedHere } from "./deleted_here.js";
import { text } from "./language.js";
import { panel } from "./panels.js";

// What moderators have said, after the words of the server.
const REASON = /: (.+)$/s;

export function tellOfExclusions(chat) {
  chat.onEvent("not joined", async ({ rooms }) => {
    const known = chat.snapshot().rooms;
    for (const { room, error } of rooms) {
      // Where the reader was not before, nothing has changed.
      const wasThere = known.some(({ name, users }) => name === room && users !== null);
      if (error.code !== "forbidden" || !wasThere || deletedHere.has(room)) continue;
      const reason = REASON.exec(error.message)?.[1] ?? "";
      const view = await panel(() => import("../panels/notice.js"));
      view?.notifyOnce(`#${room}`, `${text("excluded", { name: room })} ${reason}`.trim());
    }
  });
}

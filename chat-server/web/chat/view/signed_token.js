// A signed token that a link has brought: kept for this tab only.

import { browserEnvironment, Memory } from "../../client/index.js";

const { session, base } = browserEnvironment();
const memory = new Memory(session, Memory.prefix(new URL(".", base), base));
let current = memory.get("signed-token", null);

/** What gives the token with each connection; undefined without one. */
export function signedTokenOf(asked) {
  if (asked !== undefined) keep(asked);
  return current === null ? undefined : () => current;
}

/** Takes another token. A connection goes on with it; without the one before, the page begins again. */
export function renewToken(chat, token, hadOne) {
  keep(token);
  if (!hadOne) return location.reload();
  // If the server does not take it, the connection ends with the old one, and says why.
  chat.request("token", token).catch(() => {});
}

function keep(token) {
  current = token;
  memory.set("signed-token", token);
}

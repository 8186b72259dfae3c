// Signed tokens, and servers that verify them.

import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./bounds.mjs";
import { Server } from "./server.mjs";

export const SECRET = "a secret of thirty-two bytes or so";

/** The current time as tokens have it. */
export const now = () => Math.floor(Date.now() / 1000);

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token with exactly these claims. */
export function token(claims, alg, signer, header = {}) {
  const text = `${encode({ alg, typ: "JWT", ...header })}.${encode(claims)}`;
  return `${text}.${signer(text).toString("base64url")}`;
}

/** A token that expires in a minute, unless the claims say otherwise. */
export const hs256 = (claims, secret = SECRET, header = {}) =>
  token({ exp: now() + 60, ...claims }, "HS256", (text) => createHmac("sha256", secret).update(text).digest(), header);

/** A server with these contents of its key file, which is `server.key`. */
export async function withKey(t, key, { args = [], ...options } = {}) {
  const path = join(temporaryDirectory(t), "key");
  writeFileSync(path, key);
  const server = await Server.start(t, { args: ["--jwt-key", path, ...args], ...options });
  return Object.assign(server, { key: path });
}

// Files of messages, as a stock client with `fetch` sends and gets them.

import assert from "node:assert/strict";
import { ask } from "./users.mjs";

/** The bytes of a small picture. */
export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** Sends a part of a file. */
export function patch(url, { url: path, token }, from, body, more = {}) {
  const headers = { authorization: `Bearer ${token}`, "upload-offset": String(from), ...more };
  return fetch(`${url}/${path}`, { method: "PATCH", headers, body });
}

/** Uploads a file; resolves with its ticket. */
export async function upload(url, socket, name, bytes, of = {}) {
  const body = Buffer.from(bytes);
  const ticket = await ask(socket, "upload", { name, bytes: body.length, ...of });
  assert.equal(ticket.error, undefined);
  const answer = await patch(url, ticket, 0, body);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { received: body.length, bytes: body.length, complete: true });
  return ticket;
}

/** Uploads a file and sends a message with it; resolves with the ticket and the offset. */
export async function share(url, socket, name, bytes, options = {}) {
  const ticket = await upload(url, socket, name, bytes, options);
  const { offset, error } = await ask(socket, "chat message", ticket.line, null, options);
  assert.equal(error, undefined);
  return { ...ticket, offset };
}

/** The links to the files of a message. */
export async function links(socket, offset) {
  const { files, error } = await ask(socket, "file links", offset);
  assert.equal(error, undefined);
  return files;
}

/** What a link leads to. */
export async function get(url, { url: path }, headers = {}) {
  const response = await fetch(`${url}/${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

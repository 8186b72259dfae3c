// Files: uploads that go on where they were cut, and the lines by which messages name them.

/** @typedef {import("./types.js").ConversationId} ConversationId */
/** @typedef {import("./types.js").Ticket} Ticket */
/** @typedef {import("./types.js").UploadOptions} UploadOptions */

/**
 * What is used of a chat.
 * @typedef {object} Asking
 * @property {URL} url
 * @property {(event: string, ...args: unknown[]) => Promise<any>} request
 */

// Small enough that a slow connection brings one over in a minute.
const PART_BYTES = 256 * 1024;

// The pauses before trying again, in milliseconds.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

// What trying again later does not help.
/** @type {Record<number, string>} */
const FINAL = { 404: "unknown_file", 413: "too_large", 507: "quota_exceeded" };

/**
 * Uploads a file, and sends a message with it. Resolves when the message is stored. Of lost connections nothing is told: it
 * goes on, until `signal` is aborted.
 * @param {Asking & { send: (id: ConversationId, content: string, options?: { replyTo?: number, key?: string }) => Promise<{ offset: number }> }} chat
 * @param {ConversationId} id
 * @param {File} file
 * @param {UploadOptions & { text?: string, key?: string, replyTo?: number }} [options]
 */
export async function sendFile(chat, id, file, options = {}) {
  const line = await uploadFile(chat, id, file, options);
  const { text = "", key, replyTo } = options;
  return chat.send(id, text === "" ? line : `${text}\n${line}`, { ...(key !== undefined && { key }), ...(replyTo !== undefined && { replyTo }) });
}

/**
 * Uploads a file for a message in a conversation. Resolves with the line that names it. Rejects with a `Refusal`, or with an
 * error that has such a `code`, or with the reason of `signal`.
 * @param {Asking} chat
 * @param {ConversationId} id
 * @param {File} file
 * @param {UploadOptions} [options]
 * @returns {Promise<string>}
 */
export async function uploadFile(chat, id, file, { onProgress = () => {}, onBegun = () => {}, begun, signal } = {}) {
  const name = id.slice(1);
  const of = id.startsWith("#") ? { room: name } : { to: name };
  /** @type {Ticket | null} */
  let ticket = null;
  let known = begun;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    signal?.throwIfAborted();
    try {
      const about = known === undefined ? { name: file.name, bytes: file.size, ...of } : { file: known };
      ticket = /** @type {Ticket} */ (await chat.request("upload", about));
      if (known === undefined) onBegun(ticket.file);
      known = ticket.file;
      for (let { received } = ticket; received < ticket.bytes; pause = FIRST_PAUSE) {
        onProgress(received, ticket.bytes);
        received = await append(chat, ticket, file.slice(received, received + PART_BYTES), received, signal);
      }
      onProgress(ticket.bytes, ticket.bytes);
      return ticket.line;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await wait(pause, signal);
  }
}

/**
 * Takes a file back that is in no message.
 * @param {Asking} chat
 * @param {string} file its id
 */
export async function forgetFile(chat, file) {
  const ticket = await chat.request("upload", { file });
  await fetch(new URL(ticket.url, chat.url), { method: "DELETE", headers: { authorization: `Bearer ${ticket.token}` } });
}

/**
 * The line that names a picture, with its size, and in words what it shows.
 * @param {string} line as `uploadFile` has it
 * @param {{ width: number, height: number, alt?: string }} picture
 */
export function pictureLine(line, { width, height, alt = "" }) {
  const words = alt.replace(/\s+/g, " ").trim().replace(/[\\[\]]/g, "\\$&");
  const target = line.slice(line.lastIndexOf("](") + 2, -1);
  return `![${words}](${target}-${width}x${height})`;
}

/**
 * Sends a part; resolves with how much has arrived then.
 * @param {Asking} chat
 * @param {Ticket} ticket
 * @param {Blob} body
 * @param {number} from
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<number>}
 */
async function append(chat, { url, token }, body, from, signal) {
  const headers = { authorization: `Bearer ${token}`, "upload-offset": String(from) };
  const address = new URL(url, chat.url);
  const answer = await fetch(address, { method: "PATCH", headers, body, ...(signal && { signal }) }).catch((error) => {
    signal?.throwIfAborted();
    throw Object.assign(error, { isPassing: true });
  });
  // 409: another number of bytes is there.
  if (answer.ok || answer.status === 409) return (await answer.json()).received;
  const code = FINAL[answer.status];
  throw Object.assign(new Error(`the file is refused: ${answer.status}`), code === undefined ? { isPassing: true } : { code });
}

/**
 * Whether it may work a little later: without a connection, or when the token has expired.
 * @param {any} error
 */
function isPassing(error) {
  return error.isPassing || error.code === "no_answer";
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal | undefined} signal
 */
function wait(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

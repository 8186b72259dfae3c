// A message that waits to be sent, as it is kept.

/** @typedef {{ kind: "room" | "person", name: string }} Address */
/** @typedef {{ offset: number }} Stored */
/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {Address} to
 * @property {string} content
 * @property {number | null} [replyTo]
 * @property {string | null} as the author's name, or null
 * @property {number} at
 * @property {"pending" | "failed"} state
 * @property {boolean} [forNow] it failed for a while only
 * @property {import("./types.js").Problem | null} [problem]
 */

/**
 * As users of the client see it.
 * @param {Entry} entry
 * @returns {import("./types.js").Waiting}
 */
export function asWaiting({ key, content, at, as, state, replyTo = null, problem = null }) {
  return Object.freeze({ key, content, at, as, replyTo, state, problem: state === "failed" ? problem : null });
}

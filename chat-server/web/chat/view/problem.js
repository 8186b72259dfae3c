// What went wrong, in words for readers rather than for programmers.

import { duration, isText, text } from "./language.js";

const WRITTEN_AS = /^you wrote this as (.*), and have no name now$/s;

/** Resolves with what went wrong, or with nothing. */
export async function problemOf(done) {
  try {
    await done;
  } catch (error) {
    if (error.code === undefined) throw error;
    return explained(error);
  }
}

/** Why the server, or the client, has refused something, as a sentence. */
export function explained({ code, message, retryAfter = 0 }) {
  if (code === "written_as_other") {
    const name = WRITTEN_AS.exec(message)?.[1];
    return name === undefined ? text("writtenWithout") : text("writtenAs", { name });
  }
  return isText(code) ? text(code, { time: duration(retryAfter) }) : asSentence(message);
}

function asSentence(message) {
  const sentence = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

// Why something was not done.

/** @typedef {import("./types.js").Problem} Problem */

/** The server refuses it: sending it again does not help, unless there is `retryAfter`. */
export class Refusal extends Error {
  name = "Refusal";

  /** @param {Problem} problem */
  constructor({ code, message, retryAfter }) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** There was no connection, or no answer came: it may have been done all the same. */
export class NoAnswer extends Error {
  name = "NoAnswer";
  code = "no_answer";

  constructor() {
    super("the server has not answered");
  }
}

/**
 * The answer of the server, if it is one.
 * @param {any} answer
 */
export function settled(answer) {
  if (answer === undefined) throw new NoAnswer();
  if (answer?.error) throw new Refusal(answer.error);
  return answer;
}

/**
 * A message that was written as somebody (`null` for nobody in particular) who the user is not now. It can be sent all
 * the same, if the user wants so: hence no end to the wait.
 * @param {string | null} name
 * @returns {Problem}
 */
export function writtenAs(name) {
  const message = name === null
    ? "you wrote this without a name, and have one now"
    : `you wrote this as ${name}, and have no name now`;
  return { code: "written_as_other", message, retryAfter: Infinity };
}

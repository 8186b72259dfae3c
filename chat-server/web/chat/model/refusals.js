// What the server refuses, in words for readers rather than for programmers.

const TEXTS = {
  nickname_taken: "Somebody else has this name. Choose another one.",
  unknown_nickname: "Nobody has this name.",
  invalid_token: "What this browser keeps your name with does not work any more. Choose a name again.",
  nickname_fixed: "Your name comes with how you signed in, and cannot be changed here.",
  registration_closed: "This chat takes no new users, or by invitation only: open the link of one. If you have a name on another device, link this one to it.",
  invalid_code: "This invitation is wrong, was used up, or is too old. Ask for another one.",
  message_to_oneself: "This is your own name.",
};

export function explained({ code, message }) {
  return TEXTS[code] ?? asSentence(message);
}

// A message that was written as somebody (`null` for nobody in particular) who the reader is not now. It can be sent
// all the same, if the reader wants so: hence no end to the wait.
export function writtenAs(name) {
  const message = name === null
    ? "you wrote this without a name, and have one now"
    : `you wrote this as ${name}, and have no name now`;
  return { code: "written_as_other", message, retryAfter: Infinity };
}

function asSentence(text) {
  const sentence = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

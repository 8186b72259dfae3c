// What the server refuses, in words for readers rather than for programmers.

const TEXTS = {
  nickname_taken: "Somebody else has this name. Choose another one.",
  unknown_nickname: "Nobody has this name.",
  nickname_fixed: "Your name comes with how you signed in, and cannot be changed here.",
  message_to_oneself: "This is your own name.",
};

export function explained({ code, message }) {
  return TEXTS[code] ?? asSentence(message);
}

function asSentence(text) {
  const sentence = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

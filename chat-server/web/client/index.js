// What the package offers.

export { Chat, createChat } from "./lib/chat.js";
export { browserEnvironment, headlessEnvironment } from "./lib/environment.js";
export { Memory } from "./lib/memory.js";
export { isMention, mentions } from "./lib/mentions.js";
export { indexAt } from "./lib/messages.js";
export { isSameName, nameKey } from "./lib/names.js";
export { NoAnswer, Refusal } from "./lib/refusal.js";

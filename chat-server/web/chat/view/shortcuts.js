// The link that skips the lists; Alt with an arrow key goes to the conversation above or below; Ctrl+K, or ⌘K, finds another one.

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export function listenForShortcuts(chat, find) {
  // The address says what is open, and stays.
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("log").focus();
  });
  addEventListener("keydown", (event) => {
    if (isFind(event)) {
      event.preventDefault();
      find();
      return;
    }
    const step = STEPS[event.key];
    if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { rooms, people, open } = chat.snapshot();
    const all = [...rooms, ...people];
    chat.show(all[(all.indexOf(open) + step + all.length) % all.length].id);
  });
}

function isFind({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  return key.toLowerCase() === "k" && ctrlKey !== metaKey && !altKey && !shiftKey;
}

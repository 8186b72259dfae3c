// Alt with an arrow key goes to the conversation above or below.

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export function listenForShortcuts(chat) {
  addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { rooms, people, open } = chat.snapshot();
    const all = [...rooms, ...people];
    chat.show(all[(all.indexOf(open) + step + all.length) % all.length].id);
  });
}

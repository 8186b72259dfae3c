// What is open, and what can be done with it.

const hash = document.getElementById("title-hash");
const title = document.getElementById("title-name");
const leave = document.getElementById("leave");
const leaveText = document.getElementById("leave-text");

export class Header {
  #chat;

  constructor(chat) {
    this.#chat = chat;
    leave.addEventListener("click", () => {
      chat.leave(chat.open);
      document.getElementById("text").focus();
    });
  }

  draw() {
    const { open, conversations } = this.#chat;
    hash.textContent = open.isRoom ? "#" : "@";
    if (title.textContent !== open.name) title.textContent = open.name;
    leaveText.textContent = open.isRoom ? `Leave ${open.name}` : `Close the conversation with ${open.name}`;
    leave.title = open.isRoom ? "Leave this room" : "Close this conversation";
    // There is always a room to be in.
    leave.hidden = open.isRoom && conversations.rooms.length === 1;
  }
}

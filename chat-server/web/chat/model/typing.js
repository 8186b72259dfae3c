// Who is typing, and saying that the reader is.

// The server says when somebody stops, and a connection may be lost before it does.
const FORGET_MS = 7_000;
// How often others are told while the reader goes on typing.
const TELL_MS = 2_000;

export class Typing {
  // Called after every change.
  onChange = () => {};

  #conversations;
  #connection;
  // The room where the reader is said to be typing, and when that was said.
  #room = null;
  #saidAt = 0;

  constructor(conversations, connection) {
    this.#conversations = conversations;
    this.#connection = connection;
  }

  heard({ room: name, nickname, typing }) {
    const room = this.#conversations.room(name);
    if (!room) return;
    this.#forget(room, nickname);
    if (typing) {
      const forget = () => {
        this.#forget(room, nickname);
        this.onChange();
      };
      room.typing.set(nickname, setTimeout(forget, FORGET_MS));
    }
    this.onChange();
  }

  // A message has come: its author has finished it.
  wrote(room, nickname) {
    if (room.typing.has(nickname)) this.#forget(room, nickname);
  }

  // The connection is lost: nobody will say that they stopped.
  clear() {
    for (const room of this.#conversations.rooms) {
      for (const nickname of [...room.typing.keys()]) this.#forget(room, nickname);
    }
    this.#room = null;
    this.onChange();
  }

  // The reader is typing in a room.
  begin(room) {
    if (!room.isRoom) return;
    if (this.#room !== room) this.end();
    const now = Date.now();
    if (this.#room === room && now - this.#saidAt < TELL_MS) return;
    this.#room = room;
    this.#saidAt = now;
    this.#connection.tell("typing", room.name, true);
  }

  // The reader has stopped, or sent it.
  end() {
    if (this.#room !== null) this.#connection.tell("typing", this.#room.name, false);
    this.#room = null;
  }

  #forget(room, nickname) {
    clearTimeout(room.typing.get(nickname));
    room.typing.delete(nickname);
  }
}

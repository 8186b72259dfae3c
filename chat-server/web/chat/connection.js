// The connection to the server: says what arrives, in order and each message once, and sends.

// How long to wait for the answer to a message before it is sent again.
const ACK_TIMEOUT_MS = 10_000;

// The client gives a message up after so many retries; time without a connection does not count.
// Sending again is harmless, since the server knows a message by its key, so it never gives up: the
// server does not answer while its store is down, however long that takes.
const RETRIES = Infinity;

// The pause before connecting again where Socket.IO does not do it by itself, in milliseconds.
const pause = () => 2_000 + Math.random() * 3_000;

export class Connection {
  #socket = io({ auth: { serverOffset: 0 }, ackTimeout: ACK_TIMEOUT_MS, retries: RETRIES });
  #callbacks;
  #epoch = null;
  #tried = false;
  #refusal = null;

  constructor(callbacks) {
    this.#callbacks = callbacks;
    this.#socket.on("chat message", (...delivery) => this.#receive(...delivery));
    this.#socket.on("connect", () => {
      this.#tried = true;
      this.#refusal = null;
      this.#status();
    });
    this.#socket.on("disconnect", () => this.#lost());
    this.#socket.on("connect_error", (error) => {
      this.#tried = true;
      this.#refusal = this.#socket.active ? null : error.message;
      this.#lost();
    });
    addEventListener("online", () => this.#status());
    addEventListener("offline", () => this.#status());
    this.#status();
  }

  // Resolves with the server's answer, `{ offset }` or `{ error: { message } }`.
  send(content, key) {
    return new Promise((resolve) => {
      this.#socket.emit("chat message", content, key, (failure, answer) => {
        resolve(failure ? { error: { message: failure.message } } : answer);
      });
    });
  }

  #receive(content, offset, meta, recoveryOffset) {
    const { auth } = this.#socket;
    const epoch = epochOf(recoveryOffset);
    if (this.#epoch !== null && epoch !== this.#epoch) {
      // The server has another log than before, where our offset means nothing.
      this.#epoch = null;
      auth.serverOffset = 0;
      this.#callbacks.onOtherLog();
      this.#socket.disconnect();
      return;
    }
    this.#epoch = epoch;
    if (offset <= auth.serverOffset) return;
    auth.serverOffset = offset;
    this.#callbacks.onMessage({ offset, content, at: meta?.at ?? null, key: meta?.clientOffset ?? null });
  }

  #lost() {
    // `active`: Socket.IO will reconnect. Not so when the server, or this page, ended the connection.
    if (!this.#socket.active) setTimeout(() => this.#socket.connect(), pause());
    this.#status();
  }

  #status() {
    const { onStatus } = this.#callbacks;
    if (this.#socket.connected) onStatus("connected");
    else if (!navigator.onLine) onStatus("offline");
    else if (this.#refusal !== null) onStatus("refused", this.#refusal);
    else onStatus(this.#tried ? "reconnecting" : "connecting");
  }
}

// The recovery offset is "<epoch>-<offset>"; the epoch says which log the offset belongs to.
function epochOf(recoveryOffset) {
  return typeof recoveryOffset === "string"
    ? recoveryOffset.slice(0, recoveryOffset.lastIndexOf("-"))
    : null;
}

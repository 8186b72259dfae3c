// The connection to the server: passes on what arrives, sends, and says how it stands.


// How long to wait for an answer.
const ANSWER_MS = 10_000;

// What ends a session: a packet of Socket.IO, and the body of a request with it, which ends a connection that polls.
const DISCONNECT = "1";
const GOODBYE = `4${DISCONNECT}\x1e1`;

// The pause before connecting again where Socket.IO does not do it by itself, in milliseconds.
const pause = () => 2_000 + Math.random() * 3_000;

// The longest time that a timer can wait for, in milliseconds.
const LONGEST_TIMER = 2 ** 31 - 1;

export class Connection {
  #socket;
  #newSocket;
  #callbacks;
  #path;
  #tried = false;
  #refusal = null;
  // Whether the server has said when to connect again.
  #isToWait = false;
  #again;
  #waiting = [];

  // `handshake` gives what is said when connecting, each time anew. `events`: handlers by event.
  constructor({ handshake, events, ...callbacks }) {
    this.#callbacks = callbacks;
    // Below the page, wherever a proxy has it.
    this.#path = new URL("./socket.io/", document.baseURI).pathname;
    this.#newSocket = () => {
      const socket = io({
        path: this.#path,
        auth: (say) => say(handshake()),
        reconnectionDelay: 500,
        autoConnect: false,
        forceNew: true,
      });
      for (const [event, handle] of Object.entries(events)) socket.on(event, handle);
      socket.on("connect", () => this.#connected());
      socket.on("disconnect", () => this.#lost());
      socket.on("connect_error", (error) => this.#failed(error));
      return socket;
    };
    this.#socket = this.#newSocket();
    addEventListener("online", () => this.#status());
    addEventListener("offline", () => this.#status());
  }

  get isConnected() {
    return this.#socket.connected;
  }

  start() {
    this.#connect();
    this.#status();
  }

  // Connects anew, as somebody else or to another log.
  restart() {
    this.#socket.disconnect();
    this.#socket.off();
    // One that knows nothing of the session before: its end may arrive after the next connection, which would go on with
    // it, and with its name.
    this.#socket = this.#newSocket();
    this.#connect();
  }

  // The page is left: ends the session at once, which the server would otherwise keep for a while. If the page stays
  // after all, it connects again.
  leave() {
    const { engine } = this.#socket.io;
    if (this.isPolling) {
      // Other requests go with the page, but not this one.
      const session = new URLSearchParams({ EIO: "4", transport: "polling", sid: engine.id });
      navigator.sendBeacon(`${this.#path}?${session}`, GOODBYE);
    }
    if (!this.isConnected && this.#socket.active) {
      // `disconnect` says nothing while the answer to the connect is on its way, and Engine.IO's end, which it sends, may
      // come before the other request.
      engine?.send(DISCONNECT);
      // Nor is it told of then.
      setTimeout(() => this.#socket.connect(), pause());
    }
    clearTimeout(this.#again);
    this.#socket.disconnect();
  }

  // Whether a goodbye at "pagehide" might come too late: a poll is given up then, which the server takes for the end.
  get leavesEarly() {
    return this.isPolling || !this.isConnected;
  }

  // Whether there is a session that polls.
  get isPolling() {
    const { engine } = this.#socket.io;
    return Boolean(engine?.id) && engine.transport.name === "polling";
  }

  // Resolves when there is a connection.
  connected() {
    if (this.isConnected) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Resolves with the server's answer, also with a refusal, `{ error: { code, message } }`; with nothing when
  // none came, or there is no connection.
  ask(event, ...args) {
    if (!this.isConnected) return Promise.resolve();
    return new Promise((resolve) => {
      const answered = (failure, answer) => resolve(failure ? undefined : answer);
      this.#socket.timeout(ANSWER_MS).emit(event, ...args, answered);
    });
  }

  // What may be lost.
  tell(event, ...args) {
    if (this.isConnected) this.#socket.emit(event, ...args);
  }

  #connect() {
    clearTimeout(this.#again);
    this.#socket.connect();
  }

  #connectAfter(wait) {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket.connect(), Math.min(wait, LONGEST_TIMER));
  }

  #connected() {
    this.#tried = true;
    this.#refusal = null;
    this.#callbacks.onConnect(this.#socket.recovered);
    this.#status();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #failed(error) {
    this.#tried = true;
    // The server has said no; otherwise it could not be reached, and Socket.IO tries again.
    if (this.#socket.active) {
      this.#refusal = null;
      return this.#status();
    }
    const { code = null, message, retryAfter: wait } = error.data ?? error;
    this.#refusal = message;
    this.#isToWait = wait !== undefined;
    const goOn = this.#callbacks.onRefused(code, message);
    this.#connectAfter(goOn ? 0 : (wait ?? pause()));
    this.#status();
  }

  #lost() {
    // `active`: Socket.IO will reconnect. Not so when the server, or this page, ended the connection.
    if (!this.#socket.active) this.#connectAfter(pause());
    this.#status();
  }

  #status() {
    const { onStatus } = this.#callbacks;
    if (this.isConnected) onStatus("connected");
    else if (!navigator.onLine) onStatus("offline");
    else if (this.#refusal !== null) onStatus(this.#isToWait ? "waiting" : "refused", this.#refusal);
    else onStatus(this.#tried ? "reconnecting" : "connecting");
  }
}

// The connection to the server: passes on what arrives, sends, and says how it stands.

/** @typedef {import("./types.js").ConnectionState} ConnectionState */
/** @typedef {import("./types.js").Problem} Problem */
/** @typedef {import("./types.js").Socket} Socket */
/**
 * @typedef {object} Callbacks
 * @property {() => unknown} handshake gives what is said when connecting, each time anew; may be a promise
 * @property {() => Record<string, (...args: any[]) => void>} events gives the handlers by event
 * @property {(event: string, args: any[]) => void} onOther any other event
 * @property {(isRecovered: boolean) => void} onConnect
 * @property {(problem: Problem) => boolean} onRefused says whether to connect again at once
 * @property {() => void} onStatus
 */

// How long to wait for an answer.
const ANSWER_MS = 10_000;

// What ends a session: a packet of Socket.IO, and the body of a request with it, which ends a connection that polls.
const DISCONNECT = "1";
const GOODBYE = `4${DISCONNECT}\x1e1`;

// A websocket saves two round trips. Where one does not open so soon, something between keeps it from doing so.
const WEBSOCKET_FIRST = ["websocket", "polling"];
const POLLING_FIRST = ["polling", "websocket"];
const WEBSOCKET_MS = 5_000;
const CONNECT_MS = 20_000;

// The pause before connecting again where Socket.IO does not do it by itself, in milliseconds.
const pause = () => 2_000 + Math.random() * 3_000;

export class Connection {
  /** @type {Problem | null} */
  problem = null;

  #scope;
  #page;
  #url;
  #path;
  #io;
  #callbacks;
  /**
   * Until it is started there is none.
   * @type {Socket | null}
   */
  #socket = null;
  #tried = false;
  #transports;
  #cancelAgain = () => {};
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /**
   * What ends each request without an answer.
   * @type {Set<(answer?: any) => void>}
   */
  #asked = new Set();

  /**
   * @param {import("./types.js").Io} io
   * @param {URL} url the folder of the chat
   * @param {boolean} hasWebsockets
   * @param {import("./memory.js").Listening} listening
   * @param {Callbacks} callbacks
   */
  constructor(io, url, hasWebsockets, { scope, page }, callbacks) {
    this.#io = io;
    this.#url = url;
    this.#path = new URL("./socket.io/", url).pathname;
    this.#scope = scope;
    this.#page = page;
    this.#transports = hasWebsockets ? WEBSOCKET_FIRST : POLLING_FIRST;
    this.#callbacks = callbacks;
    for (const event of /** @type {const} */ (["online", "offline"])) {
      scope.onEnd(page.listen(event, () => this.#status()));
    }
    scope.onEnd(() => this.#end());
  }

  get isConnected() {
    return this.#socket?.connected ?? false;
  }

  /** @returns {ConnectionState} */
  get state() {
    if (this.#scope.hasEnded) return "stopped";
    if (this.isConnected) return "connected";
    if (!this.#page.isOnline()) return "offline";
    if (this.problem !== null) return this.problem.retryAfter === undefined ? "refused" : "waiting";
    return this.#tried ? "reconnecting" : "connecting";
  }

  start() {
    this.#socket ??= this.#newSocket();
    this.#connect();
    this.#status();
  }

  /** Connects anew, as somebody else or to another log. */
  restart() {
    if (this.#socket === null || this.#scope.hasEnded) return;
    this.#forget();
    // One that knows nothing of the session before: its end may arrive after the next connection, which would go on with
    // it, and with its name.
    this.#socket = this.#newSocket();
    this.#connect();
  }

  /**
   * The page is left: ends the session at once, which the server would otherwise keep for a while. If the page stays
   * after all, it connects again.
   */
  leave() {
    const socket = this.#socket;
    if (socket === null) return;
    const { engine } = socket.io;
    if (this.isPolling) {
      // Other requests go with the page, but not this one.
      const session = new URLSearchParams({ EIO: "4", transport: "polling", sid: engine.id });
      this.#page.beacon(`${this.#url.origin}${this.#path}?${session}`, GOODBYE);
    }
    if (!this.isConnected && socket.active) {
      // `disconnect` says nothing while the answer to the connect is on its way, and Engine.IO's end, which it sends, may
      // come before the other request.
      engine?.send(DISCONNECT);
      // Nor is it told of then.
      this.#scope.after(pause(), () => socket.connect());
    }
    this.#cancelAgain();
    socket.disconnect();
  }

  /** Whether a goodbye at "pagehide" might come too late: a poll is given up then, which the server takes for the end. */
  get leavesEarly() {
    return this.isPolling || !this.isConnected;
  }

  /** Whether there is a session that polls. */
  get isPolling() {
    const engine = this.#socket?.io.engine;
    return Boolean(engine?.id) && engine.transport.name === "polling";
  }

  /**
   * Resolves when there is a connection, or will be none any more.
   * @returns {Promise<void>}
   */
  connected() {
    if (this.isConnected || this.#scope.hasEnded) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /**
   * Resolves with the server's answer, also with a refusal, `{ error: { code, message } }`; with nothing when
   * none came, or there is no connection.
   * @param {string} event
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  ask(event, ...args) {
    if (!this.isConnected) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (/** @type {any} */ answer = undefined) => {
        cancel();
        this.#asked.delete(settle);
        resolve(answer);
      };
      const cancel = this.#scope.after(ANSWER_MS, () => settle(undefined));
      this.#asked.add(settle);
      this.#socket?.emit(event, ...args, settle);
    });
  }

  /**
   * What may be lost.
   * @param {string} event
   * @param {...unknown} args
   */
  tell(event, ...args) {
    if (this.isConnected) this.#socket?.emit(event, ...args);
  }

  #newSocket() {
    const { handshake, onOther } = this.#callbacks;
    const events = this.#callbacks.events();
    /** @type {Socket} */
    const socket = this.#io(this.#url.origin, {
      path: this.#path,
      auth: (/** @type {(auth: unknown) => void} */ say) => {
        const said = handshake();
        // Without what is to be said there is no session: it is tried again.
        if (said instanceof Promise) said.then(say, () => socket.io.engine?.close());
        else say(said);
      },
      reconnectionDelay: 500,
      transports: this.#transports,
      tryAllTransports: true,
      timeout: this.#transports === WEBSOCKET_FIRST ? WEBSOCKET_MS : CONNECT_MS,
      autoConnect: false,
      forceNew: true,
    });
    for (const [event, handle] of Object.entries(events)) socket.on(event, handle);
    socket.onAny((event, ...args) => event in events || onOther(event, args));
    socket.on("connect", () => this.#connected(socket));
    socket.on("disconnect", () => this.#lost(socket));
    socket.on("connect_error", (error) => this.#failed(socket, error));
    return socket;
  }

  #connect() {
    this.#cancelAgain();
    this.#socket?.connect();
  }

  /** @param {number} wait */
  #connectAfter(wait) {
    this.#cancelAgain();
    this.#cancelAgain = this.#scope.after(wait, () => this.#socket?.connect());
  }

  /** @param {Socket} socket */
  #connected(socket) {
    this.#tried = true;
    this.problem = null;
    // It works here, and may take longer another time.
    socket.io.timeout(CONNECT_MS);
    this.#callbacks.onConnect(socket.recovered);
    this.#status();
    this.#wake();
  }

  /**
   * @param {Socket} socket
   * @param {any} error
   */
  #failed(socket, error) {
    this.#tried = true;
    // The server has said no; otherwise it could not be reached, and Socket.IO tries again.
    if (socket.active) {
      this.problem = null;
      if (error.message === "timeout") this.#pollFirst(socket);
      return this.#status();
    }
    const { code = "unknown", message, retryAfter } = error.data ?? error;
    this.problem = { code, message, ...(retryAfter !== undefined && { retryAfter }) };
    const goOn = this.#callbacks.onRefused(this.problem);
    // What was wrong has been given up.
    if (goOn) this.problem = null;
    this.#connectAfter(goOn ? 0 : (retryAfter ?? pause()));
    this.#status();
  }

  /** Nothing has come of the websocket, not even an error. @param {Socket} socket */
  #pollFirst(socket) {
    this.#transports = POLLING_FIRST;
    socket.io.opts.transports = POLLING_FIRST;
    socket.io.timeout(CONNECT_MS);
  }

  /** @param {Socket} socket */
  #lost(socket) {
    this.#unanswered();
    // `active`: Socket.IO will reconnect. Not so when the server, or this client, ended the connection.
    if (!socket.active) this.#connectAfter(pause());
    this.#status();
  }

  #status() {
    this.#callbacks.onStatus();
  }

  #end() {
    this.#forget();
    this.#status();
    this.#wake();
  }

  // Nothing of the socket arrives any more.
  #forget() {
    this.#socket?.off();
    this.#socket?.offAny();
    this.#socket?.disconnect();
    this.#unanswered();
  }

  #unanswered() {
    for (const settle of [...this.#asked]) settle();
  }

  #wake() {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

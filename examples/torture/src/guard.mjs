// A private room with members, who are banned from it and come back, and what may therefore reach whom.

import { io } from "./packages.mjs";
import { Proxy } from "./proxy.mjs";
import { sleep } from "./random.mjs";

/** How long a request may take before it is made again, in milliseconds. */
const PATIENCE = 4_000;

/** Within this time a ban is in effect on every node that nothing keeps from it: a second, and time for a busy machine. */
const IN_EFFECT = 3_000;

/** Refusals that end by themselves. */
const LATER = ["unavailable", "slow_down", "unknown_nickname"];

export class Guard {
  /** How often somebody was banned. */
  bans = 0;

  /** How often somebody was refused who is no member. */
  refusals = 0;

  violations = [];

  #members = [];
  /** The last ban of each member: when it was answered, and when it was asked to end. */
  #banned = new Map();
  #sentAt = new Map();
  #troubles = [];
  #cycles = [];
  #socket;
  /** What went wrong last. */
  #last = "it was not tried";
  /** Whether nobody is to be banned any more, and whether nothing is to be done any more. */
  #isOver = false;
  #isStopped = false;

  constructor(seed) {
    this.room = `torture ${seed}, private`;
    /** The same room under another name: its messages are others, its rules are the same. */
    this.spelling = this.room.toUpperCase();
    this.keeper = userOf(seed, "keeper");
    this.seed = seed;
  }

  /** Makes a user that will be a member. */
  member(number) {
    const user = userOf(this.seed, `member ${number}`);
    this.#members.push(user.nickname);
    return user;
  }

  /** Makes the room, before anybody is there. */
  async open(targets, random, headers) {
    this.proxy = await Proxy.start(() => random.of(targets));
    this.#socket = io(this.proxy.url, {
      forceNew: true,
      transports: ["websocket"],
      extraHeaders: headers,
      reconnectionDelay: 50,
      reconnectionDelayMax: 1_000,
      auth: { ...this.keeper, rooms: [this.room] },
    });
    this.#socket.on("connect_error", (error) => {
      this.#last = error.message;
      if (!this.#socket.active) setTimeout(() => !this.#isStopped && this.#socket.connect(), 200);
    });
    this.#socket.on("disconnect", () => {
      if (!this.#socket.active && !this.#isStopped) this.#socket.connect();
    });
    const made = this.#ask("create room", this.room, { visibility: "private" }).then(() => true);
    if (!(await Promise.race([made, sleep(60_000)]))) throw new Error(`the private room cannot be made: ${this.#last}`);
  }

  /** Lets the members in when they are there, and begins to ban them. */
  async begin(random) {
    for (const nickname of this.#members) await this.#ask("set role", this.room, nickname, "member");
    this.#cycles = this.#members.map((nickname) => this.#cycle(nickname, random));
  }

  /** Asks until there is an answer. Each request may be made twice: the second changes nothing. */
  async #ask(event, ...args) {
    while (!this.#isStopped) {
      const answer = await this.#socket.timeout(PATIENCE).emitWithAck(event, ...args).catch(({ message }) => void (this.#last = message));
      if (answer !== undefined && !LATER.includes(answer.error?.code)) {
        if (answer.error) this.violations.push(`the keeper cannot ${event} ${args}: ${JSON.stringify(answer.error)}`);
        return;
      }
      this.#last = answer?.error?.message ?? this.#last;
      await sleep(100);
    }
  }

  async #cycle(nickname, random) {
    for (;;) {
      await this.#pause(random.between(500, 4_000));
      if (this.#isOver) return;
      await this.#ask("ban", nickname, { room: this.room });
      const ban = { at: performance.now(), liftedAt: Infinity };
      this.#banned.set(nickname, ban);
      this.bans++;
      await this.#pause(random.between(5_000, 10_000));
      ban.liftedAt = performance.now();
      await this.#ask("lift", nickname, { room: this.room, kind: "ban" });
    }
  }

  async #pause(milliseconds) {
    const until = performance.now() + milliseconds;
    while (!this.#isOver && performance.now() < until) await sleep(100);
  }

  /** Lets everybody come back, for good. */
  async finish() {
    this.#isOver = true;
    await Promise.all(this.#cycles);
  }

  stop() {
    [this.#isOver, this.#isStopped] = [true, true];
    this.#socket?.close();
    this.proxy?.close();
  }

  /** Notes that somebody begins to send a message to the room. */
  sends(content) {
    this.#sentAt.set(content, performance.now());
  }

  /** Notes a fault of a process for as long as `happens` takes: it may keep nodes from learning of a ban. */
  async during(happens) {
    const trouble = { from: performance.now(), until: Infinity };
    this.#troubles.push(trouble);
    try {
      await happens();
    } finally {
      trouble.until = performance.now();
    }
  }

  /** Whether a member must not get a message now: because a ban was in effect before the message was sent, and still is. */
  forbids(nickname, content) {
    const ban = this.#banned.get(nickname);
    return ban !== undefined && ban.liftedAt > performance.now() && this.#inEffect(ban) < this.#sentAt.get(content);
  }

  #inEffect({ at }) {
    let from = at;
    for (;;) {
      const trouble = this.#troubles.find((it) => it.until > from && it.from <= from + IN_EFFECT);
      if (trouble === undefined) return from + IN_EFFECT;
      from = trouble.until;
    }
  }
}

function userOf(seed, name) {
  return { nickname: `${name} of ${seed}`, token: `a secret of ${name}, long enough: ${seed}` };
}

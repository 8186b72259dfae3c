// The user's cursor in the server's log: everything of the user's rooms up to here has arrived.
//
// One number serves all conversations. The epoch says which log it belongs to: in another one it means nothing. The
// position is what the server said of the last message. By it the server finds out whether it still has that message.

export class Cursor {
  /** @param {{ offset?: number, epoch?: string | null, position?: string | null }} [place] */
  constructor({ offset = 0, epoch = null, position = null } = {}) {
    this.offset = offset;
    this.epoch = epoch;
    this.position = position;
  }

  /**
   * Says what a message is that arrives: the next one, one that came already, or one of another log.
   * @param {number} offset
   * @param {unknown} recoveryOffset
   * @returns {"next" | "again" | "another log"}
   */
  reach(offset, recoveryOffset) {
    const epoch = epochOf(recoveryOffset);
    if (this.epoch !== null && epoch !== this.epoch) return "another log";
    this.epoch = epoch;
    if (offset <= this.offset) return "again";
    this.offset = offset;
    this.position = typeof recoveryOffset === "string" ? recoveryOffset : null;
    return "next";
  }

  /**
   * Begins here, if nothing has arrived yet.
   * @param {number} tail
   */
  begin(tail) {
    if (this.offset === 0) this.offset = tail;
  }

  reset() {
    this.offset = 0;
    this.epoch = null;
    this.position = null;
  }
}

/** The recovery offset begins with "<epoch>-<offset>". @param {unknown} recoveryOffset */
function epochOf(recoveryOffset) {
  return typeof recoveryOffset === "string" ? recoveryOffset.slice(0, recoveryOffset.indexOf("-")) : null;
}

// The reader's cursor in the server's log: everything of the reader's rooms up to here has arrived.
//
// One number serves all conversations. The epoch says which log it belongs to: in another one it means nothing.

export class Cursor {
  offset;
  epoch;

  constructor({ offset = 0, epoch = null } = {}) {
    this.offset = offset;
    this.epoch = epoch;
  }

  // Says what a message is that arrives: "next", or one that came "again", or of "another log".
  reach(offset, recoveryOffset) {
    const epoch = epochOf(recoveryOffset);
    if (this.epoch !== null && epoch !== this.epoch) return "another log";
    this.epoch = epoch;
    if (offset <= this.offset) return "again";
    this.offset = offset;
    return "next";
  }

  reset() {
    this.offset = 0;
    this.epoch = null;
  }
}

// The recovery offset is "<epoch>-<offset>".
function epochOf(recoveryOffset) {
  return typeof recoveryOffset === "string"
    ? recoveryOffset.slice(0, recoveryOffset.lastIndexOf("-"))
    : null;
}

// Bounds in time and what is cleaned up afterwards, so that no test hangs and none leaves anything behind.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A test's own timeout ends the test, but what it left open could keep the process alive.
const MINUTES = 5;
setTimeout(() => {
  console.error(`still running after ${MINUTES} minutes: given up`);
  process.exit(1);
}, MINUTES * 60_000).unref();

/**
 * Resolves as `promise` does, and rejects after `seconds` with a message that names `what`, a text or a
 * function that tells how far it has come.
 */
export function within(seconds, what, promise) {
  let timer;
  const bound = new Promise((_, reject) => {
    const giveUp = () => {
      const expected = typeof what === "function" ? what() : what;
      reject(new Error(`not within ${seconds} s: ${expected}`));
    };
    timer = setTimeout(giveUp, seconds * 1000);
  });
  return Promise.race([promise, bound]).finally(() => clearTimeout(timer));
}

/** Resolves with the arguments of the next `event` that `emitter` emits. */
export function once(emitter, event, seconds = 10) {
  const emitted = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return within(seconds, `the event "${event}"`, emitted);
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const pending = new WeakMap();

/** Runs `undo` at the end of the test `t`; what was deferred last comes first. */
export function defer(t, undo) {
  if (!pending.has(t)) {
    const stack = [];
    pending.set(t, stack);
    t.after(async () => {
      const failures = [];
      for (const undo of stack.reverse()) {
        try {
          await undo();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    });
  }
  pending.get(t).push(undo);
}

/** A directory that is removed at the end of the test. */
export function temporaryDirectory(t) {
  const path = mkdtempSync(join(tmpdir(), "chat-test-"));
  defer(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

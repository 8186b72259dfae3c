// Chance that can be repeated: every run uses the same seed unless CHAT_TEST_SEED names another.

/** Prints the seed, and returns a source of whole numbers. */
export function seeded(t) {
  const seed = Number(process.env.CHAT_TEST_SEED ?? 20_240_607);
  t.diagnostic(`seed ${seed} (repeat with CHAT_TEST_SEED=${seed})`);
  let state = seed;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** A whole number from `low` to `high`, both included. */
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    /** True once in `n` times. */
    oneIn: (n) => next() < 1 / n,
  };
}

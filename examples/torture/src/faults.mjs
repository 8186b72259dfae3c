// What goes wrong, and how often.

import { sleep } from "./random.mjs";

/** Faults of the connections of one client: all that somebody outside can cause. */
export const CLIENT_FAULTS = {
  cut: ({ proxy, random }) => proxy.cut(random.oneIn(2)),
  "cut within a packet": ({ proxy, random }) =>
    proxy.cutAfter(random.between(1, 6_000), { abruptly: random.oneIn(2), silence: 0 }),
  silence: ({ proxy, random }) =>
    proxy.cutAfter(random.between(1, 3_000), { abruptly: random.oneIn(2), silence: random.between(10, 3_000) }),
  delay: ({ proxy, random }) => (proxy.delay = random.oneIn(2) ? 0 : random.between(1, 300)),
  split: ({ proxy, random }) => (proxy.grain = random.oneIn(2) ? Infinity : random.between(1, 64)),
  move: ({ client, targets, random }) => {
    client.target = random.of(targets);
    client.proxy.cut(true);
  },
};

/** Faults of processes: only where this started them. */
export const PROCESS_FAULTS = {
  "kill -9": async ({ process, random }) => {
    await process.end("SIGKILL");
    await sleep(random.between(0, 1_500));
    await process.start();
  },
  SIGTERM: async ({ process, random }) => {
    await process.end("SIGTERM");
    await sleep(random.between(0, 500));
    await process.start();
  },
  SIGSTOP: async ({ process, random }) => {
    process.signal("SIGSTOP");
    await sleep(random.between(50, 5_000));
    process.signal("SIGCONT");
  },
};

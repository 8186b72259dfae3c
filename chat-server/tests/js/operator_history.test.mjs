// The series that the operator's page computes from what nodes have counted.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../admin/metrics.js", import.meta.url), "utf8");
const { History } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const SERIES = [
  { kind: "gauge", of: ['chat_connections|transport="websocket"'] },
  { kind: "rate", of: ["chat_connections_refused_total", "chat_connects_refused_total"] },
  { kind: "quantile", of: ["chat_commit_seconds"], share: 0.5 },
];
const [GAUGE, RATE, QUANTILE] = SERIES.keys();

/** What a node says that has had `count` of everything, all of it in the bucket with this bound. */
function metrics(count, bound = 0.1) {
  const buckets = [0.1, 0.2, "+Inf"].map((le) => `chat_commit_seconds_bucket{le="${le}"} ${le === "+Inf" || le >= bound ? count : 0}`);
  return [
    `chat_connections{transport="websocket"} ${count}`,
    `chat_connections{transport="polling"} 7`,
    `chat_connections_refused_total{limit="sessions"} ${count}`,
    `chat_connects_refused_total{reason="x"} ${count}`,
    ...buckets,
    "",
  ].join("\n");
}

test("series are sums over nodes, or of one", () => {
  const history = new History(SERIES);
  history.add(0, [{ node: "a", metrics: metrics(1) }, { node: "b", metrics: metrics(10) }]);
  history.add(2000, [{ node: "a", metrics: metrics(5) }, { node: "b", metrics: metrics(0) }, { node: "c", metrics: metrics(3) }]);
  assert.deepEqual(history.times, [0, 2000]);
  assert.deepEqual(history.values(GAUGE), [11, 8]);
  assert.deepEqual(history.values(GAUGE, "c"), [NaN, 3]);
  // One was started again, and one is new.
  assert.deepEqual(history.values(RATE), [NaN, 4]);
  assert.deepEqual(history.values(RATE, "a"), [NaN, 4]);
  assert.equal(history.now(RATE, "b"), 0);
  assert.equal(history.now(QUANTILE, "a"), 0.05);
  assert.equal(history.latest("c").get('chat_connections{transport="polling"}'), 7);
  assert.equal(history.latest("d").size, 0);
});

test("quantiles are of half a minute, and samples of ten, however often a tab looks", () => {
  const history = new History(SERIES);
  // Many were quick, long ago; one each ten seconds is slow.
  history.add(0, [{ node: "a", metrics: metrics(0) }]);
  history.add(10_000, [{ node: "a", metrics: metrics(1000) }]);
  const slow = (count) => metrics(1000).replace(/(le="(0.2|\+Inf)"\} )1000/g, `$1${1000 + count}`);
  for (let at = 20_000; at <= 60_000; at += 10_000) history.add(at, [{ node: "a", metrics: slow(at / 10_000 - 1) }]);
  assert.ok(history.now(QUANTILE) > 0.1, "what was before half a minute does not count");
  history.add(55 * 60_000, [{ node: "a", metrics: slow(100) }]);
  assert.deepEqual(history.times, [55 * 60_000]);
});

test("what a node has said is read once, and not kept", () => {
  let read = 0;
  const node = (name, at) => ({
    node: name,
    get metrics() {
      read += 1;
      return metrics(at);
    },
  });
  const history = new History(SERIES);
  for (let at = 1; at <= 300; at += 1) history.add(at * 2000, [node("a", at), node("b", at)]);
  for (const series of SERIES.keys()) assert.equal(history.values(series).length, 300);
  assert.equal(read, 600);
  const kept = history.samples.filter(({ nodes }) => nodes.size > 0);
  assert.equal(kept.length, 16, "what quantiles need");
  for (const { nodes } of kept) {
    for (const { sums, buckets } of nodes.values()) assert.deepEqual([sums.length, buckets.length, buckets[0].size], [3, 1, 3]);
  }
});

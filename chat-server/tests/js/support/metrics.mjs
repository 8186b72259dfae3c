// The metrics of a server, read as Prometheus reads them.

import assert from "node:assert/strict";
import { within } from "./bounds.mjs";

/** The options with which a server serves its operator. */
export const OPERATOR = ["--admin-listen", "127.0.0.1:0"];

/** The URL where a server serves its operator. */
export function operatorOf(server) {
  const [, url] = /^operator: (https?:\/\/\S+)$/m.exec(server.process.stdout) ?? [];
  assert.ok(url, server.process.stdout);
  return url;
}

/** What a server has counted. */
export async function scrape(server, headers = {}) {
  const response = await within(10, "the metrics", fetch(`${operatorOf(server)}/metrics`, { headers }));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return new Metrics(await response.text());
}

/** Waits until what a server has counted is as expected. */
export async function counts(server, what, isSo, seconds = 10) {
  let metrics;
  const look = async () => {
    do metrics = await scrape(server);
    while (!isSo(metrics));
    return metrics;
  };
  return within(seconds, () => `${what}:\n${metrics?.text}`, look());
}

export class Metrics {
  /** By name: its help, its type, and its values by labels. */
  families = new Map();

  constructor(text) {
    this.text = text;
    assert.ok(text.endsWith("\n"), "the last line ends");
    for (const line of text.slice(0, -1).split("\n")) this.#read(line);
    this.families.forEach((family, name) => check(name, family));
  }

  /** The value of a metric with these labels, as they are written: `of="x"`. */
  get(name, labels = "") {
    const family = this.families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? this.families.get(name);
    const value = family?.values.get(`${name}{${labels}}`);
    assert.notEqual(value, undefined, `${name}{${labels}} is not in ${[...(family?.values.keys() ?? [])]}`);
    return value;
  }

  /** By how much values have grown since. */
  since(before, name, labels) {
    return this.get(name, labels) - before.get(name, labels);
  }

  #read(line) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (\S.*)$/.exec(line);
    if (comment) {
      const [, kind, name, text] = comment;
      if (kind === "HELP") {
        assert.ok(!this.families.has(name), `${name} comes once`);
        this.families.set(name, { help: text, values: new Map() });
      } else {
        this.families.get(name).type = text;
      }
      this.last = name;
      return;
    }
    const label = '[a-z_]+="[^"\\\\\n]*"';
    const sample = new RegExp(`^([a-z_]+)(?:\\{(${label}(?:,${label})*)\\})? ([0-9.e+-]+)$`).exec(line);
    assert.ok(sample, `${JSON.stringify(line)} is no sample`);
    const [, name, labels = "", value] = sample;
    const { type, values } = this.families.get(this.last);
    const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    assert.ok(suffixes.some((suffix) => name === this.last + suffix), `${name} belongs to ${this.last}`);
    assert.ok(!values.has(`${name}{${labels}}`), `${line} comes once`);
    assert.ok(Number.isFinite(Number(value)), line);
    values.set(`${name}{${labels}}`, Number(value));
  }
}

/** What promtool's linter asks for, and that histograms are some. */
function check(name, { help, type, values }) {
  assert.match(name, /^(chat|process)_/);
  assert.match(help, /^[A-Z].*\.$/, name);
  assert.ok(["counter", "gauge", "histogram"].includes(type), name);
  assert.equal(name.endsWith("_total"), type === "counter", name);
  assert.doesNotMatch(name, /_(bucket|sum|count|ms|milliseconds|kb|mb)$/, name);
  assert.ok(values.size > 0, `${name} has a value`);
  assert.ok(values.size < 60, `${name} has few values`);
  if (type !== "histogram") return;
  const buckets = [...values].filter(([key]) => key.startsWith(`${name}_bucket`));
  const groupOf = (key) => key.replace(/,?le="[^"]*"/, "");
  for (const group of new Set(buckets.map(([key]) => groupOf(key)))) {
    const of = buckets.filter(([key]) => groupOf(key) === group);
    const counts = of.map(([, count]) => count);
    assert.ok(counts.every((count, n) => n === 0 || counts[n - 1] <= count), `${group} grows`);
    assert.match(of.at(-1)[0], /le="\+Inf"/);
    assert.equal(counts.at(-1), values.get(group.replace("_bucket", "_count")));
  }
}

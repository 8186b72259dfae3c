/** The metrics of the nodes over the last minutes, and the series that the charts show of them. */

/** How long samples are kept, in milliseconds. */
const KEPT = 600_000;

/** Over how long quantiles are computed, in milliseconds. */
const WINDOW = 30_000;

/** All nodes together, where the id of one could be. */
const ALL = "";

/**
 * What a chart shows: the sum of some metrics, by how much that grows each second, or a quantile of a histogram. A metric
 * is written `name`, or `name|label` for those lines that have the label.
 * @typedef {{kind: "gauge" | "rate" | "quantile", of: string[], share?: number}} Series
 */

/** Parses the text format of Prometheus: from a name with its labels to the value. */
export function parse(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const end = line.lastIndexOf(" ");
    if (end > 0 && line[0] !== "#") values.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return values;
}

/**
 * All that is shown is computed once, when a sample is added. Of what nodes have said only the latest values stay, and the
 * buckets of histograms for as long as quantiles need them.
 */
export class History {
  /** @type {{at: number, nodes: Map<string, Digest>, shown: Map<string, number[]>}[]} */
  samples = [];
  #series;
  /** From the name of a metric to what reads it. */
  #readers = new Map();
  #histograms;
  #latest = new Map();

  /** @param {Series[]} series */
  constructor(series) {
    this.#series = series;
    this.#histograms = [...new Set(series.filter(({ kind }) => kind === "quantile").flatMap(({ of }) => of))];
    series.forEach(({ kind, of }, at) => {
      if (kind !== "quantile") for (const metric of of) this.#reads(metric, (digest, _, value) => (digest.sums[at] += value));
    });
    this.#histograms.forEach((name, at) => {
      this.#reads(`${name}_bucket`, (digest, line, value) => addTo(digest.buckets[at], boundOf(line), value));
    });
  }

  /** When the samples were taken. */
  get times() {
    return this.samples.map(({ at }) => at);
  }

  /** @param {{node: string, metrics: string}[]} nodes */
  add(at, nodes) {
    this.samples = this.samples.filter((sample) => sample.at > at - KEPT && sample.at < at);
    this.#latest = new Map(nodes.map(({ node, metrics }) => [node, parse(metrics)]));
    const sample = { at, nodes: new Map(), shown: new Map() };
    for (const [node, values] of this.#latest) sample.nodes.set(node, this.#digest(values));
    const before = this.samples.at(-1);
    const first = this.samples.find((other) => other.at >= at - WINDOW) ?? before;
    for (const other of this.samples) if (other !== before && other.at < at - WINDOW) other.nodes = new Map();
    for (const node of [ALL, ...this.#latest.keys()]) {
      sample.shown.set(node, this.#series.map((series, index) => this.#value(series, index, node, { sample, before, first })));
    }
    this.samples.push(sample);
  }

  /** The latest values of one node. */
  latest(node) {
    return this.#latest.get(node) ?? new Map();
  }

  /** The values of a series, by its number, on a node or on all: one for each sample, NaN where there is none. */
  values(series, node = ALL) {
    return this.samples.map(({ shown }) => shown.get(node)?.[series] ?? NaN);
  }

  /** The latest value of a series. */
  now(series, node = ALL) {
    return this.samples.at(-1)?.shown.get(node)?.[series] ?? NaN;
  }

  #reads(metric, add) {
    const [name, label] = metric.split("|");
    const readers = this.#readers.get(name) ?? [];
    readers.push({ label, add });
    this.#readers.set(name, readers);
  }

  #digest(values) {
    const digest = { sums: this.#series.map(() => 0), buckets: this.#histograms.map(() => new Map()) };
    for (const [line, value] of values) {
      const brace = line.indexOf("{");
      for (const { label, add } of this.#readers.get(brace < 0 ? line : line.slice(0, brace)) ?? []) {
        if (!label || line.includes(label)) add(digest, line, value);
      }
    }
    return digest;
  }

  #value({ kind, of, share }, index, node, { sample, before, first }) {
    const now = node === ALL ? [...sample.nodes] : [[node, sample.nodes.get(node)]];
    if (kind === "gauge") return now.reduce((sum, [, { sums }]) => sum + sums[index], 0);
    if (!before) return NaN;
    if (kind === "rate") {
      const grown = ([id, { sums }]) => Math.max(0, sums[index] - (before.nodes.get(id)?.sums[index] ?? sums[index]));
      // A node that was started again counts from its next sample on.
      return now.reduce((sum, one) => sum + grown(one), 0) / ((sample.at - before.at) / 1000);
    }
    const grown = new Map();
    for (const name of of) {
      const histogram = this.#histograms.indexOf(name);
      for (const [id, { buckets }] of now) {
        const previous = first.nodes.get(id)?.buckets[histogram];
        if (!previous) continue;
        for (const [bound, count] of buckets[histogram]) addTo(grown, bound, Math.max(0, count - (previous.get(bound) ?? 0)));
      }
    }
    return quantileOf([...grown].sort((a, b) => a[0] - b[0]), share);
  }
}

/** @param {[number, number][]} buckets upper bounds with how many are not above */
export function quantileOf(buckets, share) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return NaN;
  const wanted = total * share;
  let [low, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= wanted) return bound === Infinity ? low : low + ((bound - low) * (wanted - below)) / (count - below || 1);
    [low, below] = [bound, count];
  }
  return low;
}

function boundOf(line) {
  const bound = /le="([^"]+)"/.exec(line)?.[1];
  return bound === "+Inf" ? Infinity : Number(bound);
}

function addTo(counts, key, value) {
  counts.set(key, (counts.get(key) ?? 0) + value);
}

/** @typedef {{sums: number[], buckets: Map<number, number>[]}} Digest what the series need of a node */

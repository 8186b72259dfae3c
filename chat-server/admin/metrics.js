/** The metrics of the nodes over the last minutes, and what can be computed from them. */

/** How many samples are kept: ten minutes. */
const KEPT = 300;

/** Over how many samples quantiles are computed: half a minute. */
const WINDOW = 15;

/** Parses the text format of Prometheus: from a name with its labels to the value. */
export function parse(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const end = line.lastIndexOf(" ");
    if (end > 0 && line[0] !== "#") values.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return values;
}

export class History {
  /** @type {{at: number, nodes: Map<string, Map<string, number>>}[]} */
  samples = [];

  add(at, nodes) {
    const parsed = new Map(nodes.map((node) => [node.node, parse(node.metrics)]));
    this.samples.push({ at, nodes: parsed });
    if (this.samples.length > KEPT) this.samples.shift();
  }

  /** The latest values of one node. */
  latest(node) {
    return this.samples.at(-1)?.nodes.get(node) ?? new Map();
  }

  /** The sum of what starts with `name` on the chosen nodes, at each sample. */
  gauge(name, node) {
    return this.samples.map((sample) => sum(chosen(sample, node), name));
  }

  /** By how much that grows each second. A node that was started again counts from its next sample on. */
  rate(name, node) {
    return this.samples.map((sample, at) => {
      const before = this.samples[at - 1];
      if (!before) return NaN;
      let grown = 0;
      for (const [id, values] of chosen(sample, node)) {
        const previous = before.nodes.get(id);
        if (previous) grown += Math.max(0, sum([[id, values]], name) - sum([[id, previous]], name));
      }
      return grown / ((sample.at - before.at) / 1000);
    });
  }

  /** A quantile of a histogram over the last half minute, at each sample; NaN if nothing was observed. */
  quantile(name, share, node) {
    return this.samples.map((sample, at) => {
      const before = this.samples[Math.max(0, at - WINDOW)];
      const buckets = new Map();
      for (const [id, values] of chosen(sample, node)) {
        const previous = before.nodes.get(id);
        if (!previous || previous === values) continue;
        for (const [line, value] of values) {
          if (!line.startsWith(`${name}_bucket{`)) continue;
          const bound = /le="([^"]+)"/.exec(line)?.[1];
          const grown = value - (previous.get(line) ?? 0);
          const le = bound === "+Inf" ? Infinity : Number(bound);
          buckets.set(le, (buckets.get(le) ?? 0) + Math.max(0, grown));
        }
      }
      return quantileOf([...buckets].sort((a, b) => a[0] - b[0]), share);
    });
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

function chosen(sample, node) {
  return node ? [...sample.nodes].filter(([id]) => id === node) : [...sample.nodes];
}

/** Sums the lines of a metric; with a label in `name`, those that have it. */
function sum(nodes, name) {
  const [plain, label] = name.split("|");
  let total = 0;
  for (const [, values] of nodes) {
    for (const [line, value] of values) {
      const brace = line.indexOf("{");
      const isIt = (brace < 0 ? line : line.slice(0, brace)) === plain;
      if (isIt && (!label || line.includes(label))) total += value;
    }
  }
  return total;
}

/** Charts of what the nodes do, and the nodes. */

import { request } from "./api.js";
import { nameOf } from "./names.js";
import { chart } from "./charts.js";
import { action, ask, bytes, h, short, since, span, table } from "./dom.js";

const each = (value) => `${short(value)}/s`;

const gauge = (...of) => ({ kind: "gauge", of });
const rate = (...of) => ({ kind: "rate", of });
const quantile = (share, ...of) => ({ kind: "quantile", of, share });

const PROCESSOR = rate("process_cpu_seconds_total");

/** Title, labels, format, and a series for each label. */
const CHARTS = [
  ["Connections", ["websocket", "polling"], short, [gauge('chat_connections|transport="websocket"'), gauge('chat_connections|transport="polling"')]],
  ["Messages stored", [""], each, [rate('chat_entries_total|result="stored"')]],
  ["Commit", ["p50", "p99"], span, [quantile(0.5, "chat_commit_seconds"), quantile(0.99, "chat_commit_seconds")]],
  ["Delivery", ["p50", "p99"], span, [quantile(0.5, "chat_delivery_seconds"), quantile(0.99, "chat_delivery_seconds")]],
  ["Connections behind", ["> 0", "> 1,000 messages"], short, [gauge('chat_connections_behind|entries="0"'), gauge('chat_connections_behind|entries="1000"')]],
  ["Connects", ["new", "recovered"], each, [rate('chat_connects_total|session="new"'), rate('chat_connects_total|session="recovered"')]],
  ["Refused", ["requests", "connections"], each, [rate("chat_requests_refused_total"), rate("chat_connections_refused_total", "chat_connects_refused_total")]],
  ["Frames of other nodes", ["received", "lost"], each, [rate('chat_frames_total|direction="received"'), rate("chat_frames_lost_total")]],
  ["Processor", [""], (value) => `${short(value * 100)} %`, [PROCESSOR]],
  ["Memory", [""], bytes, [gauge("process_resident_memory_bytes")]],
];

/** What the history keeps for the charts. */
export const SERIES = CHARTS.flatMap(([, , , series]) => series);

export function overview(context) {
  const charts = CHARTS.map(([title, labels, format]) => chart(title, labels, format));
  const nodes = table("Nodes", ["Node", "Version", "Up", "State", "Connections", "Processor", "Memory", "Files", "Disk free", "Drain"]);
  const element = h("div", {}, h("h2", { class: "hidden" }, "Overview"), h("div", { class: "charts" }, ...charts.map((one) => one.element)), nodes.element);
  return {
    element,
    refresh() {
      const { history, node } = context;
      const { times } = history;
      CHARTS.forEach(([, , , series], at) => charts[at].show(series.map((one) => history.values(SERIES.indexOf(one), node)), times));
      nodes.show(context.nodes.map((one) => ({ key: one.node, cells: cells(context, one) })));
    },
  };
}

function cells(context, node) {
  const values = context.history.latest(node.node);
  const get = (name) => values.get(name) ?? NaN;
  const processor = context.history.now(SERIES.indexOf(PROCESSOR), node.node);
  const isDraining = get("chat_draining") === 1;
  const known = (value, format) => (Number.isFinite(value) ? format(value) : "–");
  return [
    nameOf(node),
    node.version,
    known(get("process_start_time_seconds"), (start) => since(start * 1000)),
    isDraining ? "draining" : get("chat_ready") === 1 ? "ready" : "not ready",
    short(get('chat_connections{transport="websocket"}') + get('chat_connections{transport="polling"}')),
    known(processor, (share) => `${short(share * 100)} %`),
    known(get("process_resident_memory_bytes"), bytes),
    known(get("process_open_fds"), (open) => `${short(open)} of ${short(get("process_max_fds"))}`),
    known(get("chat_store_disk_free_bytes"), bytes),
    action("Drain…", () => drain(context, node)),
  ];
}

async function drain(context, node) {
  const text = `All clients of ${nameOf(node)} move to other nodes, and it takes no new ones until it is started again.`;
  const values = await ask("Drain a node", text, "Drain", [{ name: "seconds", label: "Seconds that it may take", type: "number", min: 0, max: 3600, value: 30, required: true }]);
  if (!values) return;
  const path = `drain?${new URLSearchParams({ seconds: values.seconds, node: node.node })}`;
  await context.attempt(() => request(path, { method: "POST" }), `${nameOf(node)} is draining.`);
}

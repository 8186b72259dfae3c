/** Charts of what the nodes do, and the nodes. */

import { request } from "./api.js";
import { nameOf } from "./names.js";
import { chart } from "./charts.js";
import { ask, bytes, h, short, since, span, table } from "./dom.js";

const each = (value) => `${short(value)}/s`;

/** Title, labels, format, and the series of the chosen node. */
const CHARTS = [
  ["Connections", ["websocket", "polling"], short, (of) => [of.gauge('chat_connections|transport="websocket"'), of.gauge('chat_connections|transport="polling"')]],
  ["Messages stored", [""], each, (of) => [of.rate('chat_entries_total|result="stored"')]],
  ["Commit", ["p50", "p99"], span, (of) => [of.quantile("chat_commit_seconds", 0.5), of.quantile("chat_commit_seconds", 0.99)]],
  ["Delivery", ["p50", "p99"], span, (of) => [of.quantile("chat_delivery_seconds", 0.5), of.quantile("chat_delivery_seconds", 0.99)]],
  ["Connections behind", ["> 0", "> 1,000 messages"], short, (of) => [of.gauge('chat_connections_behind|entries="0"'), of.gauge('chat_connections_behind|entries="1000"')]],
  ["Connects", ["new", "recovered"], each, (of) => [of.rate('chat_connects_total|session="new"'), of.rate('chat_connects_total|session="recovered"')]],
  ["Refused", ["requests", "connections"], each, (of) => [of.rate("chat_requests_refused_total"), sums(of.rate("chat_connections_refused_total"), of.rate("chat_connects_refused_total"))]],
  ["Frames of other nodes", ["received", "lost"], each, (of) => [of.rate('chat_frames_total|direction="received"'), of.rate("chat_frames_lost_total")]],
  ["Processor", [""], (value) => `${short(value * 100)} %`, (of) => [of.rate("process_cpu_seconds_total")]],
  ["Memory", [""], bytes, (of) => [of.gauge("process_resident_memory_bytes")]],
];

const sums = (one, other) => one.map((value, at) => value + other[at]);

export function overview(context) {
  const charts = CHARTS.map(([title, labels, format]) => chart(title, labels, format));
  const nodes = table("Nodes", ["Node", "Version", "Up", "State", "Connections", "Processor", "Memory", "Files", "Disk free", "Drain"]);
  const element = h("div", {}, h("h2", { class: "hidden" }, "Overview"), h("div", { class: "charts" }, ...charts.map((one) => one.element)), nodes.element);
  return {
    element,
    refresh() {
      const { history, node } = context;
      const of = {
        gauge: (name) => history.gauge(name, node),
        rate: (name) => history.rate(name, node),
        quantile: (name, share) => history.quantile(name, share, node),
      };
      CHARTS.forEach(([, , , series], at) => charts[at].show(series(of)));
      nodes.show(context.nodes.map((one) => ({ key: one.node, cells: cells(context, one) })));
    },
  };
}

function cells(context, node) {
  const values = context.history.latest(node.node);
  const get = (name) => values.get(name) ?? NaN;
  const processor = context.history.rate("process_cpu_seconds_total", node.node).at(-1);
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
    h("button", { type: "button", onclick: () => drain(context, node) }, "Drain…"),
  ];
}

async function drain(context, node) {
  const text = `All clients of ${nameOf(node)} move to other nodes, and it takes no new ones until it is started again.`;
  const values = await ask("Drain a node", text, "Drain", [{ name: "seconds", label: "Seconds that it may take", type: "number", min: 0, max: 3600, value: 30, required: true }]);
  if (!values) return;
  const path = `drain?${new URLSearchParams({ seconds: values.seconds, node: node.node })}`;
  await context.attempt(() => request(path, { method: "POST" }), `${nameOf(node)} is draining.`);
}

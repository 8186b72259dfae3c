/** What a node is called: its id alone says little. */
export function nameOf(node) {
  return `${node.host ? `${node.host}:` : ""}${node.pid}${node.this ? " (this)" : ""}`;
}

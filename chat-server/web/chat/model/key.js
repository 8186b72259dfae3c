// The key of a message (`clientOffset`), by which the server knows that it was sent before.
//
// Random as a whole: a reader without a name may be another session for the server after a reload, and nobody else
// has the same.
export function newKey() {
  // Only pages from https and localhost have it.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

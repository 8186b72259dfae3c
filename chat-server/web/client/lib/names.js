// Nicknames as the server compares them: without regard to case, width and white space.

/** @param {string} name */
export function nameKey(name) {
  return name.normalize("NFKC").replace(/\s+/g, " ").trim().toLowerCase().normalize("NFKC");
}

/**
 * @param {string | null} one
 * @param {string | null} other
 */
export function isSameName(one, other) {
  return one !== null && other !== null && nameKey(one) === nameKey(other);
}

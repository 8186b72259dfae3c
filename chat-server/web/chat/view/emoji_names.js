// Emoji and what they are called, in English as everywhere. They come when the first is typed, and only where the page was
// bundled: the list is a package of npm's.

let emoji = [];
let loading = null;

/** Resolves when the names are there, or when it is clear that there are none. */
export function loadEmoji() {
  loading ??= import("emoji-names").then(
    ({ default: lines }) => (emoji = lines.split("\n").map(read)),
    () => {},
  );
  return loading;
}

/** Those whose names begin with `begun`, before those that are only about it; `count` at most. */
export function findEmoji(begun, count) {
  const wanted = begun.toLowerCase();
  const ranked = [[], [], []];
  for (const { emoji: shown, names, tags } of emoji) {
    const name = names.find((name) => name.startsWith(wanted));
    if (name !== undefined) ranked[name === wanted ? 0 : 1].push({ emoji: shown, name });
    else if (tags.some((tag) => tag.startsWith(wanted))) ranked[2].push({ emoji: shown, name: names[0] });
  }
  return ranked.flat().slice(0, count);
}

/** A line: the emoji, its names, and what else it is about. */
function read(line) {
  const [emoji, names, tags] = line.split("\t");
  return { emoji, names: names.split(" "), tags: tags.split(" ") };
}

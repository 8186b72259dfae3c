// Emoji that stand alone are shown large.

const MOST = 3;
// The longest that there are, of a family with its colours and joiners.
const LONGEST = 40;

const EMOJI = /^(?:\p{Emoji_Presentation}|\p{Emoji}\uFE0F)/u;

const characters = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Whether a text is nothing but one emoji, or a few. */
export function isFewEmoji(text) {
  const trimmed = text.replace(/\s/g, "");
  if (trimmed === "" || trimmed.length > MOST * LONGEST) return false;
  const all = [...characters.segment(trimmed)];
  return all.length <= MOST && all.every(({ segment }) => EMOJI.test(segment));
}

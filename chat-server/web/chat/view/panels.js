// Views that are loaded when they are needed, with their texts.

import { loadFurtherTexts } from "./language.js";

/** Resolves with the view; null if it cannot be loaded now, as without a connection. */
export async function panel(load) {
  try {
    const [view] = await Promise.all([load(), loadFurtherTexts()]);
    return view;
  } catch {
    return null;
  }
}

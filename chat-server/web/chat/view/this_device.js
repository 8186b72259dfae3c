// What the browser says of itself, as one would call it.

const MAX_LABEL = 64;
const BROWSER = /\b(Firefox|Edg|OPR|SamsungBrowser|(?:Headless)?Chrome|Safari)\b/;
const NAMES = { Edg: "Edge", HeadlessChrome: "Chrome", OPR: "Opera", SamsungBrowser: "Samsung Internet" };

/** The browser and the system; "" if it says neither. */
export function thisDevice() {
  const { userAgentData: data, userAgent, platform } = navigator;
  const browser = BROWSER.exec(userAgent)?.[1] ?? "";
  return [NAMES[browser] ?? browser, data?.platform || platform].filter(Boolean).join(", ").slice(0, MAX_LABEL).trim();
}

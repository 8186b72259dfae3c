// A text as a picture that phones read. What makes it is a package of npm's: without it there is no picture, and the link
// is there all the same.

const SVG = "http://www.w3.org/2000/svg";

/** Resolves with the picture; null where the page was not bundled. */
export async function picture(text, label) {
  const encoder = await import("qr-encoder").catch(() => null);
  if (encoder === null) return null;
  const { size, data } = encoder.encode(text);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "qr");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join(""));
  svg.append(path);
  return svg;
}

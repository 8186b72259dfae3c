// Keeps the page above the on-screen keyboard where the browser lays it over the page (iOS).

export function fitViewport() {
  const { visualViewport } = window;
  visualViewport?.addEventListener("resize", () => {
    // Zoomed in, the visible part is smaller for another reason.
    if (visualViewport.scale > 1.01) return;
    document.documentElement.style.setProperty("--visible-height", `${visualViewport.height}px`);
  });
}

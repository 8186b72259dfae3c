// Draws once for however many changes, with the next frame; in the background, where there are no frames, once
// in a while.

const BACKGROUND_MS = 300;

export function onceAFrame(draw) {
  let frame = null;
  let timer = null;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = null;
    draw();
  };
  return () => {
    if (timer !== null) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, BACKGROUND_MS);
  };
}

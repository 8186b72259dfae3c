// A short sound.

const SECONDS = 0.35;

export function chime() {
  const context = new AudioContext();
  const { currentTime: start, destination } = context;
  const volume = context.createGain();
  volume.gain.setValueAtTime(0.15, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + SECONDS);
  const tone = new OscillatorNode(context, { frequency: 880 });
  tone.connect(volume).connect(destination);
  tone.addEventListener("ended", () => context.close());
  tone.start(start);
  tone.stop(start + SECONDS);
}

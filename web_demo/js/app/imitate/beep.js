/** A short tone for each second of a countdown, and a higher one when it starts. */

const COUNT_HZ = 440;
const START_HZ = 880;
const LENGTH_S = 0.12;
const LOUDNESS = 0.15;

/** @returns {{prepare: () => void, sound: (count: number) => void}} prepare: to be called from a click, or browsers stay silent */
export function createBeep() {
  /** @type {AudioContext | null} */
  let audio = null;
  return {
    prepare() {
      if (typeof AudioContext === 'undefined') return;
      audio ??= new AudioContext();
      void audio.resume().catch(() => {});
    },
    sound(count) {
      if (audio === null || audio.state !== 'running') return;
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = count > 0 ? COUNT_HZ : START_HZ;
      volume.gain.setValueAtTime(LOUDNESS, audio.currentTime);
      volume.gain.exponentialRampToValueAtTime(LOUDNESS / 100, audio.currentTime + LENGTH_S);
      tone.connect(volume).connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + LENGTH_S);
    },
  };
}

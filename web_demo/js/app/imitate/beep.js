/**
 * A short tone for each second of a countdown, and a higher one when it starts. Played from files made here: the first
 * AudioContext of a page took 70 ms of its thread.
 */

const COUNT_HZ = 440;
const START_HZ = 880;
const LENGTH_S = 0.12;
const LOUDNESS = 0.15;
const RATE_HZ = 22_050;
const HEADER_BYTES = 44;

/** @returns {(count: number) => void} sounds a second of the countdown, or, with 0, its end */
export function createBeep() {
  // Kept: WebKitGTK 2.50 hangs for good if one is collected while it is loading, as it is without a sound device.
  const [countTone, startTone] = [COUNT_HZ, START_HZ].map(createTone);
  return (count) => {
    const tone = count > 0 ? countTone : startTone;
    tone.currentTime = 0;
    void tone.play().catch(() => {}); // a browser may forbid sound
  };
}

/** @param {number} hz */
function createTone(hz) {
  const audio = new Audio(URL.createObjectURL(makeTone(hz)));
  audio.dataset.hz = String(hz);
  return audio;
}

/**
 * @param {number} hz
 * @returns {Blob} a WAV file, 16 bits, one channel (http://soundfile.sapp.org/doc/WaveFormat/)
 */
function makeTone(hz) {
  const count = Math.round(RATE_HZ * LENGTH_S);
  const samples = Int16Array.from({length: count}, (_, i) => {
    const loudness = LOUDNESS * (1 - i / count); // it fades: a tone that is cut off clicks
    return Math.round(32_767 * loudness * Math.sin(2 * Math.PI * hz * i / RATE_HZ));
  });
  // Typed arrays are little-endian wherever there is a browser, and so is WAV.
  const format = [Uint32Array.of(16), Uint16Array.of(1, 1), Uint32Array.of(RATE_HZ, 2 * RATE_HZ), Uint16Array.of(2, 16)];
  const parts = ['WAVEfmt ', ...format, 'data', Uint32Array.of(samples.byteLength), samples];
  return new Blob(['RIFF', Uint32Array.of(HEADER_BYTES - 8 + samples.byteLength), ...parts], {type: 'audio/wav'});
}

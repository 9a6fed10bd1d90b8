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
  const tones = new Map([COUNT_HZ, START_HZ].map((hz) => [hz, URL.createObjectURL(makeTone(hz))]));
  return (count) => {
    const hz = count > 0 ? COUNT_HZ : START_HZ;
    const audio = new Audio(tones.get(hz));
    audio.dataset.hz = String(hz);
    void audio.play().catch(() => {}); // a browser may forbid sound
  };
}

/**
 * @param {number} hz
 * @returns {Blob} a WAV file, 16 bits, one channel (http://soundfile.sapp.org/doc/WaveFormat/)
 */
function makeTone(hz) {
  const count = Math.round(RATE_HZ * LENGTH_S);
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * count));
  [...'RIFF'].forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)));
  view.setUint32(4, view.byteLength - 8, true);
  [...'WAVEfmt '].forEach((letter, i) => view.setUint8(8 + i, letter.charCodeAt(0)));
  [[16, 4], [1, 2], [1, 2], [RATE_HZ, 4], [2 * RATE_HZ, 4], [2, 2], [16, 2]].reduce((offset, [value, bytes]) => {
    if (bytes === 4) view.setUint32(offset, value, true);
    else view.setUint16(offset, value, true);
    return offset + bytes;
  }, 16);
  [...'data'].forEach((letter, i) => view.setUint8(36 + i, letter.charCodeAt(0)));
  view.setUint32(40, 2 * count, true);
  for (let i = 0; i < count; i += 1) {
    const loudness = LOUDNESS * (1 - i / count); // it fades: a tone that is cut off clicks
    view.setInt16(HEADER_BYTES + 2 * i, Math.round(32_767 * loudness * Math.sin(2 * Math.PI * hz * i / RATE_HZ)), true);
  }
  return new Blob([view.buffer], {type: 'audio/wav'});
}

/** The buttons that save what was read: JSON, CSV, and the picture with its boxes. */
import {find} from '../dom.js';
import {download, saveJson, saveText} from '../downloads.js';
import {drawReading, readingToCsv, readingToJson} from './reading_files.js';

/** @typedef {import('../../pixels/crop.js').Box} Box */

/**
 * @param {HTMLElement} root the page
 * @param {object} calls
 * @param {() => import('./reading_files.js').PhotoReading | import('../../score.js').Track | null} calls.getReading null: there is none
 * @param {() => {faces: {box: Box, text: string}[], frameWidth: number}} calls.getFaces
 * @param {() => boolean} calls.isMirrored
 * @param {(error: unknown) => void} calls.onError
 * @returns {{update: () => void}} shows the buttons as soon as there is something to save
 */
export function connectReadingFiles(root, {getReading, getFaces, isMirrored, onError}) {
  const buttons = find(root, '#reading-files', HTMLElement);
  onClick('#save-reading-json', () => saveJson('reading.json', readingToJson(wanted())));
  onClick('#save-reading-csv', () => saveText('reading.csv', 'text/csv', readingToCsv(wanted())));
  onClick('#save-reading-picture', () => {
    const {faces, frameWidth} = getFaces();
    void drawReading(find(root, '#photo', HTMLCanvasElement), faces, frameWidth, isMirrored()).then((blob) => download('reading.png', blob), onError);
  });
  return {
    update() {
      const reading = getReading();
      buttons.hidden = reading === null || ('frames' in reading && reading.frames.length === 0);
    },
  };

  function wanted() {
    const reading = getReading();
    if (reading === null) throw new Error('there is nothing to save');
    if (!('frames' in reading) || reading.duration_s > 0) return reading;
    return {...reading, duration_s: reading.frames[reading.frames.length - 1].time_s}; // a camera, as far as it went
  }

  /**
   * @param {string} selector
   * @param {() => void} save
   */
  function onClick(selector, save) {
    find(root, selector, HTMLButtonElement).addEventListener('click', save);
  }
}

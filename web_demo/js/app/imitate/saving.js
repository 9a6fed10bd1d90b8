/** The buttons that save a score: JSON, CSV, both tracks, a picture. */
import {resultToCsv, resultToJson, trackToJson} from '../../score_files.js';
import {find} from '../dom.js';
import {download, drawPicture} from './share.js';

/** @typedef {import('./score_view.js').ScoreContent} ScoreContent */

/**
 * @param {HTMLElement} root
 * @param {() => ScoreContent | null} getContent
 * @param {(error: unknown) => void} onError
 */
export function connectSaveButtons(root, getContent, onError) {
  onClick('#save-json', ({result}) => saveJson('score.json', resultToJson(result)));
  onClick('#save-csv', ({result}) => saveText('score.csv', 'text/csv', resultToCsv(result)));
  onClick('#save-tracks', ({result}) => {
    saveJson('actor.track.json', trackToJson(result.actor));
    saveJson('user.track.json', trackToJson(result.user));
  });
  onClick('#save-picture', (content) => {
    void drawPicture(content).then((blob) => download('score.png', blob), onError);
  });

  /**
   * @param {string} selector
   * @param {(content: ScoreContent) => void} save
   */
  function onClick(selector, save) {
    find(root, selector, HTMLButtonElement).addEventListener('click', () => {
      const content = getContent();
      if (content !== null) save(content);
    });
  }
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} value
 */
function saveJson(name, value) {
  saveText(name, 'application/json', `${JSON.stringify(value, null, 1)}\n`);
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
function saveText(name, type, text) {
  download(name, new Blob([text], {type}));
}

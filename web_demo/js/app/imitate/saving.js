/** The buttons that save or share a score: JSON, CSV, both tracks, the visitor's own recording, a picture. */
import {resultToCsv, resultToJson, trackToJson} from '../../score_files.js';
import {find} from '../dom.js';
import {download, saveJson, saveText} from '../downloads.js';
import {translate} from '../text.js';
import {drawPicture} from './share.js';

/** @typedef {import('./score_view.js').ScoreContent} ScoreContent */

/**
 * @param {HTMLElement} root
 * @param {() => ScoreContent | null} getContent
 * @param {() => Blob | null} getRecording
 * @param {(error: unknown) => void} onError
 */
export function connectSaveButtons(root, getContent, getRecording, onError) {
  onClick('#save-json', ({result}) => saveJson('score.json', resultToJson(result)));
  onClick('#save-csv', ({result}) => saveText('score.csv', 'text/csv', resultToCsv(result)));
  onClick('#save-tracks', ({result}) => {
    saveJson('actor.track.json', trackToJson(result.actor));
    saveJson('user.track.json', trackToJson(result.user));
  });
  onClick('#save-picture', (content) => {
    void drawPicture(content).then((blob) => download('score.png', blob), onError);
  });
  if (canShare()) {
    onClick('#share-picture', (content) => {
      void drawPicture(content).then(share).catch((error) => { if (error.name !== 'AbortError') onError(error); });
    }).hidden = false;
  }
  if (typeof ClipboardItem !== 'undefined') {
    // Given as a promise: Safari forgets the click while the picture is drawn.
    onClick('#copy-picture', (content) => {
      void navigator.clipboard.write([new ClipboardItem({'image/png': drawPicture(content)})]).catch(onError);
    }).hidden = false;
  }
  onClick('#save-recording', () => {
    const blob = getRecording();
    if (blob !== null) download(`recording.${blob.type.includes('mp4') ? 'mp4' : 'webm'}`, blob);
  });

  /**
   * @param {string} selector
   * @param {(content: ScoreContent) => void} save
   * @returns {HTMLButtonElement}
   */
  function onClick(selector, save) {
    const button = find(root, selector, HTMLButtonElement);
    button.addEventListener('click', () => {
      const content = getContent();
      if (content !== null) save(content);
    });
    return button;
  }
}

function canShare() {
  return navigator.canShare?.({files: [new File([], 'score.png', {type: 'image/png'})]}) ?? false;
}

/** @param {Blob} blob a PNG */
function share(blob) {
  return navigator.share({files: [new File([blob], 'score.png', {type: 'image/png'})], title: translate('share_title')});
}

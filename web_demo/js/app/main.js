/** The page: connects the parts and holds no logic of its own. */
import {find, isVideo, pickFiles} from './dom.js';
import {PageError, toPageError} from '../errors.js';
import {connectFooter, LICENCES} from './footer.js';
import {createImitation} from './imitate/imitate.js';
import {prepareOffline} from './offline.js';
import {createEmotionPipeline} from '../pipeline.js';
import {createReader} from './read/reader.js';
import {readManifest} from '../inference/manifest.js';
import {createStatus} from './status.js';
import {createTabs} from './tabs.js';
import {fetchSample, listSamples} from './samples.js';
import {formatBytes, onLanguageChange, pickLanguage, rememberLanguage, setLanguage, translatePage} from './text.js';

const MANIFEST_URL = 'model/manifest.json';

const query = new URLSearchParams(location.search);
setLanguage(pickLanguage(query));
const status = createStatus(document.body, {
  line: find(document, '#status', HTMLElement),
  bar: find(document, '#progress', HTMLProgressElement),
  alert: find(document, '#alert', HTMLElement),
  alertText: find(document, '#alert-text', HTMLElement),
});
const pipeline = startPipeline();
const getPipeline = () => pipeline;
const manifest = readManifest(new URL(MANIFEST_URL, document.baseURI).href);
manifest.catch(() => {}); // the pipeline says so
const reader = createReader(document.body, status, getPipeline);
const imitation = createImitation(find(document, '#imitate', HTMLElement), status, getPipeline, () => manifest);
const tabs = createTabs(find(document, '[role=tablist]', HTMLElement), () => {
  reader.stop();
  imitation.stop();
});

/** @returns {Promise<import('../pipeline.js').EmotionPipeline>} */
async function startPipeline() {
  status.say('loading', 'status_runtime');
  // The first PNG, which loads a module of its own, may come without a network, and so may a click on the licences.
  const offline = await prepareOffline({alsoKeep: [...await listSamples(), 'js/pixels/png.js', LICENCES]});
  void offline.kept.then((isKept) => { document.body.dataset.offline = isKept ? 'kept' : 'not_kept'; });
  const [detector, maxPixels] = ['detector', 'max-pixels'].map((name) => query.get(name));
  return createEmotionPipeline({
    manifestUrl: MANIFEST_URL,
    backend: query.get('backend'),
    precision: query.get('precision'),
    detectorSize: detector === null ? null : Number(detector),
    maxPixels: Number(maxPixels) || null,
    worker: query.get('worker') === 'never' ? 'never' : 'auto',
    onProgress({stage, doneBytes = 0, totalBytes = 0}) {
      if (status.state !== 'loading') return;
      if (stage === 'model') status.progress(doneBytes, totalBytes, 'status_model', formatBytes);
      else status.say('loading', stage === 'detector' ? 'status_detector' : stage === 'warm_up' ? 'status_warm_up' : 'status_runtime');
    },
  });
}

/**
 * What is dropped or pasted goes to the card that it lands on, else to the part that is open. Two videos are the actor and you.
 * @param {readonly File[]} files
 * @param {EventTarget | null} target
 */
function takeFiles([file, second], target) {
  const card = target instanceof Element ? target.closest('#actor, #user')?.id : undefined;
  const isImitation = tabs.selected === 'imitate' && file !== undefined && isVideo(file, file.name);
  if (file === undefined) status.fail(new PageError('error_no_file'));
  else if (isImitation && second !== undefined && isVideo(second, second.name)) {
    imitation.dropFile(file, file.name, 'actor');
    imitation.dropFile(second, second.name, 'user');
  } else if (isImitation) imitation.dropFile(file, file.name, card === 'actor' || card === 'user' ? card : null);
  else {
    tabs.select('read');
    reader.readFile(file, file.name);
  }
}

function listen() {
  pickFiles(find(document, '#choose', HTMLButtonElement), find(document, '#picker', HTMLInputElement), (file) => reader.readFile(file, file.name));
  find(document, '#sample', HTMLButtonElement).addEventListener('click', () => void reader.readPhoto(() => fetchSample('photo')));
  find(document, '#camera', HTMLButtonElement).addEventListener('click', reader.useCamera);
  find(document, '#pause', HTMLButtonElement).addEventListener('click', reader.togglePause);
  find(document, '#stop', HTMLButtonElement).addEventListener('click', reader.stop);
  for (const button of document.querySelectorAll('[data-language]')) {
    button.addEventListener('click', () => {
      const language = button.getAttribute('data-language') === 'ko' ? 'ko' : 'en';
      rememberLanguage(language);
      setLanguage(language);
    });
  }
  // The whole window takes drops: a file dropped beside the frame must not replace the page.
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.dataset.dragging = '';
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) delete document.body.dataset.dragging;
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    delete document.body.dataset.dragging;
    takeFiles([...event.dataTransfer?.files ?? []], event.target);
  });
  addEventListener('paste', (event) => {
    const files = [...event.clipboardData?.files ?? []];
    if (files.length > 0) takeFiles(files, document.activeElement);
  });
}

onLanguageChange(() => translatePage(document));
translatePage(document);
void connectFooter(document);
listen();
pipeline.then(
  () => { if (status.state === 'loading') status.say('ready', 'status_ready'); },
  (error) => status.fail(toPageError(error)),
);

/** Which model runs, and how: the site's own or one that a visitor gave, started again for every other choice. */
import {toPageError} from '../errors.js';
import {readManifest} from '../inference/manifest.js';
import {placeModelFiles} from '../inference/model_files.js';
import {createEmotionPipeline} from '../pipeline.js';
import {findModel} from './folder.js';
import {LICENCES} from './footer.js';
import {prepareOffline} from './offline.js';
import {listSamples} from './samples.js';
import {formatBytes} from './text.js';

/** @typedef {import('../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../inference/manifest.js').Manifest} Manifest */
/** @typedef {{backend: string | null, precision: string | null}} ModelChoice null: the first that works, the smallest that passed */
/**
 * @typedef {object} Model
 * @property {Promise<EmotionPipeline>} pipeline
 * @property {Promise<Manifest>} manifest what is known of the model before anything can be read
 * @property {ModelChoice} choice
 * @property {(wanted: ModelChoice) => void} choose
 * @property {(readFiles: () => Promise<Record<string, File>>, name: string) => Promise<void>} useFolder
 */

/**
 * @param {URLSearchParams} query of the page's address
 * @param {import('./status.js').Status} status
 * @param {(model: Model) => void} onRestart the promises are new ones; what was read with the model before is to be forgotten
 * @returns {Model}
 */
export function createModel(query, status, onRestart) {
  let manifestUrl = 'model/manifest.json';
  /** @type {Record<string, File> | null} */
  let files = null;
  let folders = 0;
  /** @type {Model} */
  const model = {
    choice: {backend: query.get('backend'), precision: query.get('precision')},
    manifest: readManifestNow(),
    get pipeline() {
      return pipeline;
    },
    choose(wanted) {
      model.choice = wanted;
      keepInAddress(wanted);
      restart();
    },
    async useFolder(readFiles, name) {
      try {
        files = findModel(await readFiles(), name);
        folders += 1;
        manifestUrl = `own-model-${folders}/manifest.json`; // a name: nothing is asked for there
        placeModelFiles(files, new URL(manifestUrl, document.baseURI).href);
        model.choice = {...model.choice, precision: null};
        restart();
      } catch (error) {
        status.fail(toPageError(error));
      }
    },
  };
  const offline = keepOffline(); // once, whichever model runs
  let pipeline = start();
  return model;

  function restart() {
    void pipeline.then((before) => before.destroy(), () => {});
    model.manifest = readManifestNow();
    pipeline = start();
    onRestart(model);
  }

  function readManifestNow() {
    const reading = readManifest(new URL(manifestUrl, document.baseURI).href);
    reading.catch(() => {}); // the pipeline says so
    return reading;
  }

  /** @returns {Promise<EmotionPipeline>} */
  function start() {
    const starting = createPipeline();
    starting.then(
      () => { if (starting === pipeline && status.state === 'loading') status.say('ready', 'status_ready'); },
      (error) => { if (starting === pipeline) status.fail(toPageError(error)); },
    );
    return starting;
  }

  async function createPipeline() {
    status.say('loading', 'status_runtime');
    await offline;
    const [detector, maxPixels] = ['detector', 'max-pixels'].map((name) => query.get(name));
    return createEmotionPipeline({
      manifestUrl,
      files,
      ...model.choice,
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
}

/** What a later visit may need without a network. Resolves as soon as files can be fetched through the service worker. */
async function keepOffline() {
  const offline = await prepareOffline({alsoKeep: [...await listSamples(), LICENCES]});
  void offline.kept.then((isKept) => { document.body.dataset.offline = isKept ? 'kept' : 'not_kept'; });
}

/**
 * So that it outlives a reload, and what an error says of the address is true.
 * @param {ModelChoice} choice
 */
function keepInAddress(choice) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(choice)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(null, '', address);
}

/** The engine in a worker: js/pipeline.js starts it and speaks to it. One message in gives one message out. */
import {toPageError} from '../errors.js';
import {startEngine} from './engine.js';
import {placeVendor} from '../vendor.js';

/** @typedef {{id: number, call: 'start', vendorUrl: string | null, options: import('./engine.js').EngineOptions}} StartRequest */
/** @typedef {{id: number, call: 'analyze', picture: import('./engine.js').Picture, options: import('./engine.js').AnalyzeOptions}} AnalyzeRequest */
/** @typedef {StartRequest | AnalyzeRequest | {id: number, call: 'memory'}} Request */
/** @typedef {{code: import('../errors.js').ErrorCode, params: import('../errors.js').TextParams}} Failure */
/** @typedef {{id: number, value: unknown, facts: import('./engine.js').Facts | undefined} | {id: number, error: Failure} | {progress: import('./engine.js').Progress} | {ready: true}} Answer */

const scope = /** @type {{postMessage: (answer: Answer, transfer: Transferable[]) => void, onmessage: ((event: MessageEvent<Request>) => void) | null}} */ (/** @type {unknown} */ (self));
/** @type {import('./engine.js').Engine | null} */
let engine = null;

scope.onmessage = async (/** @type {MessageEvent<Request>} */ event) => {
  const request = event.data;
  try {
    const {value, transfer} = await answer(request);
    scope.postMessage({id: request.id, value, facts: engine?.facts}, transfer);
  } catch (error) {
    const {code, params} = toPageError(error);
    scope.postMessage({id: request.id, error: {code, params}}, []);
  }
};

scope.postMessage({ready: true}, []); // its modules are loaded: a browser that cannot do so never gets here

/**
 * @param {Request} request
 * @returns {Promise<{value: unknown, transfer: Transferable[]}>}
 */
async function answer(request) {
  if (request.call === 'start') {
    placeVendor(request.vendorUrl);
    engine = await startEngine(request.options, (progress) => scope.postMessage({progress}, []));
    return {value: null, transfer: []};
  }
  if (engine === null) throw new Error(`${request.call} came before start`);
  if (request.call === 'memory') return {value: engine.memory(), transfer: []};
  const analysis = await engine.analyze(request.picture, request.options);
  return {value: analysis, transfer: analysis.frame ? [analysis.frame] : []};
}

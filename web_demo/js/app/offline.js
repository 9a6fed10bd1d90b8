/**
 * Starts the service worker (sw.js): the second visit then works without a network, and the page is isolated, which gives
 * WebAssembly its threads, also where the host cannot send the headers for it. A page that cannot have one goes on without.
 */
import {describeReason} from '../errors.js';

/**
 * @typedef {object} OfflineState
 * @property {'active' | 'absent'} worker whether the page's requests pass through the service worker
 * @property {string} [reason] why it is absent; in English, for diagnostics
 * @property {boolean} isolated whether WebAssembly may have threads
 * @property {Promise<boolean>} kept settles some seconds after the page has loaded what it needs: whether the next visit
 *   can do without a network. It never rejects.
 */
/**
 * @typedef {object} OfflineOptions
 * @property {() => void} [reload]
 * @property {readonly string[]} [alsoKeep] addresses of files that this visit may not load and a later one may: samples
 */

const CONNECT_MS = 4000; // it takes a tenth of a second; the page must not wait for a browser that never answers
const RELOAD_MS = 4000; // a reload is under way: nothing is to be started meanwhile
const KEEP_MS = 120_000;
const RELOADED_KEY = 'reon-offline-reloaded'; // in this tab, and not to be tried again

/**
 * To be awaited before anything large is fetched, so that it passes through the worker and is kept. It never throws.
 * @param {OfflineOptions} [options]
 * @returns {Promise<OfflineState>}
 */
export async function prepareOffline({reload = () => location.reload(), alsoKeep = []} = {}) {
  const isolated = globalThis.crossOriginIsolated === true;
  try {
    const script = new URL('sw.js', document.baseURI).href;
    const wasThere = findOwn(script) !== null;
    const worker = await within(CONNECT_MS, connectWorker(script), 'it did not start in time');
    // Had the worker been there before the page, it would have sent the headers.
    if (globalThis.crossOriginIsolated === false && !wasThere && mayReload()) {
      reload();
      await sleep(RELOAD_MS);
    }
    const kept = within(KEEP_MS, askToKeep(worker, alsoKeep), 'it did not answer').catch(() => false);
    return {worker: 'active', isolated, kept};
  } catch (error) {
    return {worker: 'absent', reason: describeReason(error), isolated, kept: Promise.resolve(false)};
  }
}

/**
 * @param {string} script
 * @returns {ServiceWorker | null} the one that this page's requests pass through; a site in a folder may lie inside the
 *   scope of somebody else's
 */
function findOwn(script) {
  const {controller = null} = navigator.serviceWorker ?? {};
  return controller?.scriptURL === script ? controller : null;
}

/**
 * @param {string} script
 * @returns {Promise<ServiceWorker>}
 * @throws {Error} if this page or this browser cannot have one
 */
async function connectWorker(script) {
  if (!/^https?:$/.test(location.protocol)) throw new Error(`${location.protocol} pages have no service workers`);
  if (!globalThis.isSecureContext) throw new Error('only https:// pages and those of this machine have service workers');
  if (!('serviceWorker' in navigator)) throw new Error('this browser, or its private window, has no service workers');
  const container = navigator.serviceWorker;
  /** @type {Promise<ServiceWorker>} */
  const connected = new Promise((resolve) => {
    container.addEventListener('controllerchange', () => {
      const own = findOwn(script);
      if (own !== null) resolve(own);
    });
  });
  const registered = container.register(script, {updateViaCache: 'none'});
  const own = findOwn(script);
  if (own !== null) {
    registered.catch(() => {}); // it only looks for a newer worker, which fails without a network
    return own;
  }
  // A page that was loaded past its worker (a forced reload) is not claimed by itself.
  (await registered).active?.postMessage({call: 'claim'});
  return findOwn(script) ?? connected;
}

/**
 * @param {ServiceWorker} worker
 * @param {readonly string[]} alsoKeep
 * @returns {Promise<boolean>}
 */
async function askToKeep(worker, alsoKeep) {
  if (document.readyState !== 'complete') await new Promise((resolve) => addEventListener('load', resolve, {once: true}));
  const loaded = performance.getEntriesByType('resource').map((entry) => entry.name);
  // The icon is not among what was loaded.
  const linked = Array.from(document.querySelectorAll('link'), (link) => link.href);
  const urls = [location.href, ...loaded, ...linked, ...alsoKeep.map((url) => new URL(url, document.baseURI).href)];
  const {port1, port2} = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({data}) => resolve(data === true);
    worker.postMessage({call: 'keep', urls: [...new Set(urls)]}, [port2]);
  });
}

/**
 * Once in a tab, and not where that cannot be remembered: a page that cannot be isolated must not reload for ever.
 * @returns {boolean}
 */
function mayReload() {
  try {
    if (sessionStorage.getItem(RELOADED_KEY) !== null) return false;
    sessionStorage.setItem(RELOADED_KEY, 'yes');
    return sessionStorage.getItem(RELOADED_KEY) === 'yes';
  } catch {
    return false;
  }
}

/**
 * @template Value
 * @param {number} ms
 * @param {Promise<Value>} promise
 * @param {string} late the reason if it takes longer
 * @returns {Promise<Value>}
 */
async function within(ms, promise, late) {
  return Promise.race([promise, sleep(ms).then(() => { throw new Error(late); })]);
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

/**
 * The service worker: after one visit the site works without a network, and every answer carries the headers that isolate
 * the page (WebAssembly gets its threads only then), also where the host cannot send them. js/app/offline.js starts it.
 *
 * Two kinds of files, two rules:
 * - A file whose SHA-256 stands in a list (LISTS: the model and the libraries) is kept by that hash. What is kept answers
 *   without a request; what does not have the listed hash is passed on, for the page to judge, and not kept.
 * - Any other file of the site, the lists among them, is asked for, and its kept copy answers when the network does not.
 *
 * A classic script without imports, because not every browser starts a module as a service worker.
 */

/** @typedef {Map<string, string>} Hashes SHA-256 by absolute address */
/** @typedef {{cache: string, key: string, sha256: string | null}} Place where a file is kept; the hash if a list has it */
/** @typedef {{call: 'claim'} | {call: 'keep', urls: string[]}} PageCall what js/app/offline.js asks for */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const SCOPE = worker.registration.scope;

// Caches belong to the origin, which other folders' sites share; a new VERSION begins with nothing kept.
const VERSION = 1;
const OWN_CACHES = `reon-offline ${SCOPE} `; // an address has no space in it, so this cannot begin another scope's
const LISTED_CACHE = `${OWN_CACHES}v${VERSION} listed`;
const OTHER_CACHE = `${OWN_CACHES}v${VERSION} other`;

const LISTS = ['model/manifest.json', 'vendor/files.json'].map((path) => new URL(path, SCOPE).href);
// What only some visits load (video decoder, charts, PNG reader): kept all the same. Of the networks' runtimes (kernels-*,
// tfjs-* and chunks/, up to 300 kB each) a device needs one, which is kept when it is loaded.
const LAZY_LIBRARY = /\/vendor\/(?!tfjs)[^/]+\.(js|css)$/;

const PATIENCE_MS = 3000; // with a network that does not answer, before the kept copy is taken
const QUIET_MS = 1500; // without a request: the page has what it needs to start
const QUIET_WAIT_MS = 20_000; // browsers end a worker that is at work for much longer than this
const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const BODILESS_STATUSES = [204, 205, 304];

/** @type {Map<string, Promise<Hashes>>} by the list's address; a worker that was restarted reads them anew */
const lists = new Map();
let isNetworkSilent = false; // the last wait was in vain: kept copies answer at once until the network answers again
let busyCount = 0;
let quietSinceMs = Date.now();

worker.addEventListener('install', () => void worker.skipWaiting());

worker.addEventListener('activate', (event) => {
  event.waitUntil(deleteOldCaches().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const {request} = event;
  // A part of a file (a video that is being played) is the network's business: a cache would have to cut it out.
  if (request.method !== 'GET' || !request.url.startsWith(SCOPE) || request.headers.has('Range')) return;
  if (request.mode === 'navigate') {
    for (const list of LISTS) void refreshList(event, list).catch(() => {});
  }
  const answer = answerRequest(event, request).then(isolate);
  track(event, answer);
  event.respondWith(answer);
});

worker.addEventListener('message', (event) => {
  const asked = /** @type {PageCall} */ (event.data);
  if (asked.call === 'claim') {
    lists.clear(); // the page was loaded unseen, and may be newer
    event.waitUntil(worker.clients.claim());
  } else {
    event.waitUntil(keepVisit(event, asked.urls).then((isKept) => event.ports[0].postMessage(isKept)));
  }
});

/**
 * @param {FetchEvent} event
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function answerRequest(event, request) {
  const url = toAddress(request.url);
  if (LISTS.includes(url)) return refreshList(event, url, request);
  const place = await findPlace(event, url);
  return place.sha256 === null ? answerFromNetwork(event, request, place) : answerFromCache(event, request, place);
}

/**
 * @param {ExtendableEvent} event
 * @param {Request} request
 * @param {Place} place
 * @returns {Promise<Response>}
 */
async function answerFromCache(event, request, place) {
  const kept = await findKept(place);
  if (kept !== null) return kept;
  const response = await fetch(request, {cache: 'no-cache'});
  track(event, keep(place, response.clone())); // read beside the page, which shows its progress
  return response;
}

/**
 * @param {ExtendableEvent} event
 * @param {Request} request
 * @param {Place} place
 * @returns {Promise<Response>}
 */
async function answerFromNetwork(event, request, place) {
  const network = fetch(request, {cache: 'no-cache'});
  track(event, network.then((response) => {
    isNetworkSilent = false;
    return keep(place, response.clone());
  }));
  const patienceMs = isNetworkSilent ? 0 : PATIENCE_MS;
  const soon = await Promise.race([network.catch(() => 'failed'), sleep(patienceMs).then(() => 'silent')]);
  if (soon === 'silent') isNetworkSilent = true;
  if (soon instanceof Response && soon.status < 500) return soon;
  return await findKept(place) ?? network;
}

/**
 * Ask for a list anew. Whoever wants a file of its folder from now on waits for it, so that a rebuilt model or library is
 * seen at once.
 * @param {ExtendableEvent} event
 * @param {string} list
 * @param {Request} [request]
 * @returns {Promise<Response>}
 */
function refreshList(event, list, request = new Request(list)) {
  const answer = answerFromNetwork(event, request, toPlace(list, null));
  const hashes = answer.then(async (response) => parseList(list, await response.clone().json()));
  lists.set(list, hashes.catch(() => new Map()));
  track(event, hashes.then((found) => deleteUnlisted(list, found)));
  return answer;
}

/**
 * @param {string} list
 * @param {any} content of manifest.json or files.json; the page checks what it makes use of
 * @returns {Hashes}
 */
function parseList(list, content) {
  const artefacts = /** @type {{files: unknown[]}[]} */ (content.artefacts ?? []);
  const files = [...(content.files ?? []), ...artefacts.flatMap((artefact) => artefact.files), content.self_test?.file];
  /** @type {Hashes} */
  const hashes = new Map();
  for (const file of files) {
    if (file && /^[0-9a-f]{64}$/.test(file.sha256)) hashes.set(new URL(file.path, list).href, file.sha256);
  }
  return hashes;
}

/**
 * @param {ExtendableEvent} event
 * @param {string} list
 * @returns {Promise<Hashes>} empty if there is no such list
 */
async function readList(event, list) {
  if (!lists.has(list)) void refreshList(event, list).catch(() => {});
  return await lists.get(list) ?? new Map();
}

/**
 * @param {ExtendableEvent} event
 * @param {string} url
 * @returns {Promise<Place>}
 */
async function findPlace(event, url) {
  const list = LISTS.find((item) => url !== item && url.startsWith(toFolder(item)));
  return toPlace(url, list === undefined ? null : (await readList(event, list)).get(url) ?? null);
}

/**
 * @param {string} url
 * @param {string | null} sha256
 * @returns {Place}
 */
function toPlace(url, sha256) {
  if (sha256 !== null) return {cache: LISTED_CACHE, key: `${url}?sha256=${sha256}`, sha256};
  return {cache: OTHER_CACHE, key: url.endsWith('/') ? `${url}index.html` : url, sha256};
}

/**
 * Keep what the page loaded before this worker could see it, and what it may want later.
 * @param {ExtendableEvent} event
 * @param {string[]} urls
 * @returns {Promise<boolean>} whether all of it is kept
 */
async function keepVisit(event, urls) {
  // What the page needs to start comes first, and is then not asked for twice.
  const deadlineMs = Date.now() + QUIET_WAIT_MS;
  while (Date.now() < deadlineMs && (busyCount > 0 || Date.now() - quietSinceMs < QUIET_MS)) await sleep(QUIET_MS / 5);
  const listed = (await Promise.all(LISTS.map((list) => readList(event, list)))).flatMap((hashes) => [...hashes.keys()]);
  const wanted = [...urls, ...LISTS, ...listed.filter((url) => LAZY_LIBRARY.test(url))].filter((url) => url.startsWith(SCOPE));
  const isKept = await Promise.all(wanted.map((url) => keepMissing(event, url)));
  return isKept.every(Boolean);
}

/**
 * @param {ExtendableEvent} event
 * @param {string} url
 * @returns {Promise<boolean>} whether it is kept now
 */
async function keepMissing(event, url) {
  const place = await findPlace(event, toAddress(url));
  if (await findKept(place) !== null) return true;
  try {
    // Where no list says which version is right, it is the one that the page has just loaded: the browser's cache has it.
    return await keep(place, await fetch(url, {cache: place.sha256 === null ? 'force-cache' : 'no-cache'}));
  } catch {
    return false;
  }
}

/**
 * Storage may be full or forbidden; an answer does not depend on it.
 * @param {Place} place
 * @param {Response} response
 * @returns {Promise<boolean>} whether it is whole, has the listed hash and is kept
 */
async function keep({cache, key, sha256}, response) {
  if (response.status !== 200 || response.type !== 'basic' || response.redirected) return false;
  try {
    const bytes = await response.arrayBuffer();
    if (sha256 !== null && await hash(bytes) !== sha256) return false;
    await (await caches.open(cache)).put(key, new Response(bytes, {headers: response.headers}));
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {Place} place
 * @returns {Promise<Response | null>}
 */
async function findKept({cache, key}) {
  try {
    return await (await caches.open(cache)).match(key) ?? null;
  } catch {
    return null;
  }
}

/** @param {ArrayBuffer} bytes */
async function hash(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} list
 * @param {Hashes} hashes what it says now
 */
async function deleteUnlisted(list, hashes) {
  const wanted = new Set([...hashes].map(([url, sha256]) => toPlace(url, sha256).key));
  const cache = await caches.open(LISTED_CACHE);
  const unwanted = (await cache.keys()).filter(({url}) => url.startsWith(toFolder(list)) && !wanted.has(url));
  await Promise.all(unwanted.map((key) => cache.delete(key)));
}

async function deleteOldCaches() {
  const names = await caches.keys().catch(() => []);
  const old = names.filter((name) => name.startsWith(OWN_CACHES) && name !== LISTED_CACHE && name !== OTHER_CACHE);
  await Promise.all(old.map((name) => caches.delete(name).catch(() => false)));
}

/**
 * @param {Response} response
 * @returns {Response} with the isolation headers
 */
function isolate(response) {
  // A redirect's status is 0, and it must stay one; so must an answer that has followed one, or it loses its address.
  if (response.status === 0 || response.redirected) return response;
  const {status, statusText} = response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION_HEADERS)) headers.set(name, value);
  return new Response(BODILESS_STATUSES.includes(status) ? null : response.body, {status, statusText, headers});
}

/**
 * Keep the worker alive for some work, and count it.
 * @param {ExtendableEvent} event
 * @param {Promise<unknown>} work
 */
function track(event, work) {
  busyCount += 1;
  event.waitUntil(work.catch(() => {}).finally(() => {
    busyCount -= 1;
    quietSinceMs = Date.now();
  }));
}

/**
 * @param {string} url
 * @returns {string} without query and fragment, which mean nothing to a host of files
 */
function toAddress(url) {
  return url.split(/[?#]/, 1)[0];
}

/**
 * @param {string} file
 * @returns {string} the address of its folder
 */
function toFolder(file) {
  return new URL('.', file).href;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

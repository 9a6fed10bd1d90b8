/**
 * The files inside a one-file page. `fetch` answers from them, and asks no network for anything else.
 *
 * reon_export/standalone.py writes each as <script type="text/plain" data-path="model/manifest.json" data-type="MIME">, in
 * base64; addresses are those that the files would have beside the page.
 */

/** @typedef {{base: string, program: string, blobs: Map<string, Blob>}} Files base: the page's address; blobs by address */

/** @type {Files} */
let files = {base: '', program: '', blobs: new Map()};

/** @returns {Files} what this page or worker was given; program is the text of the running script */
export function getFiles() {
  return files;
}

/**
 * Take the files out of the page; while its script runs for the first time.
 * @param {Document} page
 */
export function openFiles(page) {
  /** @type {Map<string, Blob>} */
  const blobs = new Map();
  for (const element of page.querySelectorAll('script[data-path]')) {
    const {path = '', type = ''} = /** @type {HTMLScriptElement} */ (element).dataset;
    blobs.set(new URL(path, page.baseURI).href, new Blob([decodeBase64(element.textContent ?? '')], {type}));
    element.remove(); // megabytes of text that nobody needs any more
  }
  takeFiles({base: page.baseURI, program: page.currentScript?.textContent ?? '', blobs});
}

/** @param {Files} given */
export function takeFiles(given) {
  files = given;
  globalThis.fetch = fetchInlined;
}

/** @type {typeof fetch} */
async function fetchInlined(input) {
  const url = new URL(input instanceof Request ? input.url : input, files.base);
  url.search = '';
  url.hash = '';
  const blob = files.blobs.get(url.href);
  if (blob === undefined) throw new TypeError(`${url.href} is not in this file, which asks no network for anything`);
  return new Response(blob, {headers: {'Content-Type': blob.type}});
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
function decodeBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i); // Uint8Array.from is ten times slower
  return bytes;
}

/**
 * The files inside a one-file page. `fetch` answers from them, and asks no network for anything else.
 *
 * reon_export/site/single_file.py writes each as <script type="text/plain" data-path="model/manifest.json" data-type="MIME">, in
 * base64; addresses are those that the files would have beside the page.
 */

/**
 * @typedef {object} Files
 * @property {string} base the page's address
 * @property {string} program the text of the running script
 * @property {Map<string, {type: string, bytes: Uint8Array<ArrayBuffer>}>} content by address
 */

/** @type {Files} */
let files = {base: '', program: '', content: new Map()};

/** @returns {Files} what this page or worker was given */
export function getFiles() {
  return files;
}

/**
 * Take the files out of the page; while its script runs for the first time.
 * @param {Document} page
 */
export function openFiles(page) {
  /** @type {Files['content']} */
  const content = new Map();
  for (const element of page.querySelectorAll('script[data-path]')) {
    const {path = '', type = ''} = /** @type {HTMLScriptElement} */ (element).dataset;
    content.set(new URL(path, page.baseURI).href, {type, bytes: decodeBase64(element.textContent ?? '')});
    element.remove(); // megabytes of text that nobody needs any more
  }
  takeFiles({base: page.baseURI, program: page.currentScript?.textContent ?? '', content});
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
  const file = files.content.get(url.href);
  if (file === undefined) throw new TypeError(`${url.href} is not in this file, which asks no network for anything`);
  return new Response(file.bytes, {headers: {'Content-Type': file.type}});
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

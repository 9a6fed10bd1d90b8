/** The files of a model folder: fetched, or those that the page was given instead. */

/** @type {Map<string, Blob>} */
const given = new Map(); // by absolute address

/**
 * @param {Readonly<Record<string, Blob>>} files by their path beside the manifest
 * @param {string} manifestUrl absolute
 */
export function placeModelFiles(files, manifestUrl) {
  for (const [path, file] of Object.entries(files)) given.set(new URL(path, manifestUrl).href, file);
}

/**
 * @param {string} url absolute
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export function fetchModelFile(url, options) {
  const file = given.get(url);
  return file === undefined ? fetch(url, options) : Promise.resolve(new Response(file));
}

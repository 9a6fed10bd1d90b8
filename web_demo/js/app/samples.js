/** The samples that the buttons offer. samples/samples.json names them; a site ships these and no other file of samples/. */
import {describeReason, PageError} from '../errors.js';

/** @typedef {{blob: Blob, name: string}} NamedBlob */
/** @typedef {'photo' | 'actor' | 'user' | 'actor_track' | 'user_track'} SampleRole */

/** @type {Promise<Record<SampleRole, string>> | null} */
let names = null;

/**
 * @param {SampleRole} role
 * @returns {Promise<NamedBlob>}
 * @throws {PageError}
 */
export async function fetchSample(role) {
  const name = (await readNames())[role];
  return {blob: await (await fetchFile(name)).blob(), name};
}

/** @returns {Promise<boolean>} whether the list names such a sample: a site may come without tracks */
export async function hasSample(/** @type {SampleRole} */ role) {
  return (await readNames())[role] !== undefined;
}

/** @returns {Promise<string[]>} the addresses of all samples, relative to the page; none if their list cannot be read */
export async function listSamples() {
  const known = await readNames().catch(() => ({}));
  return Object.values(known).map((name) => `samples/${name}`);
}

async function readNames() {
  names ??= fetchFile('samples.json').then((response) => response.json());
  names.catch(() => { names = null; }); // the next click asks again
  return names;
}

/**
 * @param {string} name inside samples/
 * @returns {Promise<Response>}
 */
async function fetchFile(name) {
  const response = await fetch(new URL(`samples/${name}`, document.baseURI).href).catch((error) => {
    throw new PageError('error_sample_missing', {reason: describeReason(error)});
  });
  if (!response.ok) throw new PageError('error_sample_missing', {reason: `HTTP ${response.status}`});
  return response;
}

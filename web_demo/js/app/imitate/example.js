/** The example: both sample clips with the tracks that were made of them beforehand, so that its score is there at once. */
import {hashBytes} from '../../inference/manifest.js';
import {measurementOf} from '../../pixels/measure.js';
import {fetchSample, hasSample} from '../samples.js';

/** @typedef {import('../samples.js').NamedBlob & {track: import('../../score.js').Track}} ExamplePart */
/** @typedef {import('../../inference/manifest.js').Manifest} Manifest */

/**
 * @param {Manifest} manifest
 * @returns {Promise<{actor: ExamplePart, user: ExamplePart} | null>} null: there are no tracks, or not of these clips or this
 *   model, and the clips have to be read
 * @throws {import('../../errors.js').PageError}
 */
export async function fetchExample(manifest) {
  const [actor, user] = await Promise.all([fetchPart('actor', manifest), fetchPart('user', manifest)]);
  return actor === null || user === null ? null : {actor, user};
}

/**
 * @param {'actor' | 'user'} who
 * @param {Manifest} manifest
 * @returns {Promise<ExamplePart | null>}
 */
async function fetchPart(who, {spec, source}) {
  const role = /** @type {const} */ (`${who}_track`);
  if (!await hasSample(role)) return null;
  const [clip, {blob}] = await Promise.all([fetchSample(who), fetchSample(role)]);
  const track = JSON.parse(await blob.text());
  const isOfModel = track.model.checkpoint_sha256 === source?.sha256 && String(track.labels) === String(spec.labels.map(({key}) => key));
  const isByRule = Object.entries(measurementOf(spec)).every(([name, value]) => track.measurement[name] === value);
  if (!isOfModel || !isByRule || track.model.clip_sha256 !== await hashBytes(await clip.blob.arrayBuffer())) return null;
  return {...clip, track};
}

/**
 * Errors that a visitor can act on. `message` is the English sentence; `code` and `params` are for pages that show it in
 * another language (as js/app/text.js does).
 */

/** @typedef {Record<string, string | number>} TextParams the values of a sentence's {placeholders} */
/** @typedef {keyof typeof ERRORS} ErrorCode */

/** Every error in English. */
export const ERRORS = {
  error_unexpected: 'Something unexpected happened: {reason}',
  error_vendor_missing: 'The folder web_demo/vendor cannot be loaded ({reason}). Make it with "npm ci" and "npm run vendor" in web_demo.',
  error_model_missing: 'There is no model at {url} ({reason}). Build one with "python -m reon_export build".',
  error_manifest_invalid: 'The model\'s manifest.json is not usable: {reason}. Build the model again with "python -m reon_export build".',
  error_no_artefact: 'The model folder holds no TF.js model. Build one with "python -m reon_export build".',
  error_precision_unknown: 'There is no TF.js model with {asked} weights; there is: {available}.',
  error_precision_refused: 'The {asked} model is refused: it failed its comparison with PyTorch ({reason}). Remove ?precision= from the address to use one that passed.',
  error_all_failed: 'No model is loaded: every one failed its comparison with PyTorch ({reason}).',
  error_file_missing: 'The model file {path} cannot be fetched ({reason}). Build the model again with "python -m reon_export build".',
  error_file_size: 'The model file {path} has {actual} bytes, the manifest lists {expected}. It is damaged and was not loaded.',
  error_file_hash: 'The model file {path} is not the one that was built: its SHA-256 hash is {actual}, the manifest lists {expected}. It was not loaded.',
  error_insecure: 'This page was opened over plain http, where browsers offer no hash function to verify the model. Open it over https, or on its own machine as http://localhost.',
  error_model_invalid: 'The model cannot be used: {reason}. Build it again with "python -m reon_export build".',
  error_output_invalid: 'The model\'s output on the {backend} backend is not usable: {reason}.',
  error_backend_unknown: 'There is no backend called {asked}; choose one of {available}.',
  error_backend_failed: 'The {backend} backend was asked for, but does not run here: {reason}. Remove ?backend= from the address to let the page choose.',
  error_no_backend: 'The model runs on no backend here: {reason}.',
  error_detector: 'The face detector cannot be loaded: {reason}. Make it again with "npm run vendor" in web_demo.',
  error_not_an_image: '{name} is not a picture that this browser can open. Give a JPEG, PNG or WebP file.',
  error_image_large: '{name} has {width} x {height} pixels, and at most {limit} megapixels are read here. Make it smaller, or raise the limit with ?max-pixels= in the address.',
  error_not_a_video: '{name} is not a video that this browser can play ({reason}). Give an MP4 or WebM file.',
  error_video_sound_only: '{name} has no picture, only sound. Give a video with a face in it.',
  error_video_codec: '{name} is encoded as {codec}, which this browser does not decode. Open this page in Safari, record with the setting "Most Compatible" (iPhone: Camera, Formats), or convert the file to H.264.',
  error_video_image: '{name} is an image. Give a video (MP4 or WebM).',
  error_video_cut: '{name} is cut off: its header states {stated} s, its frames end at {actual} s. Copy or download it again.',
  error_video_no_face: 'No face was found in any of the {count} frames of {name}. Use a video in which one face looks at the camera.',
  error_detector_size: 'The detector cannot use {asked} pixels. Give a multiple of {step} from {least} to {most}, or remove ?detector= from the address.',
  error_sample_missing: 'The sample cannot be fetched ({reason}).',
  error_box_invalid: 'The face box is not usable: {reason}.',
  error_no_face: 'No face was found. Try a picture in which the face is larger and looks at the camera.',
  error_no_face_dark: 'No face was found: the picture is too dark. Use one with more light.',
  error_part: 'From {start} s to {end} s is no part of {name}, which lasts {total} s. Give a beginning, and an end at least 0.5 s later.',
  error_no_model_folder: 'There is no manifest.json in the folder {name}. Give a model folder that "python -m reon_export build" has made.',
  error_no_file: 'That is not a file. Drop a photograph or a video.',
  error_camera_denied: 'Camera permission was denied. Allow it with the camera icon in the address bar and try again, or choose a file instead.',
  error_camera_missing: 'No camera was found. Connect one and try again, or choose a file instead.',
  error_camera_busy: 'The camera does not start ({reason}). Close other programs that use it and try again, or choose a file instead.',
  error_camera_insecure: 'Browsers offer the camera only on https pages and on localhost. Open this page there, or choose a file instead.',
  error_camera_ended: 'The camera stopped: it was disconnected, or another program uses it. Start it again, or choose a file instead.',
  error_no_frames: 'The camera sent no picture. Try again, or choose a video instead.',
  error_short: 'There is no score: the actor performs for {actor} s, you for {user} s, and the shorter must be at least half of the longer. Perform up to the end, or choose a clip that is about as long.',
  error_sparse: 'There is no score: your face was read only {rate} times a second, which covers {percent} of the time; at least half is needed. Close other tabs and programs before you record again; a video needs at least two frames a second.',
  error_coverage: 'There is no score: both faces are visible in only {percent} of the time, and at least half is needed (actor {actor}, you {user}). Film the face from the front, in good light.',
  error_address: 'The option {option} takes an address on the page\'s own origin, {origin}. It got "{asked}".',
};

export class PageError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {TextParams} [params]
   */
  constructor(code, params = {}) {
    super(fillIn(ERRORS[code], params));
    this.name = 'PageError';
    this.code = code;
    this.params = params;
  }
}

/**
 * Any thrown value as a PageError; what is not one of ours becomes `error_unexpected` with its own message.
 * @param {unknown} error
 * @returns {PageError}
 */
export function toPageError(error) {
  return error instanceof PageError ? error : new PageError('error_unexpected', {reason: describeReason(error)});
}

/**
 * The message of any thrown value (TF.js also throws strings and plain objects).
 * @param {unknown} error
 * @returns {string}
 */
export function describeReason(error) {
  if (error instanceof Error) return error.message;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}

/**
 * @param {string} sentence
 * @param {TextParams} params
 * @returns {string} the sentence with its {placeholders} filled in; one that is not given stays
 */
export function fillIn(sentence, params) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** Files to keep, made here and kept by the browser's download. */

const LATE_MS = 60_000; // the download may start late

/**
 * @param {string} name of the file
 * @param {Blob} blob
 */
export function download(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LATE_MS);
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} value
 */
export function saveJson(name, value) {
  saveText(name, 'application/json', `${JSON.stringify(value, null, 1)}\n`);
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
export function saveText(name, type, text) {
  download(name, new Blob([text], {type}));
}

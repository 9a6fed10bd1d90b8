/** A folder that is dropped or chosen, as files by their path in it. */
import {PageError} from '../errors.js';

const MANIFEST = 'manifest.json';

/**
 * To be called while the drop is handled: its items are gone later.
 * @param {DataTransfer | null} dropped
 * @returns {FileSystemDirectoryEntry | null} null: no folder
 */
export function findFolder(dropped) {
  const entries = [...dropped?.items ?? []].map((item) => item.webkitGetAsEntry?.() ?? null);
  return /** @type {FileSystemDirectoryEntry | null} */ (entries.find((entry) => entry?.isDirectory) ?? null);
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<Record<string, File>>} by path below it
 */
export async function readFolder(folder) {
  /** @type {Record<string, File>} */
  const files = {};
  await addFiles(folder, '', files);
  return files;
}

/**
 * @param {readonly File[]} chosen in a dialog for folders
 * @returns {Record<string, File>} by path below the folder
 */
export function listChosen(chosen) {
  return Object.fromEntries(chosen.map((file) => [file.webkitRelativePath.split('/').slice(1).join('/'), file]));
}

/**
 * The model folder, also where it is a folder inside of the one that was given.
 * @param {Record<string, File>} files
 * @param {string} name of the folder
 * @returns {Record<string, File>} by path beside its manifest
 * @throws {PageError} if there is none
 */
export function findModel(files, name) {
  const [shortest] = Object.keys(files).filter((path) => `/${path}`.endsWith(`/${MANIFEST}`)).sort((one, other) => one.length - other.length);
  if (shortest === undefined) throw new PageError('error_no_model_folder', {name});
  const base = shortest.slice(0, -MANIFEST.length);
  return Object.fromEntries(Object.entries(files).flatMap(([path, file]) => (path.startsWith(base) ? [[path.slice(base.length), file]] : [])));
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @param {string} path with its final slash
 * @param {Record<string, File>} files grows
 */
async function addFiles(folder, path, files) {
  const reader = folder.createReader();
  for (;;) { // a reader gives some at a time, and none at the end
    const entries = await new Promise((/** @type {(entries: FileSystemEntry[]) => void} */ resolve, reject) => { reader.readEntries(resolve, reject); });
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry.isDirectory) await addFiles(/** @type {FileSystemDirectoryEntry} */ (entry), `${path}${entry.name}/`, files);
      else files[path + entry.name] = await new Promise((resolve, reject) => { /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject); });
    }
  }
}

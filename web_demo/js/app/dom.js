/** Small helpers for elements. Text reaches the page through textContent alone. */

/**
 * The element that index.html must have.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} ${selector}`);
  return element;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElement}
 */
export function createElement(tag, className, text = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** @returns {Promise<void>} in a task of its own: what comes after does not lengthen the one before, and the page stays quick */
export function nextTask() {
  return new Promise((resolve) => { setTimeout(resolve); });
}

/**
 * Change a text only where it differs: a screen reader says again what is set again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A dialog for choosing files opens on `button`; the same file may be chosen twice.
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement} picker
 * @param {(file: File) => void} onFile
 */
export function pickFiles(button, picker, onFile) {
  button.addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    const file = picker.files?.[0];
    picker.value = '';
    if (file !== undefined) onFile(file);
  });
}

/**
 * @param {File | Blob} file
 * @param {string} name
 * @returns {boolean}
 */
export function isVideo(file, name) {
  return file.type.startsWith('video/') || /\.(mp4|m4v|mov|webm|mkv|ogv)$/i.test(name);
}

/** The links of the footer. A one-file page has no files beside it: there they open what is inside it. */

export const LICENCES = 'vendor/THIRD_PARTY_LICENSES.txt';
const MODEL = 'model/manifest.json';

/**
 * @param {Document} page
 * @returns {Promise<void>} when the links lead somewhere; it never rejects
 */
export async function connectFooter(page) {
  const inside = page.querySelector('script#licences'); // reon_export/site/single_file.py puts it there
  if (inside === null) return;
  pointTo(page, LICENCES, inside.textContent ?? '');
  try {
    pointTo(page, MODEL, await (await fetch(MODEL)).text());
  } catch {
    // Without it nothing can be read either, and the page says so.
  }
}

/**
 * @param {Document} page
 * @param {string} href of the links
 * @param {string} text what they open instead
 */
function pointTo(page, href, text) {
  const address = URL.createObjectURL(new Blob([text], {type: 'text/plain;charset=utf-8'}));
  for (const link of page.querySelectorAll(`footer a[href="${href}"]`)) link.setAttribute('href', address);
}

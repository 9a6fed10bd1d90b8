/** The page's texts: the same keys and placeholders in both languages, and in index.html what English has. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

const WEB_DEMO = new URL('../../web_demo/', import.meta.url);
const {EN} = await import(new URL('js/app/text_en.js', WEB_DEMO).href);
const {KO} = await import(new URL('js/app/text_ko.js', WEB_DEMO).href);
const {ERRORS} = await import(new URL('js/errors.js', WEB_DEMO).href);

test('both languages have the same keys and placeholders', () => {
  assert.deepEqual(Object.keys(KO).sort(), Object.keys(EN).sort());
  const placeholders = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const key of Object.keys(EN)) assert.deepEqual(placeholders(KO[key]), placeholders(EN[key]), key);
});

test('every error has a sentence', () => {
  assert.ok(Object.keys(ERRORS).length > 30);
  for (const [key, text] of Object.entries(ERRORS)) assert.ok(key.startsWith('error_') && text.trim() !== '', key);
});

test('index.html shows the English texts before the script runs', () => {
  const html = readFileSync(new URL('index.html', WEB_DEMO), 'utf-8');
  const shown = [...html.matchAll(/data-text="(\w+)"[^>]*>([^<]*)</g)];
  assert.ok(shown.length > 30);
  for (const [, key, text] of shown) if (text.trim() !== '') assert.equal(text.trim().replaceAll('&amp;', '&'), EN[key], key);
});

/** The page's modules import downwards, and nothing but the screen itself imports the screen. */
import assert from 'node:assert/strict';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {findFaults, levelOf, readImports} from './imports.mjs';

const JS = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web_demo/js');
// The worker starts itself from vendor.js, which knows the addresses of other files; it imports nothing of it back.
const ADDRESSES = new Map([['vendor.js', ['inference/worker.js']]]);

/** @returns {Map<string, string[]>} the imports of the real page, without addresses */
function readPage() {
  const imports = readImports(JS);
  for (const [name, addresses] of ADDRESSES) {
    imports.set(name, (imports.get(name) ?? []).filter((other) => !addresses.includes(other)));
  }
  return imports;
}

test('imports point down', () => {
  const imports = readPage();
  assert.ok(imports.size > 45);
  assert.deepEqual(findFaults(imports), []);
});

test('a page of somebody else loads nothing of the screen', () => {
  const imports = readPage();
  for (const entry of ['pipeline.js', 'live.js', 'clip.js', 'score.js', 'score_files.js', 'inference/worker.js', 'parity.js', 'bench.js']) {
    const reached = new Set([entry]);
    for (const name of reached) for (const other of imports.get(name) ?? []) reached.add(other);
    assert.deepEqual([...reached].filter((name) => name.startsWith('app/')), [], entry);
    assert.ok(reached.size > 1 || entry === 'score.js' || entry === 'live.js', entry);
  }
});

test('known-wrong imports are found', () => {
  const page = [['errors.js', []], ['pixels/a.js', ['errors.js']], ['inference/b.js', ['pixels/a.js']], ['pipeline.js', ['inference/b.js']],
    ['app/main.js', ['pipeline.js']], ['parity.js', ['pipeline.js']]];
  assert.deepEqual(findFaults(new Map(page)), []);
  const wrong = {
    'pixels/a.js imports inference/b.js, which is above it': ['pixels/a.js', ['inference/b.js']],
    'pipeline.js imports app/main.js, which is above it': ['pipeline.js', ['app/main.js']],
    'errors.js imports app/main.js, which is above it': ['errors.js', ['app/main.js']],
    'inference/b.js imports gone.js, which is not there': ['inference/b.js', ['gone.js']],
    'attic/c.js is in no room': ['attic/c.js', []],
    'a circle: pixels/a.js -> pixels/a.js': ['pixels/a.js', ['pixels/a.js']],
  };
  for (const [fault, change] of Object.entries(wrong)) {
    const faults = findFaults(new Map([...page, change]));
    assert.ok(faults.includes(fault), `${fault} is not among ${faults.join('; ')}`);
  }
});

test('every module has a level', () => {
  for (const name of readImports(JS).keys()) assert.ok(levelOf(name) >= 0, name);
});

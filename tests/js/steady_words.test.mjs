/** What a visitor reads of a live reading changes a few times a second at most. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {createSteadyWords} from '../../web_demo/js/app/read/steady_words.js';

test('two emotions that take turns thirty times a second are one word, and three digits a second', () => {
  const steady = createSteadyWords();
  const seen = new Set();
  const tops = new Set();
  for (let frame = 0; frame < 90; frame += 1) {
    const share = 0.5 + (frame % 2 ? 0.1 : -0.1) + frame / 1e4;
    const words = steady.show([share, 1 - share], frame * 1000 / 30);
    seen.add(words);
    tops.add(words.top);
  }
  assert.deepEqual([...tops], [1]);
  assert.ok(seen.size <= 9, `${seen.size} changes in three seconds`);
});

test('another emotion is named when it has led for 300 ms, and at once after no face', () => {
  const steady = createSteadyWords();
  assert.equal(steady.show([0.9, 0.1], 0).top, 0);
  assert.equal(steady.show([0.1, 0.9], 100).top, 0);
  assert.equal(steady.show([0.1, 0.9], 390).top, 0);
  const changed = steady.show([0.2, 0.8], 400);
  assert.deepEqual(changed, {top: 1, shares: [0.2, 0.8]});
  assert.equal(steady.show(null, 500), null);
  assert.deepEqual(steady.show([0.7, 0.3], 533), {top: 0, shares: [0.7, 0.3]});
});

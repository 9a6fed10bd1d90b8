/** Which face is read, and what a timeline keeps. */
import assert from 'node:assert/strict';
import test from 'node:test';

import {createFollowedFace} from '../../web_demo/js/app/read/followed_face.js';
import {insert} from '../../web_demo/js/app/read/timeline.js';

const LEFT = {x: 0, y: 0, width: 100, height: 100};
const RIGHT = {x: 300, y: 0, width: 120, height: 120};

test('a face is followed, waited for, and let go', () => {
  const followed = createFollowedFace();
  assert.equal(followed.near, null);
  followed.see(LEFT, 0);
  followed.see({...LEFT, x: 20}, 33);
  assert.equal(followed.near?.x, 20);
  followed.see(null, 400); // lost for a moment
  assert.equal(followed.near?.x, 20);
  followed.see(null, 600);
  assert.equal(followed.near, null);
});

test('what was under way when another face was chosen changes nothing', () => {
  const followed = createFollowedFace();
  followed.see(LEFT, 0);
  followed.choose(RIGHT, 10);
  followed.see(LEFT, 20);
  assert.equal(followed.near, RIGHT);
  followed.see({...RIGHT, x: 310}, 50);
  assert.equal(followed.near?.x, 310);
});

test('each moment of a video is kept once, as it was read last', () => {
  /** @type {import('../../web_demo/js/score.js').TrackFrame[]} */
  const frames = [];
  let lastS = -1;
  /** @param {number} timeS @param {number} turn */
  const read = (timeS, turn) => {
    insert(frames, {time_s: timeS, probabilities: [turn]}, lastS);
    lastS = timeS;
  };
  for (const timeS of [0, 0.1, 0.2, 0.3, 0.4]) read(timeS, 1);
  for (const timeS of [0.05, 0.2]) read(timeS, 2); // from its beginning again, and slower
  assert.deepEqual(frames.map((frame) => [frame.time_s, frame.probabilities?.[0]]), [[0, 1], [0.05, 2], [0.2, 2], [0.3, 1], [0.4, 1]]);
  read(0.1, 3); // back in time
  read(0.1, 4);
  assert.deepEqual(frames.map((frame) => frame.time_s), [0, 0.05, 0.1, 0.2, 0.3, 0.4]);
  assert.deepEqual(frames[2].probabilities, [4]);
});

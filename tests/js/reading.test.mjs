/** Which face is read, what a timeline keeps, and the score while it is made. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';

import {createFollowedFace} from '../../web_demo/js/app/read/followed_face.js';
import {createRunningScore} from '../../web_demo/js/app/imitate/running_score.js';
import {insert} from '../../web_demo/js/app/read/timeline.js';
import {scoreTracks} from '../../web_demo/js/score.js';

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

for (const windowS of [0.4, 2]) test(`the score so far ends as the score, averaged over ${windowS} s to either side`, () => {
  const [actor, user] = ['actor', 'imitation'].map((name) => {
    const track = JSON.parse(readFileSync(new URL(`../../web_demo/samples/${name}.track.json`, import.meta.url), 'utf8'));
    return {...track, measurement: {...track.measurement, window_s: windowS}};
  });
  const running = createRunningScore();
  /** @type {number | null} */
  let last = null;
  for (let timeS = 0.3; timeS < 7; timeS += 0.3) {
    last = running.update(actor, {...user, frames: user.frames.filter((/** @type {{time_s: number}} */ frame) => frame.time_s < timeS)}, timeS);
  }
  last = running.update(actor, user, 7);
  const {score} = scoreTracks(actor, user);
  assert.ok(Math.abs((last ?? 0) - (score ?? 100)) < 1e-9, `${last} and ${score}`);
});

test('without a face there is no score so far', () => {
  const nobody = {name: 'nobody', labels: ['a', 'b'], duration_s: 1, frames: [{time_s: 0, probabilities: null}, {time_s: 0.5, probabilities: null}]};
  assert.equal(createRunningScore().update(nobody, nobody, 1), null);
});

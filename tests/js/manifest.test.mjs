/** How the files of a model folder are fetched where caches, hosts and connections misbehave. */
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import test from 'node:test';
import {STALL_MS, fetchVerified, isOfAnotherVersion} from '../../web_demo/js/inference/manifest.js';

const CONTENT = new Uint8Array(1000).fill(7);
const FILE = {path: 'tfjs-float32/weights.bin', bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex')};
const MANIFEST = 'https://demo.example/model/manifest.json';
const WRONG = new Uint8Array(1000);

/** @param {(Response | Error | 'silent' | 'half')[]} answers one a request, in order */
function answerWith(answers) {
  /** @type {RequestCache[]} */
  const asked = [];
  globalThis.fetch = /** @type {any} */ (async (url, {cache, signal}) => {
    assert.equal(url, 'https://demo.example/model/tfjs-float32/weights.bin');
    asked.push(cache);
    const answer = answers.shift();
    const aborted = new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)); });
    if (answer === 'silent') return aborted;
    if (answer === 'half') {
      return new Response(new ReadableStream({
        start(controller) {
          controller.enqueue(CONTENT.subarray(0, 500));
          aborted.catch((error) => controller.error(error));
        },
      }));
    }
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return asked;
}

async function fetchIt() {
  let counted = 0;
  const bytes = await fetchVerified(FILE, MANIFEST, (count) => { counted += count; });
  return {bytes: new Uint8Array(bytes), counted};
}

const right = () => new Response(CONTENT);

test('a whole file is asked for once', async () => {
  const asked = answerWith([right()]);
  assert.deepEqual(await fetchIt(), {bytes: CONTENT, counted: 1000});
  assert.deepEqual(asked, ['default']);
});

const SPOILT = {
  'another version in a cache': new Response(WRONG),
  'cut off': new Response(CONTENT.subarray(0, 10)),
  'missing for a moment': new Response('', {status: 404}),
  'a broken connection': new TypeError('Failed to fetch'),
};
for (const [name, answer] of Object.entries(SPOILT)) {
  test(`${name}: asked for again, past every cache`, async () => {
    const asked = answerWith([answer, right()]);
    assert.deepEqual(await fetchIt(), {bytes: CONTENT, counted: 1000});
    assert.deepEqual(asked, ['default', 'reload']);
  });
}

const FINAL = {
  error_file_hash: () => new Response(WRONG),
  error_file_size: () => new Response(CONTENT.subarray(1)),
  error_file_missing: () => new Response('', {status: 404}),
};
for (const [code, make] of Object.entries(FINAL)) {
  test(`twice wrong is ${code}`, async () => {
    answerWith([make(), make()]);
    await assert.rejects(fetchIt(), (/** @type {any} */ error) => {
      assert.equal(error.code, code);
      assert.match(error.message, /tfjs-float32\/weights\.bin/);
      return isOfAnotherVersion(error);
    });
  });
}

for (const answer of /** @type {const} */ (['silent', 'half'])) {
  test(`a host that falls ${answer === 'silent' ? 'silent' : 'silent in the middle'} is asked again, and then named`, async (context) => {
    context.mock.timers.enable({apis: ['setTimeout']});
    const asked = answerWith([answer, right()]);
    const fetching = fetchIt();
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
    context.mock.timers.tick(STALL_MS);
    assert.deepEqual(await fetching, {bytes: CONTENT, counted: 1000});
    assert.deepEqual(asked, ['default', 'reload']);

    answerWith([answer, answer]);
    const failing = assert.rejects(fetchIt(), /nothing came for 30 s/);
    for (let round = 0; round < 2; round += 1) {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
      context.mock.timers.tick(STALL_MS);
    }
    await failing;
  });
}

/** How large a picture says it is, by its first bytes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {readImageSize} from '../../web_demo/js/pixels/image_size.js';
import {decodePng, findDelicatePng} from '../../web_demo/js/pixels/png.js';
import {deflateSync} from 'node:zlib';

/** @param {string} hex */
const bytes = (hex) => Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const text = (value) => Buffer.from(value).toString('hex');

const CASES = {
  png: [`89504e470d0a1a0a 0000000d ${text('IHDR')} 00007d00 00003e80 08 06 000000`, 32000, 16000],
  jpeg: ['ffd8 ffe0 0010 4a46494600010100000100010000 ffdb 0004 0000 ffc0 0011 08 0102 0304 03', 0x304, 0x102],
  'progressive jpeg behind fill bytes': ['ffd8 ffff fe 0003 00 ffc4 0002 ffc2 0011 08 0001 ffff 03', 0xffff, 1],
  'lossy webp': [`${text('RIFF')} 00000000 ${text('WEBPVP8 ')} 00000000 000000 9d012a 4001 f000`, 320, 240],
  'lossless webp': [`${text('RIFF')} 00000000 ${text('WEBPVP8L')} 00000000 2f 3f81 3b00`, 320, 239],
  'extended webp': [`${text('RIFF')} 00000000 ${text('WEBPVP8X')} 0a000000 10 000000 ff7f00 0f2700`, 32768, 10000],
  gif: [`${text('GIF89a')} 0004 0003`, 1024, 768],
  bmp: [`${text('BM')} 00000000 00000000 36000000 28000000 80020000 20feffff`, 640, 480],
};

for (const [name, [hex, width, height]] of Object.entries(CASES)) {
  test(name, () => {
    assert.deepEqual(readImageSize(bytes(hex)), {width, height});
    for (let end = 0; end < bytes(hex).length - 2; end += 1) {
      const size = readImageSize(bytes(hex).subarray(0, end));
      assert.ok(size === null || typeof size.width === 'number');
    }
  });
}

test('another file has no size', () => {
  for (const hex of ['', '00', text('not an image'), 'ffd8', 'ffd8ffda0002ffd9']) assert.equal(readImageSize(bytes(hex)), null);
});

test('noise never throws', () => {
  let state = 1;
  const random = () => { state = (state * 48271) % 2147483647; return state; };
  for (let round = 0; round < 20_000; round += 1) {
    const [hex] = Object.values(CASES)[random() % 8];
    const content = bytes(hex);
    for (let change = 0; change < 3; change += 1) content[random() % content.length] = random() % 256;
    readImageSize(content);
  }
});

/** @param {number} width @param {number} height @param {Uint8Array} pixels */
function makePng(width, height, pixels) {
  const chunk = (name, data) => Buffer.concat([Buffer.from([0, 0, 0, 0].fill(0)).fill(0), Buffer.from(name), data, Buffer.alloc(4)].map((part, i) => {
    if (i === 0) part.writeUInt32BE(data.length);
    return part;
  }));
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const file = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))]);
  return new Uint8Array(file);
}

test('a PNG whose pixels unpack to more than it states is refused, and takes no room', async () => {
  const png = findDelicatePng(makePng(1, 1, new Uint8Array(200_000_000)));
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(decodePng(/** @type {any} */ (png)), /more than its pixels/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000);
});

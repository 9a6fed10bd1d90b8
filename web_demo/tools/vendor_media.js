/** What the page uses of mediabunny: `tools/vendor.mjs` bundles this to vendor/media.js, which js/clips/decoded.js imports. */
export {BlobSource, Input, MATROSKA, MP4, QTFF, VideoSampleSink, WEBM} from 'mediabunny';

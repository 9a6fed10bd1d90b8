/**
 * The program of the one-file page (tools/standalone.mjs): js/main.js, or in a worker js/worker.js. Both are imported only
 * when `fetch` answers from the inlined files, because libraries keep the `fetch` that they find when they are loaded.
 */
import {openFiles, takeFiles} from './standalone_files.js';

if (typeof document === 'undefined') {
  // The page's first message, before js/worker.js listens; the page waits for that one's {ready} before it sends another.
  addEventListener('message', (event) => {
    takeFiles(event.data);
    void import('../js/worker.js');
  }, {once: true});
} else {
  openFiles(document);
  void import('../js/main.js');
}

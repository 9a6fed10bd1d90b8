/**
 * The program of the one-file page (tools/standalone.mjs): js/app/main.js, or in a worker js/inference/worker.js. Both are imported only
 * when `fetch` answers from the inlined files, because libraries keep the `fetch` that they find when they are loaded.
 */
import {openFiles, takeFiles} from './standalone_files.js';

if (typeof document === 'undefined') {
  // The page's first message, before js/inference/worker.js listens; the page waits for that one's {ready} before it sends another.
  addEventListener('message', (event) => {
    takeFiles(event.data);
    void startWorker();
  }, {once: true});
} else {
  openFiles(document);
  void import('../js/app/main.js');
}

/** Tells the page's Worker.onerror if it cannot be; the page then does the work itself. */
async function startWorker() {
  try {
    await new Blob(['any']).arrayBuffer(); // WebKit 2.50's workers cannot read a Blob where the page is a file
    await import('../js/inference/worker.js');
  } catch (error) {
    setTimeout(() => { throw error; }); // a rejected promise would not get there
  }
}

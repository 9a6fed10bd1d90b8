"""A first visit: to a page that has loaded nothing, in a browser that has kept nothing."""

import gzip
import statistics
from pathlib import Path

from reon_export.bench.records import Visit
from reon_export.browsers.select import open_page
from reon_export.paths import WEB_DEMO
from reon_export.progress import OnProgress
from reon_export.runtimes.runtime_id import RuntimeId
from reon_export.site.server import SiteServer

PHOTO = "/samples/astronaut.png"
VISITS = 3
_EMPTY_PAGE = "vendor/THIRD_PARTY_LICENSES.txt"  # text loads nothing
_VISIT = """async ({photo, manifestUrl, backend}) => {
  const started = performance.now();
  const {createEmotionPipeline} = await import('/js/pipeline.js');
  const pipeline = await createEmotionPipeline({manifestUrl, backend});
  const readyMs = performance.now() - started;
  const {label} = await pipeline.analyze(await (await fetch(photo)).blob());
  if (label === null) throw new Error('the first visit found no face');
  return {readyMs, readingMs: performance.now() - started};
}"""


def measure_visit(runtime: RuntimeId, model_dir: Path, browser: str, on_progress: OnProgress) -> Visit:
    """The median of a few. Raises ServeError, or BrowserError with the page's own words."""
    requests: list[str] = []  # the server's: a page does not know of its worker's
    times: list[dict[str, float]] = []
    asked = {"photo": PHOTO, "manifestUrl": "/model/manifest.json", "backend": runtime.page_backend}
    with SiteServer(WEB_DEMO, mounts={"model": model_dir}, on_request=requests.append) as server:
        for done in range(1, VISITS + 1):
            requests.clear()
            with open_page(server.url + _EMPTY_PAGE, browser=browser) as page:
                times.append(page.evaluate(_VISIT, asked))
            on_progress(f"first visit, {runtime}", done, VISITS)
    # As a set, since each of TF.js' threads asks for its files again.
    paths = set(requests) - {PHOTO, f"/{_EMPTY_PAGE}", "/favicon.ico"}
    code = [WEB_DEMO / path[1:] for path in paths if path.endswith((".js", ".wasm"))]
    weights = [WEB_DEMO / path[1:] for path in paths if "tiny_face_detector" in path]
    return Visit(
        runtime=str(runtime),
        requests=len(paths),
        code_bytes=sum(len(gzip.compress(file.read_bytes(), 9)) for file in code),
        weight_bytes=sum(file.stat().st_size for file in weights),
        ready_ms=statistics.median(one["readyMs"] for one in times),
        reading_ms=statistics.median(one["readingMs"] for one in times),
    )

"""The demo as visitors get it: from a host that knows nothing of it, and as a file that is double-clicked."""

import functools
import http.server
import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reon_export.browsers.select import open_page as open_driver
from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer
from reon_export.site.single_file import write_standalone
from reon_export.site.static_site import write_site
from tests.support.engines import require_engine
from tests.support.visits import OpenPage

# model_dir is asked for by every test, so that it is built before a browser is open: building it opens one too.
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir"), pytest.mark.service_worker]

TOLERANCE = 1e-6
SUB_PATH = "some/where"

READ_SAMPLE = """async () => {
    const until = async (state) => {
        for (let i = 0; i < 1200 && !['error', state].includes(document.body.dataset.state); i += 1) {
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        if (document.body.dataset.state !== state) throw new Error(document.querySelector('#alert-text').textContent);
    };
    await until('ready');
    addEventListener('reon-reading', (event) => { globalThis.reading = event.detail; }, true);
    document.querySelector('#sample').click();
    await until('result');
    return Array.from(globalThis.reading.probabilities);
}"""

# A page that is nothing but the pipeline in its worker, the way the other libraries are reached, and hostile texts.
WORKER_MAIN = r"""
import {createEmotionPipeline} from '../pipeline.js';
import {importChart, importMedia} from '../vendor.js';

const {dataset} = document.body;
async function start() {
  const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
  const sample = await (await fetch(new URL('samples/astronaut.png?again#1', document.baseURI))).blob();
  const {probabilities} = await pipeline.analyze(sample);
  dataset.found = JSON.stringify({
    probabilities: Array.from(probabilities),
    offMainThread: pipeline.facts.offMainThread,
    backend: pipeline.facts.runtime.backend,
    threads: pipeline.facts.runtime.threads,
    type: sample.type,
    libraries: [typeof (await importChart()).UPlot, typeof (await importMedia()).Input],
    refused: await fetch('https://example.org/x').then(() => 'answered', (error) => error.message),
    missing: await fetch('samples/gone.png').then(() => 'answered', (error) => error.name),
    texts: ['</script>', '<!--<script>', '한국어'],
  });
  pipeline.destroy();
}
start().then(() => { dataset.state = 'ready'; }, (error) => {
  document.querySelector('#alert-text').textContent = String(error);
  dataset.state = 'error';
});
"""


class PlainHandler(http.server.SimpleHTTPRequestHandler):
    """Files below SUB_PATH, and not a header more than Python's own server sends."""

    def translate_path(self, path: str) -> str:
        if not path.startswith(f"/{SUB_PATH}/"):
            return str(Path(self.directory) / "nothing lies here")
        return super().translate_path(path.removeprefix(f"/{SUB_PATH}"))

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@contextmanager
def plain_host(folder: Path) -> Iterator[str]:
    """The address of a folder under a sub-path of some host."""
    handler = functools.partial(PlainHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/{SUB_PATH}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def site_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(model_dir, tmp_path_factory.mktemp("published") / "site").path


@pytest.fixture(scope="module")
def one_file(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder whose name wants escaping in an address, as a visitor's might."""
    folder = tmp_path_factory.mktemp("published") / "내 문서 #1, 100%"
    return write_standalone(model_dir, folder / "RE ON.html").path


def read_sample(open_page: OpenPage, url: str) -> list[float]:
    visit = open_page(url)
    visit.wait_for("ready")
    visit.read_sample()
    return visit.probabilities


def expect_same(actual: list[float], expected: list[float]) -> None:
    assert len(actual) == len(expected) == 7
    assert abs(sum(actual) - 1) <= 1e-4
    assert float(np.abs(np.subtract(actual, expected)).max()) <= TOLERANCE


def test_the_site_works_under_a_sub_path_without_special_headers(
    open_page: OpenPage, site: SiteServer, site_dir: Path
) -> None:
    expected = read_sample(open_page, site.url)
    with plain_host(site_dir) as url:
        visit = open_page(url)
        visit.wait_for("ready")
        visit.read_sample()
        expect_same(visit.probabilities, expected)
        with urllib.request.urlopen(url) as answer:
            special = ("cross-origin", "content-security", "service-worker")
            assert [name for name in answer.headers if name.lower().startswith(special)] == []
        host = "/".join(url.split("/")[:3])
        assert [asked for asked in visit.requests if not asked.startswith((url, f"blob:{host}/"))] == []
        assert any("/model/tfjs-float16/" in asked for asked in visit.requests)
        visit.expect_clean()


def test_the_site_offers_the_other_precision_and_not_the_failed_one(open_page: OpenPage, site_dir: Path) -> None:
    with plain_host(site_dir) as url:
        exact = open_page(f"{url}?precision=float32")
        exact.wait_for("ready")
        failed = open_page(f"{url}?precision=uint8")
        failed.wait_for("error")
        assert "uint8" in failed.error
        assert "float32, float16" in failed.error


def test_serve_serves_a_site(open_page: OpenPage, site: SiteServer, site_dir: Path) -> None:
    expected = read_sample(open_page, site.url)
    with SiteServer(site_dir) as server:
        expect_same(read_sample(open_page, server.url), expected)


def test_one_file_is_double_clicked_and_asks_for_nothing(open_page: OpenPage, site: SiteServer, one_file: Path) -> None:
    expected = read_sample(open_page, site.url)
    visit = open_page(one_file.as_uri())
    assert visit.page.evaluate("location.protocol") == "file:"
    visit.wait_for("ready")
    visit.read_sample()
    expect_same(visit.probabilities, expected)
    assert visit.requests[0] == one_file.as_uri()
    assert [asked for asked in visit.requests[1:] if not asked.startswith(("blob:", "data:"))] == []
    assert visit.complaints == []


def test_one_file_cannot_reach_a_network(open_page: OpenPage, one_file: Path, site: SiteServer) -> None:
    visit = open_page(one_file.as_uri())
    visit.wait_for("ready")
    asked = len(visit.requests)
    ways = visit.page.evaluate(
        """async (url) => {
            const settle = (target, start) => new Promise((resolve) => {
                target.onload = target.onopen = () => resolve('reached');
                target.onerror = () => resolve('refused');
                start(target);
            });
            const image = await settle(new Image(), (target) => { target.src = url + 'favicon.svg'; });
            const request = await settle(new XMLHttpRequest(), (target) => { target.open('GET', url); target.send(); });
            const fetched = await fetch(url).then(() => 'reached', () => 'refused');
            return [image, request, fetched];
        }""",
        site.url,
    )
    assert ways == ["refused"] * 3
    assert len(visit.complaints) == 2  # the policy speaks of the two that the page's own fetch does not hold back
    assert all("Content Security Policy" in complaint for complaint in visit.complaints)
    assert len(visit.requests) - asked <= 2  # the browser names them before it refuses them


def worker_page(tmp_path: Path) -> Path:
    """The page's sources with WORKER_MAIN for a program."""
    page = tmp_path / "page"
    shutil.copytree(WEB_DEMO, page, ignore=shutil.ignore_patterns("node_modules", "model"))
    (page / "node_modules").symlink_to((WEB_DEMO / "node_modules").resolve())
    (page / "js" / "app" / "main.js").write_text(WORKER_MAIN, encoding="utf-8")
    return page


def test_the_worker_of_one_file_is_that_very_file(
    open_page: OpenPage, site: SiteServer, model_dir: Path, tmp_path: Path
) -> None:
    expected = read_sample(open_page, site.url)
    file = write_standalone(model_dir, tmp_path / "worker.html", worker_page(tmp_path)).path
    visit = open_page(file.as_uri())
    visit.wait_for("ready")
    found: dict[str, Any] = json.loads(visit.data("body", "found"))
    expect_same(found["probabilities"], expected)
    assert found["offMainThread"] is True
    assert (found["backend"], found["threads"], found["type"]) == ("kernels", 1, "image/png")
    assert found["libraries"] == ["function", "function"]
    assert found["refused"] == "https://example.org/x is not in this file, which asks no network for anything"
    assert found["missing"] == "TypeError"
    assert found["texts"] == ["</script>", "<!--<script>", "한국어"]
    assert [asked for asked in visit.requests[1:] if not asked.startswith(("blob:", "data:"))] == []
    assert visit.complaints == []


@pytest.mark.parametrize("engine", ["firefox", "webkit"])
def test_one_file_in_the_other_engines(engine: str, site: SiteServer, one_file: Path) -> None:
    engine = require_engine(engine)
    with open_driver(site.url, browser=engine) as driver:
        expected = driver.evaluate(READ_SAMPLE)
    with open_driver(one_file.as_uri(), browser=engine) as driver:
        expect_same(driver.evaluate(READ_SAMPLE), expected)
        assert driver.evaluate("() => location.protocol") == "file:"

"""The service worker: visits without a network, what a second visit asks for, isolation on a host of plain files."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reon_export.browsers.select import open_page as open_engine
from tests.support.engines import require_engine
from tests.support.hosts import PLAIN_PATH, LoggedHost
from tests.support.visits import OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.service_worker]

# A 304 is its headers alone: 593 bytes measured, of which the content security policy is the most.
UNCHANGED_BYTES = 640
# Two profiles may measure different kernels as the faster. Over 512 crops relaxed is within 1.9e-6 of PyTorch, simd
# within 2.3e-6.
BETWEEN_KERNELS = 4.2e-6
RELOAD_S = 3
NOT_ISOLATED = "Object.defineProperty(globalThis, 'crossOriginIsolated', {get: () => false})"
NO_STORAGE = "Object.defineProperty(globalThis, 'sessionStorage', {get() { throw new Error('forbidden') }})"


@pytest.fixture
def plain_host(folder: Path) -> Iterator[LoggedHost]:
    """The folder below others, on a host that sends no headers."""
    with LoggedHost(folder.parents[len(Path(PLAIN_PATH).parts) - 1], plain=True) as host:
        yield host


def keep_all(visit: Visit) -> None:
    visit.page.wait_for_selector('body[data-offline="kept"]')


def visit_again(visit: Visit) -> Visit:
    """Another page in the same profile."""
    url, context = visit.page.url, visit.page.context
    visit.page.close()
    page = context.new_page()
    again = Visit(page, visit.origin)
    page.on("pageerror", lambda error: again.complaints.append(f"uncaught: {error}"))
    page.on("console", lambda message: again.complaints.append(message.text) if message.type == "error" else None)
    page.goto(url)
    return again


def first_visit(open_page: OpenPage, url: str, **options: Any) -> Visit:
    visit = open_page(url, **options)
    visit.wait_for("ready")
    keep_all(visit)
    return visit


def large_files(host: LoggedHost) -> list[str]:
    """The requests for files that are kept by hash."""
    lists = ("model/manifest.json", "vendor/files.json")
    return [path for path in host.log.paths if ("/model/" in path or "/vendor/" in path) and not path.endswith(lists)]


def kept_by_hash(visit: Visit) -> dict[str, str]:
    """What is kept: hash by path."""
    urls = visit.page.evaluate(
        """async () => {
            const name = (await caches.keys()).find((name) => name.endsWith(' listed'));
            return (await (await caches.open(name)).keys()).map((request) => request.url);
        }"""
    )
    return {url.removeprefix(visit.origin).split("?")[0]: url.split("?sha256=")[1] for url in urls}


def chosen_shard(visit: Visit, folder: Path) -> Path:
    """A file with weights of the model that the page has loaded."""
    return next((folder / "model" / f"tfjs-{visit.data('#facts', 'precision')}").glob("*.bin"))


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def stop_host(host: LoggedHost, visit: Visit) -> None:  # noqa: ARG001
    host.stop()


def cut_off_browser(host: LoggedHost, visit: Visit) -> None:  # noqa: ARG001
    visit.page.context.set_offline(True)


@pytest.mark.parametrize("cut", [stop_host, cut_off_browser])
def test_the_second_visit_needs_no_network(
    open_page: OpenPage, host: LoggedHost, cut: Callable[[LoggedHost, Visit], None]
) -> None:
    visit = first_visit(open_page, host.url)
    assert host.log.paths.count("/") == 1  # no reload where the host isolates the page itself
    cut(host, visit)
    host.log.requests.clear()
    again = visit_again(visit)
    again.wait_for("ready")
    again.read_sample()  # which the first visit has not
    # The browser looks for a newer worker at a moment of its own choice, and set_offline does not reach that request.
    assert [path for path in host.log.paths if path != "/sw.js"] == []
    assert again.page.evaluate("crossOriginIsolated") is True
    assert again.complaints == []
    if cut is cut_off_browser:
        again.page.context.set_offline(False)
    else:
        host.start()
    online = first_visit(open_page, host.url)
    online.read_sample()
    assert again.probabilities == pytest.approx(online.probabilities, abs=BETWEEN_KERNELS)


def test_the_second_visit_asks_only_for_the_small_files(open_page: OpenPage, host: LoggedHost) -> None:
    visit = first_visit(open_page, host.url)
    visit.read_sample()
    lazy = {"/vendor/page.js", "/vendor/worker.js", "/vendor/media.js", "/vendor/chart.js", "/vendor/chart.css"}
    assert lazy <= set(host.log.paths)
    assert not any("/vendor/chunks/dist-" in path for path in host.log.paths)  # the other backends
    expected = visit.probabilities
    host.log.requests.clear()
    again = visit_again(visit)
    again.wait_for("ready")
    keep_all(again)
    again.read_sample()
    assert again.probabilities == expected
    assert large_files(host) == []
    assert {"/", "/vendor/files.json"} <= set(host.log.paths)  # a page that was changed is seen at once
    # The browser looks for a newer worker at a moment of its own choice, and may then be sent the whole of it.
    answers = {path: sent for path, sent in host.log.requests if path != "/sw.js"}
    assert {path: sent for path, sent in answers.items() if sent > UNCHANGED_BYTES} == {}


def test_the_pipelines_worker_runs_without_a_network(open_page: OpenPage, host: LoggedHost) -> None:
    start = """async () => {
        const {createEmotionPipeline} = await import('/js/pipeline.js');
        const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
        pipeline.destroy();
        return pipeline.facts.offMainThread;
    }"""
    visit = first_visit(open_page, host.url)
    assert visit.page.evaluate(start) is True
    host.stop()
    again = visit_again(visit)
    again.wait_for("ready")
    assert again.page.evaluate(start) is True


def test_a_host_that_does_not_answer_is_not_waited_for(open_page: OpenPage, host: LoggedHost) -> None:
    visit = first_visit(open_page, host.url)
    host.log.silence_s = 30
    started_s = time.monotonic()
    again = visit_again(visit)
    again.wait_for("ready")
    assert time.monotonic() - started_s < 15


def test_a_changed_page_is_seen_on_the_next_visit(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    visit = first_visit(open_page, host.url)
    page, mark = folder / "index.html", '<meta name="generator" content="new">'
    page.write_text(page.read_text(encoding="utf-8").replace("<title>", f"{mark}<title>"), encoding="utf-8")
    assert visit_again(visit).page.locator('meta[content="new"]').count() == 1


def test_a_plain_host_is_isolated_by_one_reload(open_page: OpenPage, plain_host: LoggedHost) -> None:
    visit = first_visit(open_page, plain_host.url + PLAIN_PATH)
    assert visit.page.evaluate("crossOriginIsolated") is True
    assert plain_host.log.paths.count(f"/{PLAIN_PATH}") == 2
    assert large_files(plain_host) != []
    # A forced reload goes past the worker: the page is not isolated, and does not reload itself a second time.
    visit.page.evaluate("document.body.dataset.state = 'gone'")
    visit.page.context.new_cdp_session(visit.page).send("Page.reload", {"ignoreCache": True})
    visit.wait_for("ready")
    assert visit.page.evaluate("[crossOriginIsolated, navigator.serviceWorker.controller !== null]") == [False, True]
    assert plain_host.log.paths.count(f"/{PLAIN_PATH}") == 3
    plain_host.stop()
    again = visit_again(visit)
    again.wait_for("ready")
    assert again.page.evaluate("crossOriginIsolated") is True


def test_every_answer_carries_the_headers(open_page: OpenPage, plain_host: LoggedHost) -> None:
    visit = first_visit(open_page, plain_host.url + PLAIN_PATH)
    ask = """async (paths) => Promise.all(paths.map(async (path) => {
        const {status, headers} = await fetch(path);
        const kinds = ['opener-policy', 'embedder-policy', 'resource-policy'];
        return [status, ...kinds.map((kind) => headers.get(`cross-origin-${kind}`))].join(' ');
    }))"""
    paths = [
        "./",
        "vendor/worker.js",
        "model/manifest.json",
        "vendor/tfjs.js",
        "samples/astronaut.png",
        "missing.txt",
    ]
    answers = visit.page.evaluate(ask, paths)
    assert answers == [*["200 same-origin require-corp same-origin"] * 5, "404 same-origin require-corp same-origin"]
    redirected = visit.page.evaluate("async () => (await fetch('samples')).url")
    assert redirected.endswith("/samples/")


@pytest.mark.parametrize(("broken", "visits"), [(NOT_ISOLATED, 2), (NOT_ISOLATED + ";" + NO_STORAGE, 1)])
def test_a_page_that_cannot_be_isolated_does_not_reload_for_ever(
    open_page: OpenPage, plain_host: LoggedHost, broken: str, visits: int
) -> None:
    visit = open_page(plain_host.url + PLAIN_PATH, init_script=broken)
    visit.wait_for("ready")
    keep_all(visit)
    assert plain_host.log.paths.count(f"/{PLAIN_PATH}") == visits


def test_a_kept_file_outlives_damage_on_the_host(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    visit = first_visit(open_page, host.url)
    shard = chosen_shard(visit, folder)
    flip_bit(shard)
    again = visit_again(visit)
    again.wait_for("ready")
    assert large_files(host).count(f"/{shard.relative_to(folder)}") == 1


def test_a_damaged_file_is_reported_and_not_kept(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    shards = list((folder / "model").glob("tfjs-*/*.bin"))
    for shard in shards:
        flip_bit(shard)
    visit = open_page(host.url)
    visit.wait_for("error")
    assert "SHA-256" in visit.error
    assert not any(path.endswith(".bin") and "tfjs-" in path for path in kept_by_hash(visit))
    for shard in shards:
        flip_bit(shard)
    again = visit_again(visit)
    again.wait_for("ready")


def test_a_rebuilt_model_takes_the_place_of_the_old_one(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    visit = first_visit(open_page, host.url)
    shard = chosen_shard(visit, folder)
    graph = f"model/{shard.parent.name}/model.json"
    before = kept_by_hash(visit)
    rebuild(folder / "model", graph.removeprefix("model/"))
    host.log.requests.clear()
    again = visit_again(visit)
    again.wait_for("ready")
    keep_all(again)
    after = kept_by_hash(again)
    assert large_files(host) == [f"/{graph}"]
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {graph}


def rebuild(model: Path, name: str) -> None:
    """Write a JSON file of the model anew, so that it says the same in other bytes."""
    path, listed = model / name, model / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    manifest = json.loads(listed.read_text(encoding="utf-8"))
    for artefact in manifest["artefacts"]:
        for file in artefact["files"]:
            if file["path"] == name:
                file.update(bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    listed.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_part_of_a_file_is_left_to_the_network(open_page: OpenPage, host: LoggedHost) -> None:
    visit = first_visit(open_page, host.url)
    ask = """async () => {
        const answer = await fetch('samples/astronaut.png', {headers: {Range: 'bytes=1-3'}});
        return [answer.status, await answer.text()];
    }"""
    assert visit.page.evaluate(ask) == [206, "PNG"]
    visit.read_sample()  # the part has not taken the place of the whole


def test_what_older_versions_kept_is_deleted_and_nothing_of_others(open_page: OpenPage, host: LoggedHost) -> None:
    visit = open_page(f"{host.url}favicon.svg")  # of the same origin, without the worker
    old, others = f"reon-offline {host.url} v0 listed", f"reon-offline {host.url}below/ v0 listed"
    visit.page.evaluate("async (names) => { for (const name of names) await caches.open(name); }", [old, others])
    visit.page.goto(f"{host.url}#read")
    visit.wait_for("ready")
    names = visit.page.evaluate("caches.keys()")
    assert old not in names
    assert {others, f"reon-offline {host.url} v1 listed"} <= set(names)


def test_without_room_to_keep_anything_the_page_works(open_page: OpenPage, host: LoggedHost) -> None:
    visit = open_page("about:blank")
    cdp = visit.page.context.new_cdp_session(visit.page)
    cdp.send("Storage.overrideQuotaForOrigin", {"origin": host.url.rstrip("/"), "quotaSize": 1000})
    visit.page.goto(f"{host.url}#read")
    visit.wait_for("ready")
    visit.page.wait_for_selector('body[data-offline="not_kept"]')
    visit.read_sample()


def test_without_service_workers_the_page_goes_on(open_page: OpenPage, host: LoggedHost) -> None:
    visit = open_page(host.url, init_script="delete Navigator.prototype.serviceWorker")
    visit.wait_for("ready")
    visit.page.wait_for_selector('body[data-offline="not_kept"]')
    visit.read_sample()
    assert "/sw.js" not in host.log.paths
    assert visit.complaints == []


@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_other_engines_read_the_sample_without_a_network(plain_host: LoggedHost, name: str) -> None:
    kept = """async () => {
        for (let i = 0; i < 600 && document.body?.dataset.offline === undefined; i += 1) {
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return [document.body.dataset.offline, document.body.dataset.state, crossOriginIsolated];
    }"""
    read_sample = """async () => {
        document.querySelector('#sample').click();
        for (let i = 0; i < 600 && !['result', 'error'].includes(document.body.dataset.state); i += 1) {
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return document.body.dataset.state;
    }"""
    with open_engine(plain_host.url + PLAIN_PATH, browser=require_engine(name)) as page:
        time.sleep(RELOAD_S)  # a script that is running when the page reloads gets no answer
        assert page.evaluate(kept) == ["kept", "ready", True]
        assert plain_host.log.paths.count(f"/{PLAIN_PATH}") <= 3  # WebKit's worker does not see the page's cache
        plain_host.stop()
        page.evaluate("() => { setTimeout(() => location.reload(), 100); }")
        time.sleep(RELOAD_S)
        assert page.evaluate(kept) == ["kept", "ready", True]
        assert page.evaluate(read_sample) == "result"

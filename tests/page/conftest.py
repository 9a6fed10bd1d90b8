"""Visits to the page in one Chromium a session, with a fresh profile a test."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser
from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer
from reon_export.site.static_site import check_bundle
from tests.support import clips
from tests.support.hosts import PLAIN_PATH, LoggedHost
from tests.support.performances import QUICK_FPS, write_samples
from tests.support.visits import ChangeManifest, OpenPage, ServeChanged, Visit, copy_model, open_visit

FAILURES = Path("build/failures")


@pytest.fixture(scope="session", autouse=True)
def _vendored() -> None:
    check_bundle(WEB_DEMO)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


def _launch(playwright: Playwright, arguments: list[str]) -> Browser:
    return playwright.chromium.launch(
        executable_path=find_browser(),
        chromium_sandbox=False,
        # Debian asks for the graphics processor, which paints more slowly where it is software.
        args=[*CHROMIUM_ARGUMENTS, "--disable-gpu-rasterization", *arguments],
    )


@pytest.fixture(scope="session")
def shared_chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = _launch(playwright, [])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def chromium_arguments() -> list[str]:
    """What a module's Chromium is started with besides; a module that overrides it gets one of its own."""
    return []


@pytest.fixture(scope="module")
def chromium(chromium_arguments: list[str], playwright: Playwright, shared_chromium: Browser) -> Iterator[Browser]:
    if not chromium_arguments:
        yield shared_chromium
        return
    browser = _launch(playwright, chromium_arguments)
    yield browser
    browser.close()


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """open_page(url, locale="en-US", init_script=None, **context options) -> Visit.

    Without the page's service worker, unless the test is marked `service_worker`.
    """
    visits: list[Visit] = []
    # It fetches, hashes and keeps all 11 MB of the page again: a third of what a visit costs.
    worker = "allow" if request.node.get_closest_marker("service_worker") else "block"

    def open_url(url: str, **options: Any) -> Visit:
        visits.append(open_visit(chromium, url, service_workers=worker, **options))
        return visits[-1]

    yield open_url
    if getattr(request.node, "has_failed", False):
        _keep_failure(request.node.name, visits)
    for visit in visits:
        visit.page.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Tell the fixtures of a test whether it has failed."""
    report = yield
    if report.when == "call" and report.failed:
        item.has_failed = True  # type: ignore[attr-defined]
    return report


def _keep_failure(name: str, visits: list[Visit]) -> None:
    """A screenshot and the console of every page that a failed test had open, in build/failures."""
    FAILURES.mkdir(parents=True, exist_ok=True)
    for number, visit in enumerate(visits):
        path = FAILURES / f"{''.join(c if c.isalnum() else '_' for c in name)}-{number}"
        path.with_suffix(".txt").write_text("\n".join([visit.page.url, *visit.complaints]), encoding="utf-8")
        if not visit.page.is_closed():
            visit.page.screenshot(path=path.with_suffix(".png"))


@pytest.fixture(scope="session")
def site(model_dir: Path) -> Iterator[SiteServer]:
    """The site with the default checkpoint's model."""
    with SiteServer(WEB_DEMO, mounts={"model": model_dir}) as server:
        yield server


@pytest.fixture(scope="session")
def quick_samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples of the page, the videos cut to a third of their length and half of their frames."""
    return write_samples(tmp_path_factory.mktemp("samples"), clips.SHORT, clips.SHORT_SWAPPED, QUICK_FPS)


@pytest.fixture(scope="session")
def quick_site(model_dir: Path, quick_samples: Path) -> Iterator[SiteServer]:
    """The site with short samples: for tests in which any score will do."""
    with SiteServer(WEB_DEMO, mounts={"model": model_dir, "samples": quick_samples}) as server:
        yield server


@pytest.fixture
def serve_changed(model_dir: Path, tmp_path: Path) -> Iterator[ServeChanged]:
    """Serve a copy of the model folder whose manifest has been changed, once; `mounts` as for SiteServer."""
    with ExitStack() as stack:

        def serve(change: ChangeManifest, **mounts: Path) -> SiteServer:
            folder = copy_model(model_dir, tmp_path)
            path = folder / "manifest.json"
            manifest = json.loads(path.read_text(encoding="utf-8"))
            change(manifest, folder)
            path.write_text(json.dumps(manifest), encoding="utf-8")
            return stack.enter_context(SiteServer(WEB_DEMO, mounts={**mounts, "model": folder}))

        yield serve


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """The site as plain files, model included, free to be changed; `PLAIN_PATH` inside of tmp_path."""
    folder = tmp_path / PLAIN_PATH
    shutil.copytree(WEB_DEMO, folder, ignore=shutil.ignore_patterns("node_modules", "model", "bench"))
    copy_model(model_dir, folder)
    return folder


@pytest.fixture
def host(folder: Path) -> Iterator[LoggedHost]:
    """The folder on our own server, with its headers."""
    with LoggedHost(folder) as host:
        yield host

"""The sample performances: an example that is scored at once, and the same clips read by the page."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from reon_export.paths import SAMPLE_PHOTOS
from reon_export.site.server import SiteServer
from tests.support.performances import score_of, wait_until_read
from tests.support.visits import OpenPage, ServeChanged, Visit, open_visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]


@pytest.fixture(scope="module")
def read_samples(chromium: Browser, site: SiteServer) -> Iterator[Visit]:
    """A page, first in Korean, that has read and scored the sample clips itself."""
    visit = open_visit(chromium, f"{site.url}?precision=float32&lang=ko#imitate")
    visit.wait_for("ready")
    visit.page.click("#actor-sample")
    wait_until_read(visit, "actor")
    visit.page.click("#user-sample")
    visit.wait_for("result")
    yield visit
    visit.page.context.close()


def test_the_page_opens_on_an_example_that_needs_no_model(
    open_page: OpenPage, site: SiteServer, read_samples: Visit
) -> None:
    visit = open_page("about:blank")
    held: list[Route] = []  # neither model nor runtime arrives
    visit.page.route(re.compile(r"\.(bin|wasm)$"), lambda route: held.append(route))  # noqa: PLW0108  playwright marks a function
    visit.page.goto(site.url)
    visit.page.click("#example")
    visit.wait_for("result")
    shown = score_of(visit)
    assert held
    assert "float32" in visit.page.inner_text("#score-facts")
    assert visit.page.locator(".face canvas").count() == 4
    read = score_of(read_samples)
    print(f"the example's score {shown:.4f}, read by the page {read:.4f}")
    assert shown == pytest.approx(read, abs=0.001)  # the digits that the tracks are shipped with


def test_no_click_is_lost_while_the_page_loads(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page("about:blank")
    held: list[Route] = []
    visit.page.route("**/vendor/page.js", lambda route: held.append(route))  # noqa: PLW0108  playwright marks a function
    visit.page.goto(site.url, wait_until="commit")
    assert visit.page.locator("#imitate").get_attribute("inert") is not None
    visit.page.wait_for_timeout(300)
    held[0].continue_()
    visit.page.click("#example")  # as soon as it can be clicked
    visit.wait_for("result")


def with_tracks(samples: Path, folder: Path) -> Path:
    """The short samples, each with the shipped track as if it had been made of that clip."""
    shutil.copytree(samples, folder)
    names = json.loads((SAMPLE_PHOTOS / "samples.json").read_text(encoding="utf-8"))
    for who in ("actor", "user"):
        track = json.loads((SAMPLE_PHOTOS / names[f"{who}_track"]).read_text(encoding="utf-8"))
        track["model"]["clip_sha256"] = hashlib.sha256((folder / names[who]).read_bytes()).hexdigest()
        (folder / names[f"{who}_track"]).write_text(json.dumps(track), encoding="utf-8")
    (folder / "samples.json").write_text(json.dumps(names), encoding="utf-8")
    return folder


# The page's own weights, or those that the shipped tracks were made with.
@pytest.mark.parametrize(("is_another", "weights"), [(False, "float32"), (True, "float16")])
def test_with_another_model_the_example_is_read_by_it(
    open_page: OpenPage,
    serve_changed: ServeChanged,
    quick_samples: Path,
    tmp_path: Path,
    is_another: bool,
    weights: str,
) -> None:
    def change(manifest: dict[str, Any], _: Path) -> None:
        if is_another:
            manifest["source"]["sha256"] = "0" * 64

    visit = open_page(f"{serve_changed(change, samples=with_tracks(quick_samples, tmp_path / 'samples')).url}#imitate")
    visit.wait_for("ready")
    visit.page.click("#example")
    visit.wait_for("result")
    assert weights in visit.page.inner_text("#score-facts")


def test_the_samples_are_scored_and_shown_in_both_languages(read_samples: Visit) -> None:
    visit = read_samples
    assert "0.40초 늦음" in visit.page.inner_text("#score-facts")
    visit.page.click("button[data-language=en]")
    assert "0.40 s late" in visit.page.inner_text("#score-facts")
    assert visit.page.inner_text("#user-title").endswith("You")
    assert "Best moment: 99.9" in visit.page.inner_text("#moments")
    visit.expect_clean()

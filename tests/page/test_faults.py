"""The page where hosts, caches, tabs and files misbehave."""

from pathlib import Path

import pytest
from PIL import Image

from reon_export.site.server import SiteServer
from tests.page.test_offline import flip_bit, large_files, rebuild
from tests.support.hosts import LoggedHost
from tests.support.visits import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.service_worker]


def test_a_model_that_is_replaced_while_it_is_loaded_is_loaded_as_one(
    open_page: OpenPage, host: LoggedHost, folder: Path
) -> None:
    replaced: list[str] = []

    def replace(path: str) -> None:
        # The old manifest has been sent; every file from now on is the new model's.
        if path.endswith("/model.json") and not replaced:
            replaced.append(path)
            for graph in (folder / "model").glob("tfjs-*/model.json"):
                rebuild(folder / "model", graph.relative_to(folder / "model").as_posix())

    host.log.before = replace
    visit = open_page(host.url)
    visit.wait_for("ready")
    assert replaced
    assert host.log.paths.count("/model/manifest.json") >= 2


def test_a_file_that_comes_damaged_once_is_asked_for_again(open_page: OpenPage, host: LoggedHost, folder: Path) -> None:
    seen: list[str] = []

    def damage(path: str) -> None:
        if path.endswith(".bin") and "/model/tfjs-" in path and path not in seen:
            seen.append(path)
            flip_bit(folder / path[1:])

    def repair(path: str) -> None:
        if host.log.paths.count(path) == 1 and path in seen:
            flip_bit(folder / path[1:])

    host.log.before, host.log.after = damage, repair
    visit = open_page(host.url)
    visit.wait_for("ready")
    assert seen
    assert all(host.log.paths.count(path) == 2 for path in seen)


def test_two_tabs_share_what_is_kept(open_page: OpenPage, host: LoggedHost) -> None:
    first = open_page(host.url)
    first.wait_for("ready")
    first.page.wait_for_selector('body[data-offline="kept"]')
    host.log.requests.clear()
    second = first.page.context.new_page()
    second.goto(f"{host.url}#read")
    second.wait_for_selector('body[data-state="ready"]', timeout=60_000)
    assert large_files(host) == []
    for page in (first.page, second):
        page.click("#sample")
        page.wait_for_selector('body[data-state="result"]', timeout=60_000)
        assert page.inner_text("#headline").startswith("Happiness, ")


@pytest.mark.parametrize("mode", ["1", "RGBA"])
def test_a_picture_of_too_many_pixels_is_refused_before_it_takes_memory(
    open_page: OpenPage, site: SiteServer, tmp_path: Path, mode: str
) -> None:
    side = 16_000 if mode == "1" else 6_000  # a transparent PNG is decoded by the page itself, which takes more room
    Image.new(mode, (side, side)).save(tmp_path / "huge.png")
    visit = open_page(site.url)
    visit.wait_for("ready")
    visit.drop("huge.png", "image/png", (tmp_path / "huge.png").read_bytes())
    visit.wait_for("error")
    limit = 67 if mode == "1" else 16
    assert visit.error.startswith(
        f"huge.png has {side} x {side} pixels, and at most {limit} megapixels are read here. Make it smaller, or raise"
    )
    visit.page.click("#sample")
    visit.wait_for("result")


def test_the_limit_can_be_set_in_the_address(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}?max-pixels=1000")
    visit.wait_for("ready")
    visit.page.click("#sample")
    visit.wait_for("error")
    assert "has 512 x 512 pixels, and at most 0 megapixels are read here" in visit.error

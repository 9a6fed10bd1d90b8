"""What is in view on small and low screens, in both languages."""

from pathlib import Path

import pytest

from reon_export.site.server import SiteServer
from tests.support import clips
from tests.support.visits import OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

SIZES = {"laptop": (1024, 700), "landscape": (844, 390), "twice": (720, 450), "phone": (390, 844), "small": (320, 640)}
FIRST_BUTTON = {"read": "#camera", "imitate": "#example"}


def resize(visit: Visit, size: tuple[int, int]) -> None:
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.page.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_button_is_in_the_first_view_and_nothing_is_cut_off(
    open_page: OpenPage, site: SiteServer, language: str
) -> None:
    visit = open_page(f"{site.url}?lang={language}")
    visit.wait_for("ready")
    for panel, button in FIRST_BUTTON.items():
        visit.page.click(f"#tab-{panel}")
        for name, size in SIZES.items():
            resize(visit, size)
            box = visit.page.locator(button).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= size[1], f"{panel} on {name}: {box}"
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0], f"{panel} on {name}"


def test_an_address_with_a_part_opens_at_the_top(open_page: OpenPage, site: SiteServer) -> None:
    visit = open_page(f"{site.url}?lang=en#imitate", viewport={"width": 844, "height": 390})
    visit.wait_for("ready")
    assert visit.page.is_visible("#imitate")
    assert visit.page.evaluate("scrollY") == 0


def test_a_phone_shows_picture_and_bars_together_while_it_reads(
    open_page: OpenPage, site: SiteServer, tmp_path: Path
) -> None:
    shots = (clips.Shot(clips.SMILE, 2.0),)
    clip = clips.write_clip(tmp_path / "a.webm", clips.performance(shots), clips.even_times(2))
    visit = open_page(f"{site.url}?lang=en#read", viewport={"width": 390, "height": 844})
    visit.wait_for("ready")
    visit.page.set_input_files("#picker", clip)
    visit.wait_for("live")
    visit.page.wait_for_selector("#stage[data-filled]")
    top = visit.page.evaluate("document.querySelector('#photo').getBoundingClientRect().top")
    bottom = visit.page.evaluate("document.querySelector('#bars').getBoundingClientRect().bottom")
    assert top > -1  # scrolling ends on a whole pixel, the picture does not begin on one
    assert bottom <= 844

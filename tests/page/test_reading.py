"""What a visitor can do with a face that is read: choose it among several, go back in time, keep it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reon_export.score.tracks.track import read_track
from reon_export.site.server import SiteServer
from tests.support import clips
from tests.support.performances import camera_arguments, save
from tests.support.visits import TIMEOUT_MS, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]

MIDDLE = 320  # of a picture of two
SWITCH_S = 1.0
KEEP_ALL = """() => {
    globalThis.seen = [];
    addEventListener('reon-reading', ({detail}) => {
        if (detail?.found) globalThis.seen.push([detail.found.x, detail.faces.length, detail.faces[0].x]);
    }, true);
}"""


@pytest.fixture(scope="module")
def chromium_arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return camera_arguments(tmp_path_factory.mktemp("camera"))


@pytest.fixture
def visit(open_page: OpenPage, site: SiteServer) -> Visit:
    visit = open_page(f"{site.url}?precision=float32")
    visit.wait_for("ready")
    return visit


def two_people(time_s: float) -> clips.Frame:
    """First the left one is the larger, then the right one."""
    frame = np.full((480, 2 * MIDDLE, 3), 96, np.uint8)
    scales = (1.0, 0.75) if time_s < SWITCH_S else (0.75, 1.0)
    for i, (photo, scale) in enumerate(zip((clips.SMILE, clips.SPEECH), scales, strict=True)):
        picture = Image.fromarray(clips.performance((clips.Shot(photo, 9),))(0.0)[:, 80 : 80 + MIDDLE])
        width, height = round(MIDDLE * scale), round(picture.height * scale)
        left, top = i * MIDDLE + (MIDDLE - width) // 2, (480 - height) // 2
        frame[top : top + height, left : left + width] = np.asarray(picture.resize((width, height)))
    return frame


@pytest.fixture(scope="module")
def couple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("couple") / "couple.webm"
    return clips.write_clip(path, two_people, clips.even_times(2 * SWITCH_S))


def play(visit: Visit, path: Path) -> None:
    visit.page.set_input_files("#picker", path)
    visit.wait_for("live")
    visit.page.wait_for_selector("#stage[data-filled]")


def wait_for_note(visit: Visit, text: str) -> None:
    visit.page.wait_for_selector(f"#face-note:text-is('{text}')", timeout=TIMEOUT_MS)


def test_one_of_two_faces_is_followed_and_another_is_chosen(visit: Visit, couple: Path) -> None:
    visit.page.evaluate(KEEP_ALL)
    play(visit, couple)
    wait_for_note(visit, "2 faces: number 1 from the left is read")
    visit.page.wait_for_timeout(4500)
    seen = visit.page.evaluate("seen")
    assert len(seen) > 40
    assert any(largest > MIDDLE for _, _, largest in seen)  # the other one was the larger for a while
    assert all(x < MIDDLE for x, _, _ in seen)
    visit.page.locator("#faces button").nth(1).focus()
    visit.page.keyboard.press("Enter")
    wait_for_note(visit, "2 faces: number 2 from the left is read")
    visit.page.evaluate("() => { globalThis.seen = []; }")
    visit.page.wait_for_timeout(2500)
    seen = visit.page.evaluate("seen")
    assert len(seen) > 20
    assert all(x > MIDDLE for x, _, _ in seen)
    assert visit.page.locator("#faces button").nth(1).get_attribute("aria-pressed") == "true"
    visit.expect_clean()


def test_a_video_has_a_seek_bar_and_a_timeline_and_is_kept_as_a_track(
    visit: Visit, couple: Path, tmp_path: Path
) -> None:
    play(visit, couple)
    visit.page.wait_for_timeout(2500)  # once through it
    visit.page.click("#pause")
    visit.page.fill("#seek", "0.5")
    visit.page.wait_for_selector("#seek-text:text-is('0.5 s of 2.0 s')")
    assert visit.page.evaluate("document.querySelector('#stage video').currentTime") == pytest.approx(0.5, abs=0.05)
    assert visit.page.get_attribute("#timeline", "aria-label") == "What was read over time"
    box = visit.page.locator("#timeline .u-over").bounding_box()
    assert box is not None
    visit.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 20)
    visit.page.wait_for_selector("#seek-text:text-is('1.5 s of 2.0 s')")
    (path,) = save(visit, "#save-reading-json", tmp_path)
    track = read_track(path)
    assert (track.name, track.measurement.rule) == ("couple.webm", "single")
    assert track.duration_s == pytest.approx(2 * SWITCH_S, abs=0.05)
    times = [frame.time_s for frame in track.frames]
    assert times == sorted(set(times))
    assert len(times) >= 10
    assert times[-1] - times[0] > 1
    assert sum(frame.probabilities is not None for frame in track.frames) >= 0.8 * len(times)
    (table,) = save(visit, "#save-reading-csv", tmp_path)
    lines = table.read_text().splitlines()
    assert lines[0].startswith("time_s,x,y,width,height,")
    assert len(lines) == len(times) + 1
    visit.page.click("#stop")
    assert visit.page.is_visible("#reading-files")  # what was read stays
    assert visit.page.is_hidden(".seek")


def test_a_photograph_is_kept_with_every_face(visit: Visit, tmp_path: Path) -> None:
    Image.fromarray(two_people(0.0)).save(tmp_path / "couple.png")
    assert visit.page.is_hidden("#reading-files")
    visit.drop("couple.png", "image/png", (tmp_path / "couple.png").read_bytes())
    visit.wait_for("result")
    content = json.loads(save(visit, "#save-reading-json", tmp_path)[0].read_text())
    assert (content["format"], content["name"], content["width"]) == ("reon-reading", "couple.png", 2 * MIDDLE)
    assert sorted(face["box"]["x"] > MIDDLE for face in content["faces"]) == [False, True]
    assert [sum(face["probabilities"]) for face in content["faces"]] == pytest.approx([1, 1])
    rows = save(visit, "#save-reading-csv", tmp_path)[0].read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["face", "1", "2"]
    with Image.open(save(visit, "#save-reading-picture", tmp_path)[0]) as picture:
        assert picture.size == (2 * MIDDLE, 480)
        box = content["faces"][0]["box"]
        edge = picture.convert("RGB").getpixel((round(box["x"] + box["width"] / 2), round(box["y"])))
    assert edge == (255, 255, 255)


def test_the_camera_may_be_unmirrored_and_fill_the_screen(visit: Visit, tmp_path: Path) -> None:
    visit.page.click("#camera")
    visit.wait_for("live")
    assert visit.page.locator("#stage").get_attribute("data-mirrored") is not None
    visit.page.click("#mirror")
    assert visit.page.locator("#stage").get_attribute("data-mirrored") is None
    visit.page.click("#camera")  # the next time, too
    visit.page.wait_for_selector("#mirror[aria-pressed=false]")
    visit.page.wait_for_selector("#stage[data-filled]")
    assert visit.page.locator("#stage").get_attribute("data-mirrored") is None
    visit.page.click("#full-screen")
    visit.page.wait_for_selector("#full-screen[aria-pressed=true]")
    assert visit.page.evaluate("document.fullscreenElement.id") == "read"
    visit.page.click("#full-screen")
    visit.page.wait_for_selector("#full-screen[aria-pressed=false]")
    visit.page.wait_for_selector("#reading-files:visible")
    track = read_track(save(visit, "#save-reading-json", tmp_path)[0])
    assert track.duration_s == track.frames[-1].time_s
    visit.page.click("#stop")
    assert visit.page.is_hidden("#mirror")
    visit.expect_clean()

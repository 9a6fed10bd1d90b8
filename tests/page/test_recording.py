"""Recording oneself, or the actor, through the page as a visitor does it."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from reon_export.score.definition import score_tracks
from reon_export.score.tracks.track import Track, read_track
from reon_export.site.server import SiteServer
from tests.support import clips
from tests.support.performances import (
    SECONDS,
    SHOTS,
    MakeClip,
    camera_arguments,
    choose,
    make_in,
    save,
    wait_until_read,
)
from tests.support.visits import TIMEOUT_MS, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("model_dir")]


@pytest.fixture(scope="module")
def chromium_arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return camera_arguments(tmp_path_factory.mktemp("camera"), devices=2)


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    return make_in(tmp_path)


@pytest.fixture
def visit(open_page: OpenPage, site: SiteServer) -> Visit:
    visit = open_page(f"{site.url}?precision=float32#imitate")
    visit.wait_for("ready")
    return visit


def max_gap_s(track: Track) -> float:
    times = [frame.time_s for frame in track.frames]
    return max(later - earlier for earlier, later in pairwise(times))


def test_recording_oneself_gives_a_score_and_a_replay(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    choose(visit, "actor", make_clip("actor.webm"))
    wait_until_read(visit, "actor")
    visit.page.click("#record")
    for count in ("3", "2", "1"):
        visit.page.wait_for_selector(f"#countdown:text-is('{count}')", timeout=TIMEOUT_MS)
    assert visit.page.inner_text("#record") == "Cancel recording"
    visit.page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
    visit.wait_for("result")
    actor, user = (read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2))
    assert user.duration_s == pytest.approx(SECONDS, abs=0.2)
    assert len(user.frames) >= 2 * SECONDS  # a machine that reads two frames a second is slow, and still covered
    assert max_gap_s(user) <= 0.5 + 1 / 30
    score = score_tracks(actor, user)
    assert float(visit.data("#score", "score")) == pytest.approx(score.total, abs=1e-6)
    assert score.coverage >= 0.8
    lengths = visit.page.eval_on_selector_all("#imitate video", "videos => videos.map(video => video.videoWidth)")
    assert lengths == [clips.SIZE[0]] * 2
    assert visit.page.locator(".face canvas").count() == 4
    assert (
        visit.page.evaluate("document.querySelector('#players video + video').srcObject") is None
    )  # the camera is off
    visit.expect_clean()


def start_countdown(visit: Visit, actor: Path) -> None:
    choose(visit, "actor", actor)
    wait_until_read(visit, "actor")
    visit.page.click("#record")
    visit.page.wait_for_selector("#countdown:text-is('2')", timeout=TIMEOUT_MS)


def test_a_recording_is_cancelled_in_the_countdown(visit: Visit, make_clip: MakeClip) -> None:
    start_countdown(visit, make_clip("actor.webm"))
    visit.page.click("#record:text-is('Cancel recording')")
    visit.page.wait_for_selector("#record:text-is('Record yourself')", timeout=TIMEOUT_MS)
    assert visit.page.evaluate("document.querySelector('#user video').srcObject") is None
    assert visit.page.is_hidden("#score")
    visit.page.wait_for_timeout(1500)  # nothing goes on behind it
    assert visit.page.inner_text("#countdown") == ""
    assert visit.page.evaluate("document.querySelector('#actor video').paused")
    visit.expect_clean()


def test_a_take_that_is_stopped_is_scored_as_far_as_it_goes(visit: Visit, make_clip: MakeClip, tmp_path: Path) -> None:
    choose(visit, "actor", make_clip("actor.webm", SHOTS * 2))
    wait_until_read(visit, "actor")
    visit.page.click("#record")
    visit.page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
    visit.page.wait_for_timeout(1600)
    visit.page.click("#record")
    visit.wait_for("result")
    actor, user = (read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2))
    assert actor.duration_s == user.duration_s < SECONDS
    assert [note for note in actor.notes if "the recording was stopped there" in note]
    shown = visit.page.inner_text("#score-facts")
    assert re.search(rf"the first \d\.\d s of {2 * SECONDS:.1f} s, where the recording stopped", shown)
    assert float(visit.data("#score", "score")) == pytest.approx(score_tracks(actor, user).total, abs=1e-6)
    shown = f"{float(visit.data('#score', 'score')):.1f}"
    assert f"{shown}; the best is {shown}" in visit.page.inner_text("#score-facts")
    (recording,) = save(visit, "#save-recording", tmp_path)
    assert recording.name == "recording.webm"
    assert recording.stat().st_size > 1000
    visit.page.click("#again")  # one click, from the score
    visit.page.wait_for_selector("#countdown:text-is('3')", timeout=TIMEOUT_MS)
    assert visit.page.locator("#actor video").count() == 1
    assert visit.page.is_hidden("#score")


def test_leaving_the_tab_gives_a_recording_up(visit: Visit, make_clip: MakeClip) -> None:
    start_countdown(visit, make_clip("actor.webm"))
    visit.page.click("#tab-read")
    visit.page.click("#tab-imitate")
    visit.page.wait_for_selector("#record:enabled")
    assert visit.page.inner_text("#record") == "Record yourself"
    assert visit.page.evaluate("document.querySelector('#user video').srcObject") is None
    assert visit.page.is_hidden("#score")
    visit.expect_clean()

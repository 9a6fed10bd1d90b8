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
    return camera_arguments(tmp_path_factory.mktemp("camera"))


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


FIRST_FRAME = """() => {
    const {currentTime, paused, controls} = document.querySelector('#actor video');
    return [currentTime, paused, controls];
}"""
COUNT_TONES = """
globalThis.tones = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
    const playing = play.call(this);
    if (this instanceof HTMLAudioElement) playing.then(() => globalThis.tones.push(Number(this.dataset.hz)));
    return playing;
};
"""


def test_while_you_imitate_the_actor_is_large_and_what_to_show_is_said(
    open_page: OpenPage, site: SiteServer, make_clip: MakeClip
) -> None:
    visit = open_page(f"{site.url}?precision=float32#imitate", init_script=COUNT_TONES)
    visit.wait_for("ready")
    start_countdown(visit, make_clip("actor.webm", SHOTS * 2))
    assert visit.page.evaluate(FIRST_FRAME) == [0, True, False]
    visit.page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
    assert visit.page.evaluate("tones") == [440, 440, 440, 880]
    visit.page.wait_for_selector("#target-score:not(:text-is('–'))")
    actor, user = (visit.page.locator(f"#{who} video").bounding_box() for who in ("actor", "user"))
    assert actor is not None
    assert user is not None
    assert actor["width"] * actor["height"] > 2 * user["width"] * user["height"]
    target = visit.page.inner_text("#target")
    assert re.search(r"The actor shows (Happiness|Anger|Neutral|Sadness|Surprise|Fear|Disgust)", target)
    assert len(re.findall(r"\d+%", target)) == 2
    assert re.search(r"Score so far\s+\d+\s+Left\s+\d s", target)
    visit.page.click("#record")
    visit.wait_for("result")
    assert visit.page.is_hidden("#target")


def test_the_beep_is_off_by_choice(open_page: OpenPage, site: SiteServer, make_clip: MakeClip) -> None:
    visit = open_page(f"{site.url}?precision=float32#imitate", init_script=COUNT_TONES)
    visit.wait_for("ready")
    visit.page.click("#beep")
    start_countdown(visit, make_clip("actor.webm", SHOTS[:1]))
    visit.page.wait_for_selector("#record:text-is('Stop and score')", timeout=TIMEOUT_MS)
    assert visit.page.evaluate("tones") == []


# A camera that shows a grey wall until the page says otherwise.
GREY_CAMERA = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (asked) => {
    const video = document.createElement('video');
    video.srcObject = await open(asked);
    await video.play();
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext('2d');
    setInterval(() => {
        context.fillStyle = '#888';
        context.fillRect(0, 0, canvas.width, canvas.height);
        if (globalThis.isThere) context.drawImage(video, 0, 0);
    }, 33);
    return canvas.captureStream();
};
"""


def test_the_countdown_waits_for_a_face_and_says_what_is_wrong(
    open_page: OpenPage, site: SiteServer, make_clip: MakeClip
) -> None:
    visit = open_page(f"{site.url}?precision=float32#imitate", init_script=GREY_CAMERA)
    visit.wait_for("ready")
    choose(visit, "actor", make_clip("actor.webm", SHOTS[:1]))
    wait_until_read(visit, "actor")
    visit.page.click("#record")
    visit.page.wait_for_selector("#user .face-note:text-is('No face in the picture')", timeout=TIMEOUT_MS)
    visit.page.wait_for_timeout(1500)
    assert visit.page.inner_text("#countdown") == ""
    visit.page.evaluate("globalThis.isThere = true")
    visit.page.wait_for_selector("#countdown:text-is('3')", timeout=TIMEOUT_MS)
    visit.page.wait_for_selector("#user .face-note", state="hidden")


def test_ones_own_performance_may_be_the_actors(visit: Visit, tmp_path: Path) -> None:
    visit.page.click("#actor-record")
    visit.page.wait_for_selector("#actor .countdown:text-is('2')", timeout=TIMEOUT_MS)
    assert visit.page.is_hidden("#user")
    visit.page.wait_for_selector("#actor-record:text-is('Stop recording')", timeout=TIMEOUT_MS)
    visit.page.wait_for_timeout(2000)
    visit.page.click("#actor-record")
    wait_until_read(visit, "actor")
    assert visit.page.locator("#actor video").get_attribute("data-mirrored") is None  # an actor, as in any film
    visit.page.click("#record")
    visit.wait_for("result")
    actor, user = (read_track(path) for path in save(visit, "#save-tracks", tmp_path, 2))
    assert actor.duration_s == pytest.approx(user.duration_s, abs=0.2)
    assert actor.duration_s >= 2
    assert score_tracks(actor, user).coverage >= 0.8
    visit.expect_clean()


LOOK_AWAY = """
const read = MediaStreamTrack.prototype.getSettings;
MediaStreamTrack.prototype.getSettings = function () { return {...read.call(this), facingMode: 'environment'}; };
"""


def test_a_camera_that_looks_away_is_not_mirrored(open_page: OpenPage, site: SiteServer, make_clip: MakeClip) -> None:
    for script, is_mirrored in ((None, True), (LOOK_AWAY, False)):
        visit = open_page(f"{site.url}?precision=float32#imitate", init_script=script)
        visit.wait_for("ready")
        start_countdown(visit, make_clip("actor.webm", SHOTS[:1]))
        assert (visit.page.locator("#user video").get_attribute("data-mirrored") is not None) is is_mirrored
        visit.page.click("#record")


# Chromium's fake camera from a file is only one.
SECOND_CAMERA = """
const {mediaDevices} = navigator;
const list = mediaDevices.enumerateDevices.bind(mediaDevices);
const open = mediaDevices.getUserMedia.bind(mediaDevices);
const second = {kind: 'videoinput', deviceId: 'second', label: 'Back camera'};
globalThis.asked = [];
mediaDevices.enumerateDevices = async () => [...await list(), second];
mediaDevices.getUserMedia = (constraints) => {
    globalThis.asked.push(constraints.video.deviceId?.ideal ?? constraints.video.facingMode);
    return open(constraints);
};
"""


def test_another_camera_may_be_chosen(open_page: OpenPage, site: SiteServer, make_clip: MakeClip) -> None:
    visit = open_page(f"{site.url}?precision=float32#imitate", init_script=SECOND_CAMERA)
    visit.wait_for("ready")
    assert visit.page.is_hidden("#user-device")  # nothing is known of any before one is allowed
    start_countdown(visit, make_clip("actor.webm", SHOTS[:1]))
    visit.page.click("#record")
    visit.page.wait_for_selector("#user-device:visible")
    assert "Back camera" not in visit.page.inner_text("#user-device")  # but the one that was opened
    visit.page.click("#user-device")
    assert visit.page.inner_text("#user-device") == "Switch the camera (now Back camera)"
    visit.page.click("#record")
    visit.page.wait_for_selector("#countdown:text-is('2')", timeout=TIMEOUT_MS)
    assert visit.page.evaluate("asked") == ["user", "second"]
